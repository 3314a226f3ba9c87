"""Blobs for Clair: what a link leads to is read from the registry and passed on, a piece at a time.

Only links that were made here lead anywhere (see ``services/handing``). The length is the one that the manifest says.
The last piece is held back until the digest is known to be right, so that whatever goes wrong on the way, the client
sees an answer that breaks off, and never one that is whole and false.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from ..asgi import Receive, Scope, Send
from ..domain.errors import EnforcerError
from ..domain.reference import Repository
from ..domain.watched import Trouble
from ..ports.registry import NotAuthorised, NotFound, RateLimited, Registry, RegistryError
from ..services.handing import MEDIA_TYPE, Blob, Expired, Links
from ..services.told import Told
from ..settings import Address, Tls
from .certificates import Certificates
from .listening import Server, bind
from .protocol import CUT, Manners, configuration

AT_ONCE: Final = 64
"""Blobs that are read at a time."""
TURN: Final = 60.0
"""Seconds that a request waits for its turn."""
CONNECTIONS: Final = 256
RECEIVE: Final = 10.0
IDLE: Final = 60.0
GRACE: Final = 1.0
STALL: Final = 30.0
"""Seconds that a client may take for one piece, and those after which it must have been fast enough."""
SLOWEST: Final = 32 << 10
"""Bytes a second, on average, that a client must take."""
LEAST_SECRET: Final = 32
_SHORT: Final = f"the secret of blobs has fewer than {LEAST_SECRET} characters; openssl rand -hex 32 makes one"


class TooSlow(Exception):
    """A client that does not take what it asked for."""


class BadSecret(EnforcerError):
    """A secret that is none."""


class BlobsApp:
    """The ASGI application."""

    def __init__(self, registry: Registry, links: Links, told: Told, clock: Callable[[], float], stall: float) -> None:
        self._registry = registry
        self._links = links
        self._told = told
        self._clock = clock
        self._stall = stall
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.stopping = asyncio.Event()
        """Whether the server is about to stop: what is under way is broken off."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            return
        if scope["method"] not in ("GET", "HEAD"):
            await _refuse(send, 405, "blobs are read by GET", (b"allow", b"GET, HEAD"))
            return
        try:
            blob = self._links.read(scope["path"])
        except Expired:
            await _refuse(send, 410, "this link has expired")
            return
        if blob is None:
            await _refuse(send, 404, "there is nothing here")
        elif scope["method"] == "HEAD":
            await _begin(send, blob)
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._unless_gone(scope, receive, send, blob)

    async def _unless_gone(self, scope: Scope, receive: Receive, send: Send, blob: Blob) -> None:
        """Answer, for as long as the client is there: writing to one that has gone is no error to uvicorn."""
        gone = asyncio.create_task(_gone(receive))
        stopping = asyncio.create_task(self.stopping.wait())
        answering = asyncio.create_task(self._answer(send, blob))
        try:
            await asyncio.wait({gone, stopping, answering}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done() or (answering.done() and answering.result()):
                return
            scope["extensions"][CUT]["cut"]()
            await asyncio.wait({gone}, timeout=GRACE)  # until uvicorn has heard of it
        finally:
            for task in (gone, stopping, answering):
                task.cancel()
            await asyncio.gather(gone, stopping, answering, return_exceptions=True)

    async def _answer(self, send: Send, blob: Blob) -> bool:
        """Whether there is a whole answer, be it a refusal; else it is to be broken off."""
        try:
            async with asyncio.timeout(TURN):
                await self._turns.acquire()
        except TimeoutError:
            await _refuse(send, 503, "too much is read at once; ask again later", (b"retry-after", b"30"))
            return True
        passing = _Passing(send, blob, self._clock, self._stall)
        try:
            async with aclosing(self._registry.blob(blob.repository, blob.content)) as pieces:
                async for piece in pieces:
                    await passing.take(piece)
            await passing.end()
            self._told.recovered(_about(blob.repository))
            return True
        except RegistryError as e:
            self._failed(blob, e.code, str(e))
            if not passing.begun:
                await _refuse(send, _status(e), f"{e} [{e.code}]")
            return not passing.begun
        except TooSlow:
            self._failed(blob, "slow-reader", f"whoever fetches {blob.content.digest} does not take it")
            return False
        finally:
            self._turns.release()

    def _failed(self, blob: Blob, code: str, text: str) -> None:
        self._told.failed(_about(blob.repository), Trouble(code=code, text=text, at=datetime.now(UTC)))


class _Passing:
    """An answer in pieces, of which the last is held back."""

    def __init__(self, send: Send, blob: Blob, clock: Callable[[], float], stall: float) -> None:
        self._send = send
        self._blob = blob
        self._clock = clock
        self._stall = stall
        self._held = b""
        self._size = 0
        self._waited = 0.0
        self.begun = False

    async def take(self, piece: bytes) -> None:
        """Another piece; raises :class:`TooSlow`."""
        if self._held:
            await self._say(self._held, more=True)
        self._held = piece

    async def end(self) -> None:
        """There are no more, and they are what was promised; raises :class:`TooSlow`."""
        await self._say(self._held, more=False)

    async def _say(self, piece: bytes, *, more: bool) -> None:
        asked = self._clock()
        try:
            async with asyncio.timeout(self._stall):
                if not self.begun:
                    self.begun = True
                    await _begin(self._send, self._blob)
                await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            raise TooSlow from None
        self._size += len(piece)
        self._waited += self._clock() - asked
        if self._waited > self._stall and self._size < self._waited * SLOWEST:
            raise TooSlow


class BlobServer:
    """Where they are served. Made before anything else starts, so that what cannot be used ends it early."""

    def __init__(
        self, addr: Address, tls: Tls | None = None, url: str = "", secret: str = "", stall: float = STALL
    ) -> None:
        """Raises a :class:`EnforcerError` for an address, a certificate or a secret that cannot be used."""
        if secret and len(secret) < LEAST_SECRET:
            raise BadSecret(_SHORT)
        self._stall = stall
        self._certificates = Certificates(tls) if tls is not None else None
        self._socket = bind(addr, "--serve-blobs-addr")
        host, port = self._socket.getsockname()[:2]
        place = Address(host=addr.host or host, port=port)
        url = url or f"{'https' if tls is not None else 'http'}://{place}"
        self.links = Links(url, secret.encode() or secrets.token_bytes(32), time.time)

    def close(self) -> None:
        """Listen no longer."""
        self._socket.close()

    @asynccontextmanager
    async def serving(self, registry: Registry, told: Told) -> AsyncIterator[None]:
        """Serve what this registry client reads."""
        app = BlobsApp(registry, self.links, told, time.monotonic, self._stall)
        context = self._certificates.listening if self._certificates is not None else None
        manners = Manners(receive=RECEIVE, idle=IDLE, connections=CONNECTIONS, cuts=True)
        server = Server(configuration(app, manners, tls=context, grace=GRACE))
        task = asyncio.create_task(server.serve([self._socket]))
        try:
            yield
        finally:
            app.stopping.set()
            server.should_exit = True
            await task


def _about(repository: Repository) -> str:
    return f"{repository} blobs"


def _status(error: RegistryError) -> int:
    """What a registry's error is to who fetches. That of a refusal is told apart in what Clair says of it."""
    match error:
        case NotFound():
            return 404
        case NotAuthorised():
            return 403
        case RateLimited():
            return 503
        case _:
            return 502


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _begin(send: Send, blob: Blob) -> None:
    headers = [
        (b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(blob.content.size).encode()),
        (b"docker-content-digest", blob.content.digest.encode()), (b"cache-control", b"no-store"),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _refuse(send: Send, status: int, text: str, *more: tuple[bytes, bytes]) -> None:
    body = text.encode("utf-8", "replace") + b"\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
