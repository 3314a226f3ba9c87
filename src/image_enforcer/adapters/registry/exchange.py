"""One exchange over HTTP with a registry, or with whom it sends us to: bounded, and redirects followed by hand.

Credentials go to the place that they are meant for and nowhere else: a redirect to another scheme, host or port loses
them for good. HTTPS never becomes HTTP.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from ... import __version__
from ...analysis import links, text
from ...ports.registry import Forbidden, Lying, Unreachable
from .guard import ForbiddenAddress, Guard, Lookup, system_lookup
from .hosts import Host, host_of, place_of

AGENT: Final = f"image-enforcer/{__version__}"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
MOST_LINE: Final = 16 << 10
"""Bytes of one header line: signed addresses are long."""
MOST_HEADERS: Final = 256
MOST_ERROR: Final = 64 << 10
"""Bytes that are read of an answer which is not what was asked for."""
_URL: Final = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"
"""What stands in an address as it came: it may be signed, so that nothing is spelled otherwise."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. ``url`` is where it came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    foreign: bool
    """Whether it came from another place than the one that was asked."""
    challenges: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    content: aiohttp.StreamReader | None = None
    """What is yet to be read, where that was asked for."""


class Exchange:
    """Connections to registries, shared by all requests.

    Registries whose private addresses are allowed share no connections and no names with others: what one registry may
    lead to, another must not.
    """

    def __init__(self, lookup: Lookup = system_lookup) -> None:
        self._lookup = lookup
        self._guards: dict[frozenset[str], Guard] = {}
        self._sessions: dict[frozenset[str], ClientSession] = {}
        self._contexts: dict[tuple[str, bool], ssl.SSLContext] = {}

    def guard(self, host: Host) -> Guard:
        """Says where a registry may lead."""
        found = self._guards.get(host.private)
        if found is None:
            found = self._guards[host.private] = Guard(host.private, self._lookup)
        return found

    def _session(self, host: Host) -> ClientSession:
        found = self._sessions.get(host.private)
        if found is None or found.closed:
            # How many connections there are follows from how many requests there may be: nothing waits here unseen.
            found = self._sessions[host.private] = ClientSession(
                connector=TCPConnector(resolver=self.guard(host), limit=0, ttl_dns_cache=30),
                cookie_jar=DummyCookieJar(), auto_decompress=False, trust_env=False,
                max_line_size=MOST_LINE, max_field_size=MOST_LINE, max_headers=MOST_HEADERS,
                headers={"User-Agent": AGENT, "Accept-Encoding": "identity"},
            )  # fmt: skip
        return found

    async def close(self) -> None:
        """Give connections up."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()

    async def send(
        self, host: Host, method: str, url: str, *, most: int, headers: Mapping[str, str] | None = None,
        authorization: str = "", form: Mapping[str, str] | None = None, follow: bool = True,
    ) -> Answer:  # fmt: skip
        """An answer of at most so many bytes, in the time that documents have; raises a :class:`RegistryError`."""
        try:
            async with asyncio.timeout(host.limits.document):
                followed = self._followed(host, method, url, headers or {}, authorization, form, follow)
                async with followed as (response, foreign):
                    if method == "HEAD":
                        body = b""
                    elif response.status == 200:
                        body = await _all(response, most)
                    else:
                        body = await _some(response)
                    return _answer(response, body, foreign)
        except TimeoutError:
            raise Unreachable(f"{shown(url)} has not answered in {host.limits.document:g} s") from None

    async def open(
        self, until: AsyncExitStack, host: Host, url: str, headers: Mapping[str, str], authorization: str
    ) -> Answer:
        """An answer whose content is yet to be read, before ``until`` closes; raises a :class:`RegistryError`.

        What goes wrong while it is read leaves ``until`` as a :class:`RegistryError` too.
        """
        try:
            async with asyncio.timeout(host.limits.document), AsyncExitStack() as opened:
                followed = self._followed(host, "GET", url, headers, authorization, None, True)
                response, foreign = await opened.enter_async_context(followed)
                if response.status not in (200, 206):
                    return _answer(response, await _some(response), foreign)
                await until.enter_async_context(opened.pop_all())
                return _answer(response, b"", foreign, response.content)
        except TimeoutError:
            raise Unreachable(f"{shown(url)} has not answered in {host.limits.document:g} s") from None

    @asynccontextmanager
    async def _followed(
        self, host: Host, method: str, url: str, headers: Mapping[str, str], authorization: str,
        form: Mapping[str, str] | None, follow: bool,
    ) -> AsyncIterator[tuple[ClientResponse, bool]]:  # fmt: skip
        at, foreign = url, False
        for _ in range(host.limits.redirects + 1):
            self.guard(host).check(at)
            foreign = foreign or place_of(at) != place_of(url)
            sent = dict(headers)
            if authorization and not foreign:
                sent["Authorization"] = authorization
            async with self._one(host, method, at, sent, form) as response:
                location = response.headers.get("Location", "")
                if not follow or response.status not in _REDIRECTS or not location:
                    yield response, foreign
                    return
                if method == "POST":
                    raise Lying(f"{shown(at)} redirects what was posted to it")
                at = _next(at, location)
        raise Lying(f"{shown(url)} redirects more than {host.limits.redirects} times")

    @asynccontextmanager
    async def _one(
        self, host: Host, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> AsyncIterator[ClientResponse]:
        timeout = ClientTimeout(total=None, sock_connect=host.limits.connect, sock_read=host.limits.idle)
        try:
            async with self._session(host).request(
                method, URL(url, encoded=True), headers=headers, data=form, allow_redirects=False, timeout=timeout,
                ssl=self._context(host, url),
            ) as response:  # fmt: skip
                if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
                    raise Lying(f"{shown(url)} sends its answer compressed, which nobody asked for")
                yield response
        except UnicodeError:  # a name that no resolver takes
            raise Lying(f"{shown(url)} is no address") from None
        except (aiohttp.ClientError, OSError) as e:
            raise _translated(e, url) from e

    def _context(self, host: Host, url: str) -> ssl.SSLContext | bool:
        """What is said of a registry's certificates holds for it and for what was named beside it."""
        if host_of(url) not in host.vouched or not (host.ca_file or host.skip_verify):
            return True
        found = self._contexts.get((host.ca_file, host.skip_verify))
        if found is None:
            found = ssl.create_default_context()
            try:
                if host.ca_file:
                    found.load_verify_locations(host.ca_file)
            except (OSError, ssl.SSLError) as e:
                raise Forbidden(f"{host.name}: its authorities in {host.ca_file} cannot be read: {e}") from None
            if host.skip_verify:
                found.check_hostname = False
                found.verify_mode = ssl.CERT_NONE
            self._contexts[host.ca_file, host.skip_verify] = found
        return found


