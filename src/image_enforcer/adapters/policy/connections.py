"""HTTP connections whose every exchange ends at one moment, however slowly the other side sends.

The standard library's time limits hold for each reading of a socket, so a server that sends a byte a second is never
late. Here what is left of the whole exchange's time is the limit of each reading.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final

MAX_HEAD: Final = 1 << 20
"""Bytes of status line and headers, and of what chunks add to a body."""


class TooMuch(http.client.HTTPException):
    """The other side sends more than anybody wants."""


class _Reader(io.RawIOBase):
    """What arrives on a socket, until a moment and up to a size."""

    def __init__(self, raw: socket.SocketIO, timed: _Timed, most: int) -> None:
        self._raw = raw
        self._timed = timed
        self._most = most

    def readable(self) -> bool:
        """See :class:`io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """See :class:`io.RawIOBase`; raises :class:`TimeoutError` and :class:`TooMuch`."""
        self._timed.arm()
        got = self._raw.readinto(buffer)
        self._most -= got or 0
        if self._most < 0:
            raise TooMuch("more than anybody wants")
        return got

    def close(self) -> None:
        """Give the socket up as well, where the connection did so before."""
        self._raw.close()
        super().close()


class _Timed:
    """The part of a socket that :mod:`http.client` uses, each call with the time that is left."""

    def __init__(self, inner: socket.socket, left: Callable[[], float], most: int) -> None:
        self._inner = inner
        self._left = left
        self._most = most
        self._poll = select.poll()
        self._poll.register(inner, select.POLLIN)

    def arm(self) -> None:
        """Limit the next call to the time that is left; raises :class:`TimeoutError` where none is."""
        self._inner.settimeout(self._left())

    def sendall(self, data: bytes) -> None:
        """See :meth:`socket.socket.sendall`."""
        self.arm()
        self._inner.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        """A buffered reader."""
        del mode
        return io.BufferedReader(_Reader(self._inner.makefile("rb", buffering=0), self, self._most))

    def close(self) -> None:
        """Close; a reader that is still open reads on."""
        self._inner.close()

    def quiet(self) -> bool:
        """Whether nothing has arrived: an answer that nobody asked for, or the end of the connection."""
        if isinstance(self._inner, ssl.SSLSocket) and self._inner.pending():
            return False
        return not self._poll.poll(0)


class Connection(http.client.HTTPConnection):
    """A connection, plain or over TLS. ``clock`` gives seconds; set :attr:`until` before each exchange."""

    def __init__(
        self, host: str, port: int, *, tls: ssl.SSLContext | None, clock: Callable[[], float], most: int
    ) -> None:
        """``most`` is how many bytes of body anybody wants."""
        super().__init__(host, port)
        self._tls = tls
        self._clock = clock
        self._most = most + MAX_HEAD
        self._timed: _Timed | None = None
        self.until = 0.0

    def connect(self) -> None:
        """Dial the host's addresses in turn; raises :class:`OSError`. Looking a name up cannot be cut short."""
        fault: OSError | None = None
        for family, kind, protocol, _, where in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM):
            dialled = socket.socket(family, kind, protocol)
            try:
                dialled.settimeout(self._left())
                dialled.connect(where)
                dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    dialled.settimeout(self._left())
                    dialled = self._tls.wrap_socket(dialled, server_hostname=self.host)
                self._timed = _Timed(dialled, self._left, self._most)
            except OSError as e:
                dialled.close()
                fault = e
                continue
            self.sock = self._timed  # all that http.client uses of a socket is there
            return
        raise fault or OSError("the host has no address")

    def _left(self) -> float:
        left = self.until - self._clock()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left

    def quiet(self) -> bool:
        """Whether the next thing to arrive can only be the answer to the next request."""
        return self._timed is not None and self._timed.quiet()


class Idle:
    """Connections between two exchanges, up to a number; the last one kept is taken first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: list[Connection] = []

    def take(self) -> Connection | None:
        """One that can be used again; those that cannot are closed."""
        while True:
            with self._lock:
                if not self._kept:
                    return None
                found = self._kept.pop()
            if found.quiet():
                return found
            found.close()

    def keep(self, connection: Connection) -> None:
        """Keep one whose last answer was read to its end."""
        with self._lock:
            if len(self._kept) < self._most:
                self._kept.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            kept, self._kept = self._kept, []
        for connection in kept:
            connection.close()
