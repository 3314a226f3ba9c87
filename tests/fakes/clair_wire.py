"""A small HTTP server for the fakes of Clair: one function answers, and named faults spoil what it says.

Faults: ``cut-429`` (as the real one: a chunked body that never ends), ``hang``, ``hang-up``, ``half`` (the connection
goes in the middle of a body), ``garbage`` (no HTTP), ``not-json``, ``html-500``, ``empty-500``, ``bad-gateway``,
``unauthorised``, ``redirect``, ``slow`` (a byte at a time), ``huge``, ``bomb`` (small, and huge when uncompressed),
``brotli``, ``bad-gzip``, ``half-gzip``.
"""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

HUGE = 2 << 20


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What is answered: chunked, and compressed where the client allows it, as both Clairs do."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    plain: bool = False
    """Whether to leave the body uncompressed."""
    cut: bool = False
    """Whether to hang up before the last chunk."""


def document(status: int, value: Any, content_type: str = "application/json", **headers: str) -> Reply:
    """A JSON answer."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": content_type, **named})


@dataclass
class Fault:
    """What goes wrong with requests whose method and path begin so, and how many times."""

    name: str
    on: str = ""
    times: int = 1_000_000


class Wire:
    """The server. ``asked`` are the requests so far; ``faults`` may be added at any time."""

    def __init__(self, answer: Callable[[Request], Awaitable[Reply]]) -> None:
        self._answer = answer
        self.asked: list[Request] = []
        self.faults: list[Fault] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()  # what nobody has read yet, nobody will
        await asyncio.sleep(0)
        await self._server.wait_closed()

    def spoil(self, name: str, on: str = "", times: int = 1_000_000) -> None:
        """From now on this goes wrong; ``on`` is like ``POST /indexer``."""
        self.faults.append(Fault(name, on, times))

    def count(self, on: str) -> int:
        """How many requests began so."""
        return sum(f"{request.method} {request.path}".startswith(on) for request in self.asked)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.append(writer)
        try:
            while (request := await _read(reader)) is not None:
                self.asked.append(request)
                if not await self._serve(request, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # clients may go away: that is what is tested
        except asyncio.CancelledError:
            pass  # the server ends; asyncio would log it
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False to hang up."""
        fault = self._fault(request)
        if fault is not None and fault not in ("half", "slow"):
            return await _spoilt(fault, request, writer)
        reply = await self._answer(request)
        body = reply.body
        headers = dict(reply.headers)
        if not reply.plain and "gzip" in request.headers.get("accept-encoding", ""):
            body = gzip.compress(body, mtime=0) if body else b""  # Clair says gzip of nothing, too
            headers["Content-Encoding"] = "gzip"
        bare = reply.status in (204, 304)
        head = _head(reply.status, headers if bare else {**headers, "Transfer-Encoding": "chunked"})
        chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
        if fault == "half":
            writer.write(head + chunk[: len(chunk) // 2])
        elif fault == "slow":
            for byte in head + chunk + b"0\r\n\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
        else:
            writer.write(head + chunk + (b"" if reply.cut or bare else b"0\r\n\r\n"))
        await writer.drain()
        return not reply.cut and fault != "half"

    def _fault(self, request: Request) -> str | None:
        for fault in self.faults:
            if fault.times > 0 and f"{request.method} {request.path}".startswith(fault.on):
                fault.times -= 1
                return fault.name
        return None


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, text = line.decode().partition(":")
        headers[name.strip().lower()] = text.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), query, headers, body)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"HTTP/1.1 {status} Because\r\n{lines}\r\n".encode()


def _whole(status: int, body: bytes, **headers: str) -> bytes:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return _head(status, {"Content-Length": str(len(body)), **named}) + body


async def _spoilt(fault: str, request: Request, writer: asyncio.StreamWriter) -> bool:
    """Do the wrong thing; False to hang up."""
    page = b"<html><body><h1>It works, or not</h1></body></html>"
    busy = b'{"code":"too-many-requests","message":"server handling too many requests"}\n'
    match fault:
        case "hang":
            await asyncio.sleep(3600)
        case "hang-up":
            return False
        case "cut-429":
            head = _head(429, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
            writer.write(head + b"%x\r\n%s\r\n" % (len(busy), busy))
        case "garbage":
            writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        case "not-json":
            writer.write(_whole(200 if request.method == "GET" else 201, b"all is well"))
        case "html-500":
            writer.write(_whole(500, page, Content_Type="text/html"))
        case "empty-500":
            writer.write(_whole(500, b""))
        case "bad-gateway":
            writer.write(_whole(502, page, Content_Type="text/html"))
        case "unauthorised":
            writer.write(_whole(401, b""))
        case "redirect":
            writer.write(_whole(307, b"", Location="http://127.0.0.1:1/elsewhere"))
        case "huge":
            writer.write(_head(200, {"Transfer-Encoding": "chunked"}))
            for _ in range(HUGE >> 16):
                writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                await writer.drain()
        case "bomb":
            writer.write(_whole(200, gzip.compress(b" " * HUGE), Content_Encoding="gzip"))
        case "brotli":
            writer.write(_whole(200, b"\x0b\x02\x80{}\x03", Content_Encoding="br"))
        case "bad-gzip":
            writer.write(_whole(200, b"{}", Content_Encoding="gzip"))
        case "half-gzip":
            writer.write(_whole(200, gzip.compress(b"{}" * 1000)[:15], Content_Encoding="gzip"))
        case _:
            raise AssertionError(f"there is no fault called {fault}")
    await writer.drain()
    return fault in ("not-json", "html-500", "bad-gateway", "unauthorised", "redirect", "bomb", "brotli", "bad-gzip")