def _answer(
    response: ClientResponse, body: bytes, foreign: bool, content: aiohttp.StreamReader | None = None
) -> Answer:
    return Answer(
        response.status, response.headers, body, str(response.url), foreign,
        tuple(response.headers.getall("WWW-Authenticate", ())), tuple(response.headers.getall("Link", ())), content,
    )  # fmt: skip


def _next(at: str, location: str) -> str:
    try:
        url = quote(links.resolved(at, location.strip()), safe=_URL)
        parts = urlsplit(url)
    except ValueError:
        raise Lying(f"{shown(at)} redirects to what is no address") from None
    if urlsplit(at).scheme == "https" and parts.scheme != "https":
        raise Forbidden(f"{shown(at)} redirects from https to {text.name(parts.scheme, 20)}")
    return url.partition("#")[0]


async def _all(response: ClientResponse, most: int) -> bytes:
    """The body, which is refused where it has more than ``most`` bytes."""
    told = response.content_length
    if told is not None and told > most:
        raise Lying(f"{shown(str(response.url))} wants to send {told} bytes where {most} are enough")
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > most:
            raise Lying(f"{shown(str(response.url))} sends more than {most} bytes")
        pieces.append(piece)
    return b"".join(pieces)


async def _some(response: ClientResponse) -> bytes:
    """The beginning of a body."""
    pieces = bytearray()
    async for piece in response.content.iter_any():
        pieces += piece
        if len(pieces) >= MOST_ERROR:
            break
    return bytes(pieces[:MOST_ERROR])


def _translated(error: aiohttp.ClientError | OSError, url: str) -> Forbidden | Lying | Unreachable:
    match error:
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ForbiddenAddress):
            return Forbidden(f"{error.os_error}; name the registry in the settings if it is meant")
        case aiohttp.ClientConnectorCertificateError():
            return Unreachable(f"{shown(url)}: TLS: {text.name(str(error), 300)}; give its authority with ca_file")
        case aiohttp.ClientConnectorSSLError():  # what speaks plain HTTP answers a greeting with what is no TLS
            why = text.name(str(error.os_error), 300)
            return Unreachable(f"{shown(url)}: no TLS: {why}; where it speaks plain HTTP, its url begins with http://")
        case aiohttp.ClientConnectorError():
            return Unreachable(f"{shown(url)} cannot be reached: {text.name(str(error.os_error), 200)}")
        case aiohttp.ClientPayloadError():
            return Unreachable(f"{shown(url)} breaks off in the middle of its answer")
        case aiohttp.ConnectionTimeoutError():
            return Unreachable(f"{shown(url)} cannot be reached: it takes too long to connect")
        case TimeoutError():
            return Unreachable(f"{shown(url)} is silent for too long")
        case aiohttp.InvalidURL():
            return Lying(f"{shown(url)} is no address")
        case aiohttp.ClientConnectionError() | OSError():
            return Unreachable(f"{shown(url)} hangs up")
        case _:
            return Lying(f"{shown(url)} answers with what is no HTTP: {text.name(str(error), 200)}")


def shown(url: str) -> str:
    """An address without what may be secret in it: signed addresses carry their keys behind the question mark."""
    return text.name(url.partition("?")[0], 300)
