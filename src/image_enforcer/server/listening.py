"""Addresses that are listened on, and who connects there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator
from typing import Final

import uvicorn

from ..domain.errors import EnforcerError
from ..settings import Address

HANDSHAKES: Final = 256
"""Connections whose handshake is not finished. Beyond, the eldest gives way: an honest client takes milliseconds."""
HANDSHAKE: Final = 10.0
"""Seconds for a handshake."""
PARTING: Final = 1.0
"""Seconds that handshakes under way have when the server stops."""
PAUSE: Final = 0.05
"""Seconds until the next try, where a connection cannot be taken in."""


class CannotListen(EnforcerError):
    """An address that cannot be listened on."""


def bind(address: Address, flag: str) -> socket.socket:
    """A listening socket; raises :class:`CannotListen`."""
    try:
        found = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen(2048)
        except OSError:
            listening.close()
            raise
    except (OSError, OverflowError, ValueError) as e:
        why = getattr(e, "strerror", None) or str(e)
        raise CannotListen(
            f"cannot listen on {address}: {why.lower()}; choose another {flag}, or stop what is there"
        ) from e
    listening.setblocking(False)
    return listening


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: two of them run in this process, and both stop when it is told to.

    Where there is TLS, connections are taken in here: in uvicorn one without a finished handshake is none yet, so
    nothing bounds how many there are.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._accepting: list[asyncio.Task[None]] = []
        self._greeting: dict[asyncio.Task[None], None] = {}

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections in."""
        if self.config.ssl is None:
            await super().startup(sockets)
            return
        loop = asyncio.get_running_loop()
        self.servers = []
        self._accepting = [loop.create_task(self._accept(listening)) for listening in sockets or []]
        self.started = True

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = await loop.sock_accept(listening)
            except OSError:  # too many files are open, or the client is gone again
                await asyncio.sleep(PAUSE)
                continue
            if len(self._greeting) >= HANDSHAKES:
                eldest = next(iter(self._greeting))
                del self._greeting[eldest]
                eldest.cancel()
            self._greet(accepted)

    def _greet(self, accepted: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._shake_hands(accepted))
        self._greeting[task] = None
        task.add_done_callback(lambda done: self._greeting.pop(done, None))

    async def _shake_hands(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._connection, accepted, ssl=self.config.ssl, ssl_handshake_timeout=HANDSHAKE
            )
        except OSError:  # also what TLS finds wrong, and time that ran out
            accepted.close()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in who has connected already, then as uvicorn does: closing a listener turns away who waits there."""
        for accepting in self._accepting:
            accepting.cancel()
        waiting: list[socket.socket] = []
        for listening in sockets or []:
            with contextlib.suppress(BlockingIOError):
                while True:
                    waiting.append(listening.accept()[0])
            # Nothing between the last look and this: who connects now is told so, not cut off.
            listening.shutdown(socket.SHUT_RDWR)
        loop = asyncio.get_running_loop()
        for accepted in waiting:
            accepted.setblocking(False)
            if self.config.ssl is None:
                await loop.connect_accepted_socket(self._connection, accepted)
            elif len(self._greeting) < HANDSHAKES:
                self._greet(accepted)
            else:
                accepted.close()
        if self._greeting:
            await asyncio.wait(self._greeting, timeout=PARTING)
        for late in list(self._greeting):
            late.cancel()
        await super().shutdown(sockets)

    def _connection(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state={})
