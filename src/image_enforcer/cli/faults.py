"""How commands fail: one line that says what and why, where known a place, and what to do next."""

from __future__ import annotations

import sys

USAGE = 2
UNDECIDED = 3


class Done(int):
    """An exit code after which there is nothing to tidy up: no thread, no open file, nothing to be said."""


class Fault(Exception):
    """A failure with an exit code. ``code`` is stable (``IE2001``); ``at`` is a place, ``hint`` the next step."""

    def __init__(self, code: str, text: str, *, at: str = "", hint: str = "", exit_code: int = USAGE) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.at = at
        self.hint = hint
        self.exit_code = exit_code

    def show(self) -> int:
        """Print it on standard error and give the exit code."""
        say(error_text(self.code, self.text, at=self.at, hint=self.hint))
        return self.exit_code


def error_text(code: str, text: str, *, at: str = "", hint: str = "") -> str:
    """An error as it is printed. Further lines of the text are indented, so that none looks like one of its own."""
    from .shown import block

    lines = [f"error[{code}]: {block(text, '  ')}"]
    if at:
        lines.append(f"  at {block(at, '  ')}")
    if hint:
        lines.append(f"  hint: {block(hint, '  ')}")
    return "\n".join(lines)


def say(text: str, end: str = "\n") -> None:
    """Print on standard error. Where that cannot be, nothing is said: the exit code still tells the verdict."""
    if sys.stderr is None:
        return  # Python would print on standard output instead
    try:
        print(text, end=end, file=sys.stderr, flush=True)
    except OSError:
        return
