"""Who connects over TLS: silent ones are bounded, and give way to those who go on."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from image_enforcer.server.listening import HANDSHAKES
from tests.e2e.certificates import Authority
from tests.hostile.target import ALLOW, ROOM, Memory, encoded
from tests.server.running import Running, serving

MANY = 3 * HANDSHAKES
Ask = Callable[[], bool]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Running, Ask]]:
    """A server with TLS, and an honest client of it."""
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "allow.rego").write_text(ALLOW, encoding="utf-8")
    context = ssl.create_default_context(cafile=str(authority.certificate))
    options = ["--tls-cert-file", str(pair.certificate), "--tls-private-key-file", str(pair.key)]
    with serving([policies], [], *options) as running:

        def ask() -> bool:
            request = urllib.request.Request(f"https://127.0.0.1:{running.port}/image-policy", encoded())
            with urllib.request.urlopen(request, context=context, timeout=20) as answer:
                return bool(json.loads(answer.read())["status"]["allowed"])

        assert ask()
        yield running, ask


@contextlib.contextmanager
def silent(port: int, count: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    """Connections that say no more than this."""
    made: list[socket.socket] = []
    try:
        for _ in range(count):
            made.append(socket.create_connection(("127.0.0.1", port), timeout=20))
            if said:
                with contextlib.suppress(ConnectionError):
                    made[-1].sendall(said)
        yield made
    finally:
        for one in made:
            one.close()


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], ids=["nothing", "half"])
def test_handshakes_that_nobody_finishes_are_bounded(server: tuple[Running, Ask], said: bytes) -> None:
    running, ask = server
    memory = Memory(running.process.pid)
    with silent(running.port, MANY, said):
        assert ask()
        assert len(list(Path(f"/proc/{running.process.pid}/fd").iterdir())) < HANDSHAKES + 50
        assert memory.grown < ROOM
    assert ask()
    assert not any("Traceback" in str(line) for line in running.said)


def test_who_waits_longest_gives_way(server: tuple[Running, Ask]) -> None:
    running, ask = server
    with silent(running.port, HANDSHAKES + 1) as made:
        assert ask()
        assert made[0].recv(1) == b""


def test_who_has_connected_before_the_end_is_answered(server: tuple[Running, Ask], tmp_path: Path) -> None:
    running, _ = server
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    body = encoded()
    head = b"POST /image-policy HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with silent(running.port, 20), silent(running.port, 8) as made:

        def asked(plain: socket.socket) -> bytes:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(head + body)
                got = b""
                while part := connection.recv(65536):
                    got += part
                return got

        running.process.send_signal(signal.SIGTERM)
        with ThreadPoolExecutor(len(made)) as clients:  # all at once: those who are silent end the wait for the others
            assert all(b'"allowed":true' in got for got in clients.map(asked, made))
        assert running.process.wait(20) == 0
