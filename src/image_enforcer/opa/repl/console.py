"""The REPL on a terminal, with history and completion; plain line reading where standard input is none."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ... import __version__
from ...rego import CompileError
from ..documents import Documents
from ..errors import LoadError
from .session import Session

BANNER = f"image-enforcer {__version__}\n\nEnter 'help' for the commands, 'exit' to leave.\n"


class Console:
    """Reads lines, hands them to a session, writes what it says."""

    def __init__(
        self, documents: Documents, *, form: str = "pretty", history: str = "", watched: list[str] | None = None,
        reload: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self.session = Session(documents, form=form)
        self.history = history
        self.watched = watched or []
        self.reload = reload
        self._lock = threading.Lock()

    def run(self) -> int:
        """Run until the end of input, ``exit`` or ctrl-d; 2 where standard input was no terminal and something failed."""
        stop = threading.Event()
        if self.watched and self.reload is not None:
            from ..watch import watch

            started = threading.Event()
            threading.Thread(target=watch, args=(self.watched, self._reloaded, stop, started), daemon=True).start()
            started.wait(5)
        try:
            if sys.stdin.isatty():
                return self._terminal()
            return self._plain()
        finally:
            stop.set()

    def _reloaded(self) -> None:
        assert self.reload is not None
        begun = time.monotonic()
        try:
            with self._lock:
                self.reload()
        except (LoadError, CompileError) as e:
            text = f"reload error (took {(time.monotonic() - begun) * 1000:.1f}ms), the former state stays: {e}"
        else:
            text = f"reloaded files (took {(time.monotonic() - begun) * 1000:.1f}ms)"
        print(f"\n# {text}", file=sys.stderr, flush=True)

    def _answer(self, line: str) -> None:
        with self._lock:
            out = self.session.line(line)
        sys.stdout.write(out)
        sys.stdout.flush()

    def _plain(self) -> int:
        for line in sys.stdin:
            self._answer(line.rstrip("\n"))
            if self.session.done:
                break
        if self.session.buffer:
            self._answer("")
        return 2 if self.session.failed else 0

    def _terminal(self) -> int:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.history import FileHistory, InMemoryHistory
        from prompt_toolkit.patch_stdout import patch_stdout

        print(BANNER)
        path = Path(self.history).expanduser() if self.history else Path.home() / ".image_enforcer_history"
        usable = os.access(path if path.exists() else path.parent, os.W_OK)
        completer = WordCompleter(self.session.names, WORD=True, sentence=True)
        prompt: PromptSession[str] = PromptSession(
            history=FileHistory(str(path)) if usable else InMemoryHistory(),
            completer=completer,
            complete_while_typing=False,
        )
        while not self.session.done:
            try:
                with patch_stdout():
                    line = prompt.prompt(self.session.prompt)
            except KeyboardInterrupt:
                self.session.buffer.clear()
                continue
            except EOFError:
                with contextlib.suppress(EOFError, KeyboardInterrupt):
                    if prompt.prompt("Do you want to exit ([y]/n)? ").strip().lower() in ("n", "no"):
                        continue
                break
            self._answer(line)
        return 0
