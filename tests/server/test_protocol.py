"""Connections, over loopback: bounds on time and size, and a refusal to every POST whose method is known."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from image_enforcer.server.listening import Server
from image_enforcer.server.protocol import MAX_HEAD, TRIED, Manners, Quick, configuration
from image_enforcer.server.reviews import refusal

MANNERS = Manners(receive=0.3, idle=1.0, connections=4, refuse=refusal)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the size of the body, and whether the quick way was tried."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        size += len(message["body"])
        more = message["more_body"]
    body = b"%d%s" % (size, b" tried" if TRIED in scope.get("extensions", ()) else b"")
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextlib.asynccontextmanager
async def serving(manners: Manners = MANNERS) -> AsyncIterator[int]:
    """A server with these manners; its port."""
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    server = Server(configuration(echo, manners, grace=1.0))
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield port
    finally:
        server.should_exit = True
        await task


async def talk(port: int, *pieces: bytes, pause: float = 0.0, end: bool = False) -> bytes:
    """Send pieces and give all that is answered until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if end:
            writer.write_eof()
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def refused(answer: bytes) -> str:
    """The reason of a refusal, which is one well-formed answer with status 200."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"content-length: {len(body)}".encode() in head
    status = json.loads(body)["status"]
    assert status["allowed"] is False
    return str(status["reason"])


HEAD = b"POST /image-policy HTTP/1.1\r\nhost: x\r\n"


async def test_a_request_is_answered_and_the_connection_kept() -> None:
    async with serving() as port:
        answer = await talk(port, (HEAD + b"content-length: 3\r\n\r\nabc") * 2)
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert answer.endswith(b"3")


@pytest.mark.parametrize(
    "sent",
    [
        HEAD,
        HEAD + b"content-length: 10\r\n\r\nabc",
        HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        HEAD + b"content-length: 2\r\n\r\nab" + HEAD,
    ],
    ids=["head", "body", "chunk", "the second"],
)
async def test_a_half_sent_post_is_refused_in_time(sent: bytes) -> None:
    async with serving() as port:
        answer = await talk(port, sent)
        assert "did not arrive within 0.3 s" in refused(answer[answer.rindex(b"HTTP/1.1 ") :])


async def test_a_body_that_drips_is_refused_in_time() -> None:
    async with serving() as port:
        drops = [b"a"] * 8
        answer = await talk(port, HEAD + b"content-length: 1000\r\n\r\n", *drops, pause=0.05)
        assert "did not arrive within 0.3 s" in refused(answer)


@pytest.mark.parametrize("method", [b"GET", b"PUT"])
async def test_half_of_another_request_just_ends(method: bytes) -> None:
    async with serving() as port:
        assert await talk(port, method + b" /image-policy HTTP/1.1\r\nhost: x\r\n") == b""


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"bad header\r\n\r\n",
        b"POST /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST http://[::1/image-policy HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
    ids=["chunk", "lengths", "negative", "header", "path", "address"],
)
async def test_a_post_that_is_no_http_is_refused(sent: bytes) -> None:
    async with serving() as port:
        assert "it is not HTTP" in refused(await talk(port, sent))


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET  HTTP\r\n\r\n"])
async def test_what_is_no_http_at_all_gets_400(sent: bytes) -> None:
    async with serving() as port:
        assert (await talk(port, sent)).startswith(b"HTTP/1.1 400 ")


def quick(outcome: str) -> Manners:
    """Manners with a quick way that answers ``yes``, leaves everything, or fails, with a refusal or without."""

    def answer(path: str, headers: Any, client: Any, body: bytes, say: Any) -> bool:
        if outcome == "leave":
            return False
        if outcome == "fail without a word":
            raise ZeroDivisionError("a bug")
        if outcome == "fail":
            say(refusal("a fault"))
            raise ZeroDivisionError("a bug")
        say(b"yes")
        return True

    way = Quick(paths=frozenset([b"/image-policy"]), most=100, answer=answer, closing=lambda: False)
    return Manners(receive=0.3, idle=1.0, connections=4, refuse=refusal, quick=way)


async def test_the_quick_way_comes_first() -> None:
    async with serving(quick("yes")) as port:
        answer = await talk(port, (HEAD + b"content-length: 3\r\n\r\nabc") * 2)
        assert answer.count(b"HTTP/1.1 200 OK") == 2
        assert answer.endswith(b"\r\n\r\nyes")


async def test_what_the_quick_way_leaves_is_marked_and_goes_to_the_application() -> None:
    async with serving(quick("leave")) as port:
        assert (await talk(port, HEAD + b"content-length: 3\r\n\r\nabc")).endswith(b"3 tried")
        assert (await talk(port, HEAD + b"content-length: 101\r\n\r\n" + b"a" * 101)).endswith(b"\r\n\r\n101")


async def test_a_fault_on_the_quick_way_is_refused_logged_and_ends_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(quick("fail")) as port:
        answer = await talk(port, (HEAD + b"content-length: 3\r\n\r\nabc") * 2)
        assert "a fault" in refused(answer)
        assert "ZeroDivisionError: a bug" in caplog.text


async def test_a_fault_before_anything_was_said_is_refused_too(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(quick("fail without a word")) as port:
        answer = await talk(port, HEAD + b"content-length: 3\r\n\r\nabc")
        assert "the enforcer failed on it" in refused(answer)
        assert "ZeroDivisionError: a bug" in caplog.text


async def test_huge_headers_are_refused() -> None:
    async with serving() as port:
        flood = b"x: " + b"y" * 1000 + b"\r\n"
        answer = await talk(port, HEAD + flood * (MAX_HEAD // 1000 + 2))
        assert f"larger than {MAX_HEAD >> 10} KiB" in refused(answer)
        assert await talk(port, b"GET / HTTP/1.1\r\n" + flood * (MAX_HEAD // 1000 + 2)) == b""


async def test_idle_connections_end() -> None:
    async with serving() as port:
        assert await talk(port) == b""


async def test_a_flood_of_idle_connections_shuts_nobody_out() -> None:
    async with serving() as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        answer = await talk(port, HEAD + b"connection: close\r\ncontent-length: 3\r\n\r\nabc")
        assert answer.endswith(b"3")
        for _, writer in idle:
            writer.close()


async def test_expect_continue_is_answered() -> None:
    async with serving(replace(MANNERS, receive=20.0)) as port:
        request = HEAD + b"expect: 100-continue\r\nconnection: close\r\ncontent-length: 3\r\n\r\n"
        answer = await talk(port, request, b"abc", pause=0.05)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert answer.endswith(b"3")
