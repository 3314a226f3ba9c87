"""OPA's data interface as a sink: what is asked of it, and what becomes of bad answers."""

from collections.abc import AsyncIterator, Iterator

import pytest

from image_enforcer.adapters.sinks.opa import OpaSink
from image_enforcer.ports.sink import SinkError, SinkRefused, SinkUnreachable
from tests.fakes.opa_data import FakeOpaData
from tests.fakes.registry.http import Connection, Reply, Request, Server


@pytest.fixture
def opa() -> Iterator[FakeOpaData]:
    with FakeOpaData() as fake:
        yield fake


@pytest.fixture
async def sink(opa: FakeOpaData) -> AsyncIterator[OpaSink]:
    made = OpaSink(opa.url)
    yield made
    await made.close()


async def test_documents_come_and_go(sink: OpaSink, opa: FakeOpaData) -> None:
    path = ("docker", "layers", "team", "app", "v1")
    assert await sink.get(path) is None
    await sink.put(path, b'{"a": 1}')
    assert await sink.get(path) == b'{"a": 1}'
    await sink.delete(path)
    assert await sink.get(path) is None
    await sink.delete(path)


@pytest.mark.parametrize("step", ["library/nginx", "registry:5000", "a b", "ä", "100%", "a?b#c"])
async def test_a_step_is_one_step_whatever_stands_in_it(sink: OpaSink, opa: FakeOpaData, step: str) -> None:
    await sink.put(("root", step, "leaf"), b"1")
    assert opa.documents == {"root": {step: {"leaf": 1}}}
    assert await sink.get(("root", step, "leaf")) == b"1"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, SinkRefused), (401, SinkRefused), (403, SinkRefused), (404, SinkRefused), (302, SinkRefused),
     (500, SinkUnreachable), (503, SinkUnreachable), (-1, SinkUnreachable)],
)  # fmt: skip
async def test_what_is_not_taken_is_said(sink: OpaSink, opa: FakeOpaData, status: int, kind: type[SinkError]) -> None:
    opa.refuse = lambda method, path: status
    with pytest.raises(kind, match=opa.url):
        await sink.put(("a", "b"), b"1")


async def test_a_name_that_no_resolver_takes() -> None:
    sink = OpaSink(f"http://{'a' * 64}:8181")
    with pytest.raises(SinkUnreachable, match="cannot be reached"):
        await sink.put(("a", "b"), b"1")
    await sink.close()


async def test_what_it_says_over_several_lines_is_one_line() -> None:
    async def answer(request: Request, connection: Connection) -> Reply:
        return Reply(status=400, body=b'{\n  "code": "invalid",\n\t"message": "x"\n}\n')

    with Server(answer) as server:
        sink = OpaSink(server.url)
        with pytest.raises(SinkRefused) as refused:
            await sink.put(("a",), b"1")
        await sink.close()
    assert '{ "code": "invalid", "message": "x" }' in str(refused.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"result":', b'{"result":' + b"[" * 100_000])
async def test_an_answer_that_opa_never_gives(body: bytes) -> None:
    async def answer(request: Request, connection: Connection) -> Reply:
        return Reply(body=body)

    with Server(answer) as server:
        sink = OpaSink(server.url)
        with pytest.raises(SinkRefused, match="is it one"):
            await sink.get(("a",))
        await sink.close()


async def test_an_answer_that_never_comes_is_not_waited_for() -> None:
    async def answer(request: Request, connection: Connection) -> None:
        await connection.wait(60)

    with Server(answer) as server:
        sink = OpaSink(server.url, seconds=2)  # the connection itself is not to take as long
        with pytest.raises(SinkUnreachable, match="no answer in 2 s"):
            await sink.get(("a",))
        await sink.close()


async def test_a_token_is_sent_and_no_name_holds_a_secret() -> None:
    seen: list[str] = []

    async def answer(request: Request, connection: Connection) -> Reply:
        seen.append(request.authorization)
        return Reply(status=404)

    with Server(answer) as server:
        sink = OpaSink(server.url, token="t0ken")
        assert await sink.get(("a",)) is None
        await sink.close()
    assert seen == ["Bearer t0ken"]
    assert OpaSink("https://user:secret@opa.example:8181/base/").name == "https://opa.example:8181/base"


async def test_authorities_that_cannot_be_read() -> None:
    sink = OpaSink("https://127.0.0.1:1", ca_file="absent.pem")
    with pytest.raises(SinkRefused, match=r"absent\.pem cannot be read"):
        await sink.get(("a",))
