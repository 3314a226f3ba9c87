"""Log lines: JSON objects, one a line, written whole. A reader that does not read never holds up an answer."""

from __future__ import annotations

import datetime
import logging
import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ..analysis import text

_ENCODE: Final = msgspec.json.Encoder(decimal_format="number").encode
_PIECE: Final = 4096
"""Bytes that a pipe takes at once when it says that it can be written to (PIPE_BUF on Linux)."""
BACKLOG: Final = 8 << 20
"""Bytes of lines that may wait for a slow reader; later ones are dropped and counted."""
LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Sink:
    """Lines to a file descriptor. Written at once where that does not wait, else by a thread of its own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)
        self._backlog: deque[bytes] = deque()
        self._waiting = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._torn = False
        self._cut = False
        self.dropped = 0
        """Lines that were lost: the reader was too slow, or the disk was full."""

    def write(self, line: bytes) -> None:
        """One line with its line feed. Never raises, never waits."""
        with self._changed:
            rest = line if self._backlog else self._put_ready(line)
            if not rest:
                return
            if len(rest) == len(line) and (self._waiting + len(line) > BACKLOG or self._closed):
                self.dropped += 1
                return
            self._backlog.append(rest)
            self._waiting += len(rest)
            if self._thread is None:
                self._thread = threading.Thread(target=self._drain, name="log", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _put_ready(self, line: bytes) -> bytes:
        """Write what can be written without waiting; what is left of the line."""
        while line and self._poll.poll(0):
            try:
                line = self._written(line, _PIECE)
            except BlockingIOError:  # somebody else, who has the other end as well, was faster
                break
            except OSError:
                self._lost()
                return b""
        return line

    def _put(self, line: bytes) -> None:
        while line:
            try:
                line = self._written(line, len(line) + 1)
            except BlockingIOError:
                self._poll.poll()
            except OSError:
                self._lost()
                return

    def _written(self, line: bytes, most: int) -> bytes:
        """Write some of the line; what is left of it. After one that was cut off it stands on a line of its own."""
        begun = b"\n" + line if self._cut else line
        done = os.write(self._fd, begun[:most])
        self._torn = begun[done - 1 : done] != b"\n"
        if self._cut:
            self._cut, done = False, done - 1
        return line[done:]

    def _lost(self) -> None:
        """The rest of a line cannot be written; there is nowhere to say so but in the count."""
        self.dropped += 1
        self._cut = self._torn

    def _drain(self) -> None:
        while True:
            with self._changed:
                while not self._backlog:
                    if self._closed:
                        return
                    self._changed.wait()
                line = self._backlog[0]
            self._put(line)
            with self._changed:
                self._backlog.popleft()
                self._waiting -= len(line)

    def close(self, seconds: float) -> None:
        """Write what waits, for so long at most."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)


class Log:
    """What the process does: start, reloads, faults. Decisions have a log of their own."""

    def __init__(self, sink: Sink, now: Callable[[], float], level: str = "info") -> None:
        self._sink = sink
        self._now = now
        self._least = LEVELS[level]

    def __call__(self, level: str, msg: str, **fields: Any) -> None:
        """One line; the fields are JSON values."""
        if LEVELS[level] >= self._least:
            line = {"time": timestamp(self._now()), "level": level, "msg": text.safe(msg), **fields}
            self._sink.write(_ENCODE(line) + b"\n")


class Forwarded(logging.Handler):
    """Carries what libraries log with the standard library's ``logging`` into our lines, a traceback as one field."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`."""
        level = "error" if record.levelno >= 40 else "warning" if record.levelno >= 30 else "info"
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and self.formatter:
            fields["error"] = self.formatter.formatException(record.exc_info)[-4000:]
        self._log(level, record.getMessage(), **fields)


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the microsecond."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")
