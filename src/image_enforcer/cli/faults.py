"""How commands fail: one line that says what and why, where known a place, and what to do next."""

from __future__ import annotations

import sys
from typing import Final

USAGE: Final = 2
UNDECIDED: Final = 3


class Fault(Exception):
    """A failure with an exit code. ``code`` is stable (``IE2001``); ``hint`` is the next step."""

    def __init__(self, code: str, text: str, *, hint: str = "", exit_code: int = USAGE) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.hint = hint
        self.exit_code = exit_code

    def show(self) -> int:
        """Print it on standard error and give the exit code."""
        lines = [f"error[{self.code}]: {self.text}"]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        print("\n".join(lines), file=sys.stderr)
        return self.exit_code
