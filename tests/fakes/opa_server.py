"""An OPA server that evaluates nothing: what it answers is written in a script for each path, faults included."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self


class Exchange:
    """One request, and what a script can do about it."""

    def __init__(self, handler: http.server.BaseHTTPRequestHandler, body: bytes, stopping: threading.Event) -> None:
        self._handler = handler
        self._stopping = stopping
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.client = handler.client_address
        self.body = body

    def answer(self, value: Any, status: int = 200, **headers: str) -> None:
        """A JSON document."""
        self.raw_answer(value if isinstance(value, bytes) else json.dumps(value).encode(), status, **headers)

    def raw_answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """A body of any kind, whole."""
        lines = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.send(f"HTTP/1.1 {status} Because\r\n{head}\r\n".encode() + body)
        if lines.get("Connection") == "close":
            self._handler.close_connection = True

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def drip(self, data: bytes, pause: float) -> None:
        """A byte at a time."""
        for i in range(len(data)):
            if self.wait(pause):
                return
            self.send(data[i : i + 1])

    def wait(self, seconds: float) -> bool:
        """Do nothing for a while; True where the server stops meanwhile."""
        return self._stopping.wait(seconds)

    def hang_up(self) -> None:
        """Close the connection after this."""
        self._handler.close_connection = True


Script = Callable[[Exchange], None]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go away: that is what is tested."""


class OpaServer:
    """Serves scripts by path from a thread of its own; a path without one is undefined, as in OPA."""

    def __init__(self, scripts: Mapping[str, Script], tls: ssl.SSLContext | None = None) -> None:
        self.scripts = dict(scripts)
        self.asked: list[Exchange] = []
        self._stopping = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.serve(self)

            def do_GET(self) -> None:
                outer.serve(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(poll_interval=0.01))

    def serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        """One request."""
        exchange = Exchange(handler, handler.rfile.read(int(handler.headers.get("Content-Length", 0))), self._stopping)
        self.asked.append(exchange)
        script = self.scripts.get(exchange.path, undefined)
        script(exchange)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def undefined(exchange: Exchange) -> None:
    """Neither a rule nor a document is there."""
    name = exchange.path.removeprefix("/v0/data/").replace("/", ".")
    exchange.answer({"code": "undefined_document", "message": f"document missing: data.{name}"}, 404)


def value(answer: Any) -> Script:
    """A script that always gives the same document."""
    return lambda exchange: exchange.answer(answer)


def error(status: int, code: str, message: str, **more: Any) -> Script:
    """A script that gives OPA's error document."""
    return lambda exchange: exchange.answer({"code": code, "message": message, **more}, status)
