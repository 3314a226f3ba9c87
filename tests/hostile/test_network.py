"""Clients that mean harm: half a request, bytes of another protocol, too many of everything; ports and certificates."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.certificates import Authority
from tests.hostile.target import MEBIBYTE, ROOM, Memory, denied, encoded, ran, raw, refused, status, well
from tests.server.running import ROOT, Running, serving

BODY = encoded()


def post(
    *headers: str, body: bytes = BODY, length: int | None = -1, line: str = "POST /image-policy HTTP/1.1"
) -> bytes:
    """A request as bytes, with its true length unless another or none is given."""
    lines = [line, "host: x", *headers]
    if length is not None:
        lines.append(f"content-length: {len(body) if length == -1 else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


CHUNKED = "transfer-encoding: chunked"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
GARBAGE = {
    "nothing but a line": b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 600,
    "SSH": b"SSH-2.0-OpenSSH_9.9\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "HTTP/0.9": b"GET /image-policy\r\n",
    "a version from the future": post(line="POST /image-policy HTTP/9.9"),
    "no method": b"/image-policy HTTP/1.1\r\nhost: x\r\n\r\n",
    "a method of its own": post(line="ALLOW /image-policy HTTP/1.1"),
    "NULs": b"\0" * 70_000,
    "a long line": b"POST /" + b"a" * 200_000,
    "a line feed alone": BODY + b"\n\n",
    "a NUL in the path": post(line="POST /image\0policy HTTP/1.1"),
    "a proxy's request": post(line="CONNECT localhost:22 HTTP/1.1", length=None, body=b""),
}
BROKEN_POSTS = {
    "a negative length": post(length=-5),
    "a length of letters": post("content-length: ten", length=None),
    "a length with a sign": post("content-length: +10", length=None),
    "a huge length": post("content-length: 99999999999999999999999", length=None),
    "a header without a colon": post("nonsense"),
    "a header with a NUL": post("x: a\0b"),
    "a name with a space": post("content-length : 5", length=None),
    "a header over two lines": post("x: a\r\n b\r\n\tc"),
    "giant headers": post("x: " + "a" * 200_000),
    "many headers": post(*[f"x{i}: {i}" for i in range(20_000)]),
    "a chunk of no size": post(CHUNKED, length=None, body=b"zz\r\n"),
    "a chunk of a negative size": post(CHUNKED, length=None, body=b"-1\r\nx\r\n0\r\n\r\n"),
    "a chunk of a giant size": post(CHUNKED, length=None, body=b"fffffffffffffffffff\r\n"),
    "a chunk that lies": post(CHUNKED, length=None, body=b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "another coding": post("transfer-encoding: gzip", length=None),
    "a length and chunks": post(CHUNKED, body=CHUNKS, length=4),
    "chunks and a length": post("content-length: 4", CHUNKED, length=None, body=CHUNKS),
    "two lengths": post("content-length: 4"),
    "an odd coding": post("transfer-encoding: xchunked", length=None, body=CHUNKS),
    "chunked twice": post("transfer-encoding: chunked, chunked", length=None, body=CHUNKS),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A server with the sample policies and data."""
    with serving([ROOT / "policies"], [ROOT / "data"]) as running:
        well(running)
        yield running


def answers(got: bytes) -> list[tuple[int, bytes]]:
    """The answers in what came back, each with its status and body."""
    found = []
    while got:
        head, _, rest = got.partition(b"\r\n\r\n")
        lengths = [h.partition(b":")[2] for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")]
        size = int(lengths[0]) if lengths else len(rest)
        found.append((int(head.split()[1]), rest[:size]))
        got = rest[size:]
    return found


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_http(server: Running, sent: bytes) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):  # the server waits for more, for a while
        got = raw(server.port, sent, 1)
        assert all(code != 200 or json.loads(body)["status"]["allowed"] is False for code, body in answers(got))
        assert b"Traceback" not in got
    well(server)


