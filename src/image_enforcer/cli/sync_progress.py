"""How far ``sync`` has come, as a line at the bottom of a terminal."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..ports.store import Backlog

EVERY: Final = 1.0
"""Seconds between two looks at how far it has come."""
CLEAR: Final = "\r\x1b[K"


class Progress:
    """The line. Others that write to the same terminal do so :meth:`aside`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._shown = ""
        self._stop = threading.Event()

    @contextlib.contextmanager
    def following(self, backlog: Callable[[], Backlog]) -> Iterator[None]:
        """Show it, as long as there is something to be done."""
        thread = threading.Thread(target=self._follow, args=(backlog,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self._show("")

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away meanwhile."""
        with self._lock:
            if self._shown:
                self._out.write(CLEAR)
            yield
            self._out.write(self._shown)
            self._out.flush()

    def _follow(self, backlog: Callable[[], Backlog]) -> None:
        from ..domain.errors import EnforcerError

        while not self._stop.wait(EVERY):
            try:
                shown = line(backlog())
            except EnforcerError:
                shown = ""  # what is wrong with the store is said by whoever needs it
            self._show(shown)

    def _show(self, shown: str) -> None:
        with self._lock:
            if shown != self._shown:
                self._out.write(f"{CLEAR}{shown}")
                self._out.flush()
                self._shown = shown


def line(backlog: Backlog) -> str:
    """What is left to do; empty where nothing is."""
    left = []
    if backlog.looks_due:
        left.append(f"{backlog.looks_due} of {backlog.repositories} repositories to look at")
    if backlog.scans_due:
        left.append(f"{backlog.scans_due} of {backlog.images} images to scan")
    return ", ".join(left)
