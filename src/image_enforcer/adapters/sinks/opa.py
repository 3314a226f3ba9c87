"""A running OPA, or ``image-enforcer run -s``, over its data interface: ``PUT``, ``GET`` and ``DELETE /v1/data/…``."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from ... import __version__
from ...analysis import text
from ...ports.sink import SinkRefused, SinkUnreachable

SECONDS: Final = 30.0
MAX_ANSWER: Final = 32 << 20


class _Result(msgspec.Struct, frozen=True):
    result: msgspec.Raw = msgspec.Raw(b"")


class OpaSink:
    """See :class:`image_enforcer.ports.sink.Sink`. ``token`` is a bearer token, ``ca_file`` an authority (PEM)."""

    def __init__(self, url: str, *, token: str = "", ca_file: str = "", seconds: float = SECONDS) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._ca_file = ca_file
        self._seconds = seconds
        self._session: ClientSession | None = None
        parts = urlsplit(self._url)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def _opened(self) -> ClientSession:
        if self._session is None:
            headers = {"User-Agent": f"image-enforcer/{__version__}", "Content-Type": "application/json"}
            if self._token:
                headers["Authorization"] = f"Bearer {self._token}"
            try:
                tls = ssl.create_default_context(cafile=self._ca_file) if self._ca_file else True
            except (OSError, ssl.SSLError) as e:
                raise SinkRefused(f"{self._ca_file} cannot be read: {e}; give authorities as PEM") from None
            self._session = ClientSession(
                headers=headers, cookie_jar=DummyCookieJar(), connector=TCPConnector(ssl=tls, limit=16),
                timeout=ClientTimeout(total=self._seconds),
            )  # fmt: skip
        return self._session

    async def close(self) -> None:
        """See the port."""
        if self._session is not None:
            await self._session.close()

    async def put(self, path: Sequence[str], document: bytes) -> None:
        """See the port."""
        status, body = await self._asked("PUT", path, document)
        if status not in (200, 204):
            raise self._refused(status, body, path)

    async def delete(self, path: Sequence[str]) -> None:
        """See the port."""
        status, body = await self._asked("DELETE", path, None)
        if status not in (200, 204, 404):
            raise self._refused(status, body, path)

    async def get(self, path: Sequence[str]) -> bytes | None:
        """See the port."""
        status, body = await self._asked("GET", path, None)
        if status == 404:
            return None
        if status != 200:
            raise self._refused(status, body, path)
        try:
            read = msgspec.json.decode(body, type=_Result)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise SinkRefused(f"{self.name} answers with what OPA never says; is it one?") from None
        return bytes(read.result) or None

    async def _asked(self, method: str, path: Sequence[str], document: bytes | None) -> tuple[int, bytes]:
        url = f"{self._url}/v1/data/{'/'.join(quote(step, safe=':@') for step in path)}"
        try:
            async with self._opened().request(method, url, data=document, allow_redirects=False) as response:
                body = await response.content.read(MAX_ANSWER + 1)
                while len(body) <= MAX_ANSWER and not response.content.at_eof():
                    body += await response.content.read(MAX_ANSWER + 1 - len(body))
                if len(body) > MAX_ANSWER:
                    raise SinkRefused(f"{self.name} answers with more than {MAX_ANSWER} bytes")
                return response.status, body
        except (TimeoutError, aiohttp.ClientError, UnicodeError) as e:  # the last: of a name that no resolver takes
            why = text.name(str(e), 200) or f"no answer in {self._seconds:g} s"
            raise SinkUnreachable(f"{self.name} cannot be reached: {why}; see that it runs") from None

    def _refused(self, status: int, body: bytes, path: Sequence[str]) -> SinkRefused | SinkUnreachable:
        told = f"{self.name} answers {status} about data.{text.name('.'.join(path), 200)}"
        said = text.name(" ".join(body[:500].decode("utf-8", "replace").split()), 400)
        if status in (401, 403):
            return SinkRefused(f"{told}; give it a token that may write data")
        if status >= 500:
            return SinkUnreachable(f"{told}: {said}")
        return SinkRefused(f"{told}: {said}")