@pytest.mark.parametrize("sent", BROKEN_POSTS.values(), ids=BROKEN_POSTS)
def test_broken_posts_are_refused_or_one_review(server: Running, sent: bytes) -> None:
    memory = Memory(server.process.pid)
    got = answers(raw(server.port, sent.replace(b"host: x", b"host: x\r\nconnection: close", 1)))
    assert got
    assert got[0][0] == 200
    for code, body in got[:1]:
        found = status(body)
        if not found["allowed"]:
            denied(found, "[bad-review]")
        assert code == 200
    assert len(got) == 1, "a second request was smuggled in"
    assert memory.grown < ROOM
    well(server)


def test_halves_by_the_hundred_and_a_thousand_connections_keep_nobody_out(server: Running) -> None:
    memory = Memory(server.process.pid)
    chunk = post(CHUNKED, length=None, body=b"5\r\n")
    halves = [b"", b"P", b"POST /image-policy HTTP/1.1\r\n", post(length=1000), chunk,
              post(body=BODY[:-3], length=len(BODY))]  # fmt: skip
    with contextlib.ExitStack() as held:
        connections = []
        for i in range(1000):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            connection.sendall(halves[i % len(halves)])
            connections.append(connection)
            if i % 100 == 0:
                well(server)
        well(server)
        connections[5].sendall(BODY[-3:])
        assert status(answers(connections[5].recv(65536))[0][1])["allowed"] is True
    assert memory.grown < ROOM
    well(server)


