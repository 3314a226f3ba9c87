"""The REST interface in the process, asked over ASGI, and as the real server, asked over loopback."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded
from image_enforcer.opa.rest.app import App
from image_enforcer.opa.rest.log import make_log
from image_enforcer.opa.rest.run import Options, make_app
from image_enforcer.rego import parse_module

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks an application; ``log`` is what it has written."""

    app: App
    documents: Documents
    log: io.StringIO

    def ask(self, method: str, target: str, body: bytes | str = b"", state: Any = None, **headers: str) -> Answer:
        return asyncio.run(self.asked(method, target, body, state, **headers))

    async def asked(
        self, method: str, target: str, body: bytes | str = b"", state: Any = None, **headers: str
    ) -> Answer:
        raw = body.encode() if isinstance(body, str) else body
        path, _, query = target.partition("?")
        sent = [(k.lower().replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        scope = {
            "type": "http", "method": method, "raw_path": path.encode(), "path": unquote(path),
            "query_string": query.encode(), "headers": sent, "client": ("127.0.0.1", 4711), "state": state or {},
        }  # fmt: skip
        got = Answer(0, {}, b"")

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                got.status = message["status"]
                got.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            else:
                got.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return got


@pytest.fixture
def client() -> Iterator[Callable[..., Client]]:
    """Makes an application over policies by name and data, with settings of :class:`Options`."""
    with ThreadPoolExecutor(4) as threads, ThreadPoolExecutor(1) as writer:

        def make(policies: dict[str, str] | None = None, data: dict[str, Any] | None = None, **options: Any) -> Client:
            raw = policies or {}
            loaded = Loaded(data or {}, {k: parse_module(k, v) for k, v in raw.items()}, dict(raw))
            documents = Documents(loaded)
            stream = io.StringIO()
            log = make_log(stream, options.pop("log_level", "info"), "json", lambda: "now")
            return Client(make_app(documents, Options(**options), log, threads, writer), documents, stream)

        yield make


@dataclass
class Server:
    """A server of its own process. ``port`` is where it listens, ``lines`` what it has logged so far."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str, seconds: float = 20.0) -> re.Match[str]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.text)
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{pattern!r} never came: {self.text}")

    def raw(self, sent: bytes, *, seconds: float = 15.0) -> bytes:
        """What comes back for bytes on a connection of their own, until it is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(sent)
            got = b""
            while part := connection.recv(65536):
                got += part
            return got

    def ask(self, method: str, target: str, body: bytes | str = b"", **headers: str) -> Answer:
        raw = body.encode() if isinstance(body, str) else body
        lines = [f"{method} {target} HTTP/1.1", "host: localhost", "connection: close", f"content-length: {len(raw)}"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        return parsed(self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + raw))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


def parsed(text: bytes) -> Answer:
    head, _, body = text.partition(b"\r\n\r\n")
    status, *headers = head.decode("latin-1").split("\r\n")
    return Answer(int(status.split()[1]), {k.lower(): v for k, _, v in (h.partition(": ") for h in headers)}, body)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts ``image-enforcer run --server`` with arguments; an address is chosen unless one is given."""
    started: list[Server] = []

    def start(*arguments: str, ready: str = r'"msg":"Initializing server\."', address: bool = True) -> Server:
        log = tmp_path / f"server-{len(started)}.log"
        chosen = ["--addr", "127.0.0.1:0"] if address else []
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "image_enforcer", "run", "--server", *chosen, *arguments],
                stdout=out, stderr=out, cwd=tmp_path, env=environment,
            )  # fmt: skip
        made = Server(process, log)
        started.append(made)
        if ready:
            made.wait_for(ready)
            port = re.search(r'"addrs":\["127\.0\.0\.1:([0-9]+)"', made.text)
            made.port = int(port.group(1)) if port else 0
        return made

    yield start
    for made in started:
        if made.process.poll() is None:
            made.process.kill()
        made.process.wait(timeout=10)
