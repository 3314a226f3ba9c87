"""The door to an address: who is let in, what those are told who are not, and how much is taken of what is sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.asgi import Receive, Scope, Send
from image_enforcer.server.door import Answer, Body, Door, knows, read
from image_enforcer.server.tokens import Tokens

from .asgi import ask

GOOD = {"authorization": "Bearer good-token"}


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    (tmp_path / "tokens").write_text("good-token\nother-token\n", "utf-8")
    return Tokens(str(tmp_path / "tokens"))


@dataclass
class House:
    """An application behind a door, which notes what it is asked."""

    door: Door
    bodies: list[bytes] = field(default_factory=list)
    reads: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Any:
            self.reads += 1
            return await receive()

        await self.door.answer(scope, counted, send, self._within)

    async def _within(self, scope: Scope, receive: Receive) -> Answer:
        self.bodies.append((await read(receive, 100)).content)
        return 200, {"path": scope["path"]}


async def test_who_is_let_in_gets_the_answer_from_within(tokens: Tokens) -> None:
    house = House(Door(tokens, "letters"))
    reply = await ask(house, "/v1/letters", [b"dear", b" all"], headers=GOOD)
    assert (reply.status, reply.body) == (200, b'{"path":"/v1/letters"}\n')
    assert reply.headers == {"content-type": "application/json", "content-length": str(len(reply.body))}
    assert house.bodies == [b"dear all"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post"])
async def test_any_other_method_is_answered_first_and_nothing_is_read(tokens: Tokens, method: str) -> None:
    house = House(Door(tokens, "letters"))
    for headers in (GOOD, {}):
        reply = await ask(house, "/v1/letters", [b"dear"], method=method, headers=headers)
        assert reply.status == 405
        assert json.loads(reply.body) == {"code": "method_not_allowed", "message": "letters are sent by POST"}
        length = str(len(reply.body))
        assert reply.headers == {"content-type": "application/json", "content-length": length, "allow": "POST"}
    assert (house.bodies, house.reads) == ([], 0)


@pytest.mark.parametrize("given", [None, "", "good-token", "Bearer", "Bearer bad", "Basic good-token"])
async def test_who_is_not_known_is_told_so_and_nothing_is_read(tokens: Tokens, given: str | None) -> None:
    house = House(Door(tokens, "letters"))
    headers = {} if given is None else {"authorization": given}
    reply = await ask(house, "/v1/letters?token=good-token", [b"dear"], headers=headers)
    assert reply.status == 401
    assert json.loads(reply.body) == {"code": "unauthorized", "message": "the request carries no valid token"}
    assert reply.headers == {"content-type": "application/json", "content-length": str(len(reply.body))}
    assert (house.bodies, house.reads) == ([], 0)


async def test_what_is_no_request_is_not_answered(tokens: Tokens) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is to be read or said")

    house = House(Door(tokens, "letters"))
    await house({"type": "lifespan"}, never, never)
    assert house.bodies == []


def scope(query: bytes = b"", *given: bytes) -> Scope:
    """A request with headers that say who sends it."""
    headers = [(b"host", b"worker"), *((b"authorization", value) for value in given)]
    return {"type": "http", "headers": headers, "query_string": query}


@pytest.mark.parametrize(
    ("query", "given", "by_header", "by_query"),
    [
        (b"", [], False, False), (b"", [b"Bearer good-token"], True, True), (b"", [b"bearer other-token"], True, True),
        (b"", [b"Bearer bad", b"Bearer good-token"], False, False), (b"token=good-token", [], False, True),
        (b"a=b&token=other-token", [], False, True), (b"token=bad", [], False, False), (b"token=", [], False, False),
        (b"token=good-token&token=good-token", [], False, False), (b"token=good%2Dtoken", [], False, True),
        (b"token=\xff", [], False, False), (b"token=good-token", [b"Bearer bad"], False, False),
        (b"token=bad", [b"Bearer good-token"], True, True),
    ],
)  # fmt: skip
def test_who_is_known(tokens: Tokens, query: bytes, given: list[bytes], by_header: bool, by_query: bool) -> None:
    asked = scope(query, *given)
    assert knows(tokens, asked) is by_header
    assert knows(tokens, asked, in_query=True) is by_query


@pytest.mark.parametrize("in_query", [False, True])
async def test_without_tokens_everybody_is_known(in_query: bool) -> None:
    assert knows(None, scope(), in_query=in_query)
    house = House(Door(None, "letters", in_query=in_query))
    assert (await ask(house, "/v1/letters", [b"dear"])).status == 200
    assert (await ask(house, "/v1/letters", [b"dear"], method="GET")).status == 405


async def test_a_token_in_the_query_lets_in_where_it_is_taken(tokens: Tokens) -> None:
    house = House(Door(tokens, "letters", in_query=True))
    assert (await ask(house, "/v1/letters?token=good-token", [b"dear"])).status == 200
    assert (await ask(house, "/v1/letters?token=bad", [b"dear"])).status == 401
    assert house.bodies == [b"dear"]


@pytest.mark.parametrize(
    ("pieces", "gone", "expected"),
    [
        ([b""], False, Body(content=b"", size=0, whole=True)),
        ([b"12345"], False, Body(content=b"12345", size=5, whole=True)),
        ([b"12", b"", b"345"], False, Body(content=b"12345", size=5, whole=True)),
        ([b"123456"], False, Body(content=b"", size=6, whole=True)),
        ([b"123", b"456", b"7"], False, Body(content=b"123", size=7, whole=True)),
        ([b"123"], True, Body(content=b"123", size=3, whole=False)),
        ([b"123", b"456"], True, Body(content=b"123", size=6, whole=False)),
        ([], True, Body(content=b"", size=0, whole=False)),
    ],
)
async def test_so_much_of_a_body_is_kept(pieces: Sequence[bytes], gone: bool, expected: Body) -> None:
    messages: list[Any] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if gone:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    messages.reverse()

    async def receive() -> Any:
        return messages.pop()

    assert await read(receive, 5) == expected
    assert messages == [], "it is read to its end"


@pytest.mark.parametrize(
    ("size", "whole", "status"), [(5, True, 0), (6, True, 413), (6, False, 413), (5, False, 400), (0, True, 0)]
)
def test_a_body_that_is_not_read(size: int, whole: bool, status: int) -> None:
    refused = Body(content=b"", size=size, whole=whole).unread(5)
    assert (refused[0] if refused else 0) == status
