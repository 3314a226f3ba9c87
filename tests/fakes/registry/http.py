"""As much of HTTP/1.1 as a fake server needs, with every byte in its hands, in a thread and a loop of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

MOST: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked. Names of headers are in lower case; ``path`` is decoded, ``target`` is as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(slots=True, kw_only=True)
class Reply:
    """What is answered. A length is said unless the headers have one already."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def written(self, method: str) -> bytes:
        lines = dict(self.headers)
        if not {"content-length", "transfer-encoding"} & {name.lower() for name in lines}:
            lines["Content-Length"] = str(len(self.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        start = f"HTTP/1.1 {self.status} Because\r\n{head}\r\n".encode("utf-8", "surrogateescape")
        return start + (b"" if method == "HEAD" else self.body)


class Connection:
    """One connection, for those who send bytes as they like."""

    def __init__(self, writer: asyncio.StreamWriter, stopping: asyncio.Event) -> None:
        self._writer = writer
        self._stopping = stopping
        self.over = False

    async def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def drip(self, data: bytes, pause: float) -> None:
        """A byte at a time, until nobody listens."""
        for i in range(len(data)):
            await self.send(data[i : i + 1])
            if await self.wait(pause):
                return

    async def wait(self, seconds: float) -> bool:
        """Do nothing for a while; True where there is no point in going on."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return self._writer.is_closing()
        return True

    def hang_up(self) -> None:
        """Close it after this."""
        self.over = True

    def reset(self) -> None:
        """Break it, so that the other side sees a reset."""
        self.over = True
        at = self._writer.get_extra_info("socket")
        at.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Answering = Callable[[Request, Connection], Awaitable[Reply | None]]
"""Gives what to answer, or None where the connection has been seen to."""


class Server:
    """Listens on loopback while it is entered."""

    def __init__(self, answering: Answering, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self._answering = answering
        self._tls = tls
        self._host = host
        self.port = 0
        self.connections = 0
        self._failures: list[BaseException] = []
        self._ready: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self._tls else 'http'}://{self.place}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = self._ready.result(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        assert self._loop is not None
        assert self._stopping is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        assert not self._thread.is_alive()
        if kind is None and self._failures:
            raise self._failures[0]  # the fake's own slip, which looks like a fault otherwise

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        # What goes wrong in a handshake is the other side's to report.
        self._loop.set_exception_handler(lambda *_: None)
        tasks: set[asyncio.Task[None]] = set()
        writers: list[asyncio.StreamWriter] = []

        def over(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._failures.append(error)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            task = asyncio.ensure_future(self._connection(reader, writer))
            tasks.add(task)
            task.add_done_callback(over)

        server = await asyncio.start_server(connected, self._host, 0, ssl=self._tls, limit=MOST)
        self._ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()  # what nobody has read yet, nobody will: it would be left open otherwise
        await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert self._stopping is not None
        self.connections += 1
        connection = Connection(writer, self._stopping)
        try:
            while not connection.over:
                request = await _read(reader)
                if request is None:
                    break
                reply = await self._answering(request, connection)
                if reply is not None:
                    await connection.send(reply.written(request.method))
        except (OSError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method=method, target=target, headers=headers, body=body)
