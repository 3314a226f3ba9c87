"""`serve` as a process of its own, on ports that the system chooses."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0
"""The longest that anything is waited for."""


def command(*arguments: str) -> list[str]:
    """The command line of the program under test."""
    return [sys.executable, "-m", "image_enforcer", *arguments]


def environment() -> dict[str, str]:
    """The environment in which it runs: this tree, no proxies."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return {**kept, "PYTHONPATH": str(ROOT / "src")}


@dataclass
class Running:
    """A server that is ready."""

    process: subprocess.Popen[bytes]
    port: int = 0
    admin_port: int = 0
    said: list[dict[str, Any]] = field(default_factory=list)
    decided: list[dict[str, Any]] = field(default_factory=list)

    def post(self, body: bytes, path: str = "/image-policy", headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The status of the answer to a review."""
        status, answer = request(self.port, "POST", path, body, headers)
        assert status == 200, (status, answer)
        document: dict[str, Any] = json.loads(answer)["status"]
        return document

    def get(self, path: str) -> tuple[int, bytes]:
        """What the admin address answers."""
        return request(self.admin_port, "GET", path)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end, self.said[-5:]
            time.sleep(0.02)

    def messages(self) -> list[str]:
        """What it has logged besides decisions."""
        return [str(line["msg"]) for line in self.said]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def request(
    port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _collect(stream: Any, into: list[dict[str, Any]]) -> None:
    for line in stream:
        into.append(json.loads(line) if line.startswith(b"{") else {"msg": line.decode().rstrip()})


@contextlib.contextmanager
def serving(policies: Sequence[Path], data: Sequence[Path] = (), *more: str) -> Iterator[Running]:
    """A ready server; killed at the end where the test has not stopped it."""
    arguments = ["serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", *more]
    arguments += [word for p in policies for word in ("--policy", str(p))]
    arguments += [word for d in data for word in ("--data", str(d))]
    process = subprocess.Popen(
        command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    server = Running(process)
    # What a full pipe does not take waits in the server, and goes with it where it is killed.
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 1 << 20)
    readers = [
        threading.Thread(target=_collect, args=(process.stderr, server.said)),
        threading.Thread(target=_collect, args=(process.stdout, server.decided)),
    ]
    for reader in readers:
        reader.start()
    try:
        server.until(lambda: "ready" in server.messages() or process.poll() is not None)
        ready = next((line for line in server.said if line["msg"] == "ready"), None)
        assert ready is not None, server.said
        server.port = int(ready["addr"].rpartition(":")[2])
        server.admin_port = int(ready["admin_addr"].rpartition(":")[2])
        yield server
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        for reader in readers:
            reader.join(SECONDS)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