def test_half_a_review_that_is_cut_off_is_refused(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(post(length=1000))
        connection.shutdown(socket.SHUT_WR)
        got = connection.recv(65536)
    if got:
        denied(status(answers(got)[0][1]), "[bad-review]")
    well(server)


def test_slow_readers_hold_nobody_up(server: Running) -> None:
    memory = Memory(server.process.pid)
    many = post() * 2000
    with contextlib.ExitStack() as held:
        for _ in range(4):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            held.callback(connection.close)
            connection.setblocking(False)
            end = time.monotonic() + 0.2
            left = many
            while left and time.monotonic() < end:
                with contextlib.suppress(BlockingIOError):
                    left = left[connection.send(left) :]
            well(server)
        assert memory.grown < ROOM
    well(server)


def test_pipelined_reviews_are_answered_in_order(server: Running) -> None:
    bad = encoded("evil:1")
    sent = (post() + post(body=bad)) * 200 + post("connection: close")
    got = [status(body)["allowed"] for code, body in answers(raw(server.port, sent)) if code == 200]
    assert got == [True, False] * 200 + [True]
    well(server)


def test_after_an_end_nothing_more_is_answered(server: Running) -> None:
    got = answers(raw(server.port, post("connection: close") + post(body=b"{") * 10))
    assert len(got) == 1
    well(server)


def test_a_large_body_from_many_at_once(server: Running) -> None:
    memory = Memory(server.process.pid)
    sent = post(body=b'{"n": "' + b"a" * MEBIBYTE)[:-1]
    with contextlib.ExitStack() as held:
        for _ in range(60):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            connection.sendall(sent)
        well(server)
        assert memory.grown < ROOM
    well(server)


ADMIN = [b"\0" * 100, b"GET /metrics HTTP/1.1\r\n", b"POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
         b"GET /" + b"a" * 200_000, b"\x16\x03\x01" + b"\0" * 100]  # fmt: skip


@pytest.mark.parametrize("sent", ADMIN, ids=range(len(ADMIN)))
def test_the_admin_address_bears_it_too(server: Running, sent: bytes) -> None:
    with contextlib.suppress(TimeoutError, ConnectionError):
        raw(server.admin_port, sent, 0.3)
    assert server.get("/healthz") == (200, b"ok\n")
    well(server)


def test_a_port_in_use_is_told_with_what_to_do(server: Running, tmp_path: Path) -> None:
    place = f"127.0.0.1:{server.port}"
    free = "127.0.0.1:0"
    policies = ["--policy", str(ROOT / "policies")]
    refused(ran("serve", *policies, "--addr", place, "--admin-addr", free), "error[IE2008]", place, "--addr")
    refused(ran("serve", *policies, "--addr", free, "--admin-addr", place), "error[IE2008]", place, "--admin-addr")
    refused(ran("run", "--server", "--addr", place), "error[IE2008]", place, "--addr")


ADDRESSES = ["nowhere", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:99999", "127.0.0.1:-1", "::1:80",
             "256.0.0.1:80", "192.0.2.1:80", "a" * 300 + ":80", "\u0661:80", "127.0.0.1:8181/"]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_is_none(address: str) -> None:
    refused(ran("serve", "--policy", str(ROOT / "policies"), "--allow-http", "--addr", address), "error[IE2")


def spoilt(folder: Path, kind: str) -> list[str]:
    """The options for certificates that cannot be used."""
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    pair, other = authority.issue("server"), authority.issue("other")
    files = {"--tls-cert-file": pair.certificate, "--tls-private-key-file": pair.key,
             "--client-ca-file": authority.certificate}  # fmt: skip
    flag, _, change = kind.partition(" ")
    match change:
        case "missing":
            files[flag] = folder / "missing.pem"
        case "directory":
            files[flag] = folder
        case "of another":
            files[flag] = other.key
        case "binary":
            files[flag].write_bytes(bytes(range(256)))
        case "empty":
            files[flag].write_bytes(b"")
        case "half":
            files[flag].write_bytes(files[flag].read_bytes()[:100])
        case "text":
            files[flag].write_text(
                "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", encoding="utf-8"
            )
    return [word for flag, file in files.items() for word in (flag, str(file))]


SPOILT = [
    f"{flag} {change}"
    for flag in ("--tls-cert-file", "--tls-private-key-file", "--client-ca-file")
    for change in ("missing", "directory", "binary", "empty", "half", "text")
] + ["--tls-private-key-file of another"]


@pytest.mark.parametrize("kind", SPOILT)
def test_certificates_that_cannot_be_used(tmp_path: Path, kind: str) -> None:
    done = ran("serve", "--policy", str(ROOT / "policies" / "default.rego"), "--addr", "127.0.0.1:0", "--admin-addr",
               "127.0.0.1:0", *spoilt(tmp_path / "tls", kind))  # fmt: skip
    refused(done, "error[IE2009]")


def test_plain_http_and_strangers_at_a_tls_port(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("server")
    (tmp_path / "strangers").mkdir()
    stranger = Authority(tmp_path / "strangers").issue("stranger")
    options = ["--tls-cert-file", str(pair.certificate), "--tls-private-key-file", str(pair.key),
               "--client-ca-file", str(authority.certificate)]  # fmt: skip
    with serving([ROOT / "policies"], [ROOT / "data"], *options) as running:

        def asked(context: ssl.SSLContext) -> bytes:
            with (
                socket.create_connection(("127.0.0.1", running.port), timeout=20) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                connection.sendall(post("connection: close"))
                got = b""
                while part := connection.recv(65536):
                    got += part
                return got

        def context(*, known: bool, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
            made = ssl.create_default_context(cafile=str(authority.certificate))
            made.check_hostname = False
            own = pair if known else stranger
            made.load_cert_chain(own.certificate, own.key)
            if newest is not None:
                made.maximum_version = newest
            return made

        nobody = ssl.create_default_context(cafile=str(authority.certificate))
        nobody.check_hostname = False
        for wrong in (nobody, context(known=False)):
            with contextlib.suppress(ssl.SSLError, ConnectionError):
                assert asked(wrong) == b""
        for garbage in (post(), b"\0" * 1000, b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01\xff\xff" + b"a" * 70_000):
            with contextlib.suppress(ConnectionError):
                assert b'"allowed":true' not in raw(running.port, garbage)
        assert status(answers(asked(context(known=True)))[0][1])["allowed"] is True
        assert running.process.poll() is None
        assert not any("Traceback" in str(line) for line in running.said)
