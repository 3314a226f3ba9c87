"""The REPL on a terminal, with history and completion; plain line reading where standard input is none.

Results and notices of reloads go to standard output, as OPA's; hints and what is not OPA's go to standard error.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO

from ... import __version__
from ...rego import Host, RegoError, Value
from .. import presentation
from ..documents import Documents
from ..errors import LoadError, OpaError
from ..watch import Look, watch
from .session import MAX_STATEMENT, Session
from .settings import Format

if TYPE_CHECKING:
    from ...rego.outside import Network

BANNER: Final = f"image-enforcer {__version__}\n\nEnter 'help' for the commands, 'exit' to leave.\n\n"
QUESTION: Final = "Do you want to exit ([y]/n)? "


class Console:
    """Reads lines, hands them to a session, writes what it says."""

    def __init__(
        self, documents: Documents, *, form: Format = "pretty", history: str = "", watched: Sequence[str] = (),
        ignore: Sequence[str] = (), since: Look | None = None, reload: Callable[[], None] | None = None,
        network: Network | None = None, runtime: Value = None,
    ) -> None:  # fmt: skip
        """``reload`` is called when one of the ``watched`` paths has changed; it raises, and all stays as it was.

        ``since`` is how they looked before they were loaded. ``network`` is what ``http.send`` reaches, ``runtime``
        what ``opa.runtime()`` tells.
        """
        self.session = Session(documents, form=form, outside=Host(network=network, runtime=runtime))
        self._writing = threading.Lock()
        self._terminal_there = False
        self.history = history
        self.watched = watched
        self.ignore = ignore
        self.since = since
        self.reload = reload

    def run(self) -> int:
        """Run until the end of input, ``exit`` or ctrl-d; gives 2 where a statement failed and no terminal showed it.

        Raises :class:`OSError` where the output cannot be written.
        """
        if sys.stdin is None:
            return 0
        self._terminal_there = self.session.at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        with self._watching():
            if self._terminal_there:
                return self._terminal()
            return self._plain(sys.stdin.buffer)

    # --- watching --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        if not self.watched or self.reload is None:
            yield
            return

        stop, started = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=watch, args=(self.watched, self._reloaded, stop, started), daemon=True,
            kwargs={"ignore": self.ignore, "report": self._report, "since": self.since},
        )  # fmt: skip
        thread.start()
        started.wait(5)
        try:
            yield
        finally:
            stop.set()
            thread.join(5)

    def _reloaded(self) -> None:
        assert self.reload is not None
        begun = time.perf_counter_ns()
        fault = ""
        hints: tuple[str, ...] = ()
        try:
            self.reload()
        except LoadError as e:
            fault, hints = e.plain(), e.hints
        except (OpaError, RegoError, OSError, ValueError, RecursionError, MemoryError) as e:
            fault = str(e) or type(e).__name__
        took = f"(took {presentation.duration(time.perf_counter_ns() - begun)})"
        said = f"reload error {took}: {fault}" if fault else f"reloaded files {took}"
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more: the next result finds that out
            self._write(f"\n# {said}" + ("\n" if self._terminal_there else ""))
        for hint in hints:
            self._report(f"hint: {hint}")

    def _report(self, text: str) -> None:
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write(_shown(f"# {text}\n", sys.stderr))
                sys.stderr.flush()

    # --- lines -----------------------------------------------------------------------------------

    def _plain(self, source: BinaryIO) -> int:
        for line in _lines(source):
            self._write(line if isinstance(line, _Bad) else self.session.line(line))
            if self.session.done:
                break
        out, fault = self.session.close()
        self._write(out)
        if fault and sys.stderr is not None:
            sys.stderr.write(_shown(fault, sys.stderr))
        return 2 if self.session.failed else 0

    def _write(self, text: str) -> None:
        if isinstance(text, _Bad):
            self.session.failed = True
        if text:
            with self._writing:
                sys.stdout.write(_shown(text, sys.stdout))
                sys.stdout.flush()

    def _terminal(self) -> int:
        from prompt_toolkit.patch_stdout import patch_stdout

        from .terminal import PROMPT, open_history, prompt_session

        self._write(BANNER)
        prompt = prompt_session(self.session, open_history(self.history, self._report))
        while not self.session.done:
            try:
                with patch_stdout():
                    text = prompt.prompt(PROMPT)
            except KeyboardInterrupt:
                continue
            except EOFError:
                if self._leaves():
                    break
                continue
            try:
                self._write(self.session.block(text))
            except KeyboardInterrupt:
                self._write("interrupted\n")
        return 0

    @staticmethod
    def _leaves() -> bool:
        from prompt_toolkit import prompt as question

        try:
            return question("\n" + QUESTION).strip().lower() not in ("n", "no")
        except KeyboardInterrupt:
            return False
        except EOFError:
            return True


class _Bad(str):
    """What is said of a line that is no text."""

    __slots__ = ()


def _lines(source: BinaryIO) -> Iterator[str]:
    """The lines, without their ends. One that is too long, or no UTF-8, becomes a :class:`_Bad` that says so."""
    while raw := source.readline(MAX_STATEMENT + 1):
        if len(raw) > MAX_STATEMENT:
            while raw and not raw.endswith(b"\n"):
                raw = source.readline(1 << 20)
            yield _Bad(f"a line longer than {MAX_STATEMENT >> 20} MiB was dropped\n")
            continue
        try:
            yield raw.rstrip(b"\r\n").decode("utf-8")
        except UnicodeDecodeError as e:
            yield _Bad(f"a line that is not UTF-8 text was dropped (byte {e.start + 1})\n")


def _shown(text: str, stream: TextIO) -> str:
    """Text as it may go to a stream: on a terminal, control characters from data command nothing."""
    return presentation.harmless(text) if stream.isatty() else text
