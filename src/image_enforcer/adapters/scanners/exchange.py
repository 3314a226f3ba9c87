"""One exchange over HTTP with a scanner: bounded in size and time, never redirected, its failures in one table.

A scanner's address is configured, so that it may be anywhere; what it sends is not trusted for that.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from ... import __version__
from ...analysis import text
from ...ports.scanner import ScannerBusy, ScannerError, ScannerLying, ScannerRefused, ScannerUnreachable
from .pace import Pace

AGENT: Final = f"image-enforcer/{__version__}"
MAX_ERROR: Final = 64 << 10
"""Bytes of an error's body that are read."""
_REFUSED: Final = frozenset({401, 403})
_ABSENT: Final = frozenset({404, 405, 410, 415, 501})


class BadAddress(ValueError):
    """A scanner's address that cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of what a scanner may take and send."""

    connect: float = 5.0
    """Seconds to connect."""
    document: float = 60.0
    """Seconds for an answer that is there already."""
    scan: float = 900.0
    """Seconds for an answer that comes after layers were fetched and read."""
    report: int = 64 << 20
    """Bytes of a report, after it was uncompressed."""
    at_once: int = 4
    """Scans at once; Clair v4 takes four for each core that it has."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. The body of a refusal may be cut off, by its sender or by us: its status alone is to be relied on."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str

    @property
    def is_json(self) -> bool:
        """Whether it may come from the scanner itself, and not from something that stands before it."""
        return self.body.lstrip()[:1] in (b"{", b"[")


class Exchange:
    """Connections to one scanner. ``authorization`` is asked for a header's value before every request."""

    def __init__(
        self, url: str, *, limits: Limits, pace: Pace, authorization: Callable[[], str] = lambda: "",
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise BadAddress(f"{text.name(url, 200)} is no address of a scanner; give one like http://clair:6060")
        self.limits = limits
        self._base = url.rstrip("/")
        self._pace = pace
        self._authorization = authorization
        self._context = context
        self._session: ClientSession | None = None

    def _opened(self) -> ClientSession:
        if self._session is None or self._session.closed:
            self._session = ClientSession(
                connector=TCPConnector(limit=64, ttl_dns_cache=30),
                cookie_jar=DummyCookieJar(), auto_decompress=False, trust_env=False,
                headers={"User-Agent": AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"},
            )  # fmt: skip
        return self._session

    async def close(self) -> None:
        """Give connections up."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self, method: str, path: str, *, seconds: float, most: int = MAX_ERROR, body: bytes | None = None
    ) -> Answer:
        """An answer of at most so many bytes in so many seconds; raises a :class:`ScannerError`."""
        url = self._base + path
        headers = {"Content-Type": "application/json"} if body is not None else {}
        authorization = self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        timeout = ClientTimeout(total=None, sock_connect=self.limits.connect)
        try:
            async with (
                asyncio.timeout(seconds),
                self._opened().request(
                    method, URL(url, encoded=True), data=body, headers=headers, allow_redirects=False,
                    timeout=timeout, ssl=self._context if self._context is not None else True,
                ) as response,
            ):  # fmt: skip
                if response.status == 429:
                    # Clair v4 cuts the body of this one off; nothing in it is needed.
                    return Answer(response.status, response.headers, b"", url)
                if response.status >= 300:
                    return Answer(response.status, response.headers, await _some(response), url)
                return Answer(response.status, response.headers, await _all(response, most, url), url)
        except aiohttp.ClientError as e:
            raise _translated(e, url) from e
        except UnicodeError:
            raise ScannerUnreachable(f"{_shown(url)} names no host; see that its address is right") from None
        except TimeoutError:
            raise ScannerUnreachable(f"{_shown(url)} has not answered in {seconds:g} s") from None

    def went_well(self) -> None:
        """It took what it is sometimes too busy to take."""
        self._pace.went_well()

    def refused(self, answer: Answer) -> ScannerError:
        """The error for a status that its caller does not expect: the one table of them."""
        at = f"{_shown(answer.url)} answers {answer.status}"
        match answer.status:
            case 429:
                pause = self._pace.complained()
                return ScannerBusy(f"{at}: it has enough to do; wait {pause:.0f} s", pause)
            case status if status in _REFUSED:
                return ScannerRefused(f"{at}: it does not take these credentials; see that its key is the one given")
            case status if status in _ABSENT:
                return ScannerLying(f"{at}: this is not the scanner that was expected; see that its address is right")
            case status if 300 <= status < 400:
                return ScannerLying(f"{at}: scanners are not followed elsewhere; give the address that it is now at")
            case status if status >= 500:
                return ScannerUnreachable(f"{at}: it is out of order, see its log")
            case _:
                return ScannerLying(f"{at}, which nothing is known to mean: {text.name(_words(answer.body), 300)}")

    def unreadable(self, answer: Answer, error: ValueError) -> ScannerLying:
        """The error for an answer that is not what was asked for."""
        return ScannerLying(f"{_shown(answer.url)}: what it answers is of no use: {error}")


async def _all(response: ClientResponse, most: int, url: str) -> bytes:
    """The whole body, uncompressed; never more than ``most`` bytes of it."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in ("gzip", "x-gzip"):
        inflate = zlib.decompressobj(wbits=31)
    elif encoding in ("", "identity"):
        inflate = None
    else:
        raise ScannerLying(f"{_shown(url)} sends its answer in {text.name(encoding, 40)}, which nobody asked for")
    pieces: list[bytes] = []
    size = received = 0
    async for piece in response.content.iter_any():
        received += len(piece)
        if inflate is not None:
            try:
                piece = inflate.decompress(piece, most + 1 - size)
            except zlib.error:
                raise ScannerLying(f"{_shown(url)} says that its answer is gzip, and it is not") from None
        size += len(piece)
        if max(size, received) > most or (inflate is not None and inflate.unconsumed_tail):
            raise ScannerLying(f"{_shown(url)} sends more than {most} bytes")
        pieces.append(piece)
    # Clair says gzip of answers without any body too.
    if inflate is not None and received and not inflate.eof:
        raise ScannerUnreachable(f"{_shown(url)} breaks off in the middle of its answer")
    return b"".join(pieces)


async def _some(response: ClientResponse) -> bytes:
    """What can be had of a refusal's body: it may be cut off, compressed, or longer than anyone wants."""
    try:
        body = await response.content.read(MAX_ERROR)
    except aiohttp.ClientPayloadError:
        return b""
    if response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
        try:
            return zlib.decompressobj(wbits=31).decompress(body, MAX_ERROR)
        except zlib.error:
            return b""
    return body


def _translated(error: aiohttp.ClientError, url: str) -> ScannerError:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return ScannerUnreachable(f"{_shown(url)}: TLS: {text.name(str(error), 300)}; give its authority")
        case aiohttp.ClientConnectorSSLError():
            why = text.name(str(error.os_error), 300)
            remedy = "where it speaks plain HTTP, its address begins with http://"
            return ScannerUnreachable(f"{_shown(url)}: no TLS: {why}; {remedy}")
        case aiohttp.ClientConnectorError():
            return ScannerUnreachable(f"{_shown(url)} cannot be reached: {text.name(str(error.os_error), 200)}")
        case aiohttp.ClientPayloadError():
            return ScannerUnreachable(f"{_shown(url)} breaks off in the middle of its answer")
        case aiohttp.ServerTimeoutError():
            return ScannerUnreachable(f"{_shown(url)} cannot be reached in time")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError():
            return ScannerUnreachable(f"{_shown(url)} hangs up")
        case _:
            return ScannerLying(f"{_shown(url)} answers with what is no HTTP ({type(error).__name__})")


def _words(body: bytes) -> str:
    return body[:300].decode("utf-8", "replace")


def _shown(url: str) -> str:
    """An address as it may be shown: without what stands before an @, which is secret, and without its query."""
    scheme, _, rest = url.partition("?")[0].partition("://")
    place, slash, path = rest.partition("/")
    return text.name(f"{scheme}://{place.rpartition('@')[2]}{slash}{path}", 300)
