"""Starts real servers as processes of their own, waits until they are ready, and ends them."""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.demo import free_port

__all__ = ["COMMAND", "Answer", "NotReady", "free_port", "request", "running"]

COMMAND = str(Path(sys.executable).with_name("image-enforcer"))


class NotReady(Exception):
    """A server ended or did not become ready; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    def json(self) -> object:
        """The body read as JSON."""
        document: object = json.loads(self.body)
        return document


def request(
    url: str,
    document: object = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    seconds: float = 30,
) -> Answer:
    """One request, with a JSON body where a document is given. Raises OSError where nobody answers."""
    body = None if document is None else document if isinstance(document, bytes) else json.dumps(document).encode()
    sent = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    if body is not None and not sent.has_header("Content-type"):
        sent.add_header("Content-Type", "application/json")
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if tls is not None:
        handlers.append(urllib.request.HTTPSHandler(context=tls))
    try:
        with urllib.request.build_opener(*handlers).open(sent, timeout=seconds) as answer:
            return Answer(answer.status, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read())


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    ready: str,
    *,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    seconds: float = 60,
    cwd: Path | None = None,
    ready_status: int = 200,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server, once the address `ready` answers 200, or what else is given.

    It has this environment, or ours without proxies. Ended by SIGTERM, and by SIGKILL ten seconds later.
    """
    if environment is None:
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd, env=environment
        )
    try:
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if request(ready, headers=headers, tls=tls, seconds=5).status == ready_status:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise NotReady(
                    f"{command[0]} is not ready:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}"
                )
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
