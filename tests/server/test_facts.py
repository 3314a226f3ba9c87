"""Facts over HTTP: what the worker's application answers, and what a puller makes of it and of worse."""

import asyncio
import hashlib
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import uvicorn

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.adapters.facts.pulling import Pulling
from image_enforcer.adapters.facts.session import WorkerLying, WorkerRefused, WorkerUnreachable
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.watched import Look
from image_enforcer.ports.facts import FactsError
from image_enforcer.ports.store import Store
from image_enforcer.server.facts import FactsApp
from image_enforcer.server.tokens import Tokens
from image_enforcer.wiring.facts import snapshot
from tests.adapters.registry.asking import answering_no_tls, until
from tests.contract.contents import HOUR, MINUTE, NOON, image, repository
from tests.e2e.certificates import Authority
from tests.fakes.registry.http import Connection, Reply, Request, Server
from tests.fakes.registry.server import FakeRegistry
from tests.server.asgi import Reply as Answer
from tests.server.asgi import ask

REPOSITORY = repository()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        yield filled(opened)


def filled(store: Store, *tags: str) -> Store:
    """A store that has looked at one repository."""
    store.watch([REPOSITORY], NOON)
    look(store, *(tags or ("v1",)))
    return store


def look(store: Store, *tags: str) -> None:
    """Another look at that repository, which has these tags."""
    number = store.info().revision
    at = NOON + number * MINUTE
    store.hint(REPOSITORY, at)
    (work,) = store.claim_looks("test", at + HOUR, HOUR, 1)
    images = {tag: image(f"image {tag}") for tag in tags}
    found = Look(
        repository=REPOSITORY, at=at, tags=tuple((t, i.digest) for t, i in images.items()), listed=frozenset(tags),
        manifests=tuple(images.values()),
    )  # fmt: skip
    store.record_look(work, found, at + HOUR)


def at(store: Store) -> dict[str, Any]:
    """What one sends who has all of a store."""
    told = store.changes(0, 1000)
    return {"epoch": told.epoch, "since": told.revision, "began": told.began, "stamp": told.stamp}


async def changes(app: FactsApp, headers: dict[str, str] | None = None, **asked: Any) -> Answer:
    return await _get(app, "/v1/facts/changes", urlencode(asked), headers)


async def _get(app: FactsApp, path: str, query: str = "", headers: dict[str, str] | None = None) -> Answer:
    async def asking(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "query_string": query.encode()}, receive, send)

    return await ask(asking, path, method="GET", headers=headers)


def app_of(store: Store, tokens: Tokens | None = None, **more: Any) -> FactsApp:
    return FactsApp(store, snapshot, tokens, **more)


# --- the application ------------------------------------------------------------------------------


async def test_changes_are_those_behind_a_revision(store: Store) -> None:
    now, had = store.info(), at(store)
    look(store, "v1", "v2")
    reply = await changes(app_of(store), **had)
    document = json.loads(reply.body)
    assert (reply.status, document["since"], document["revision"]) == (200, now.revision, now.revision + 1)
    assert document["newest"] == document["revision"]
    assert f"{REPOSITORY}:v2" in {e["key"] for e in document["entries"] if e["kind"] == "tag"}
    had = at(store)
    look(store, "v2")
    document = json.loads((await changes(app_of(store), **had)).body)
    assert [e["key"] for e in document["entries"] if e["value"] is None and e["kind"] == "tag"] == [f"{REPOSITORY}:v1"]


async def test_an_answer_waits_until_something_changes(store: Store) -> None:
    waiting = asyncio.create_task(changes(app_of(store), **at(store), wait=30))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await asyncio.to_thread(look, store, "v3")
    document = json.loads((await waiting).body)
    assert document["entries"]


async def test_a_revision_that_is_too_large_comes_in_parts_to_those_who_take_them(store: Store) -> None:
    now, asked = store.info(), at(store)
    look(store, "v1", "v2", "v3")
    app = app_of(store, part=500)
    reply = await changes(app, **asked)
    assert (reply.status, json.loads(reply.body)["code"]) == (409, "too_large")
    seen, after = [], ""
    while True:
        reply = await changes(app, **asked, parts=1, after=after)
        document = json.loads(reply.body)
        assert (reply.status, document["since"], document["after"]) == (200, now.revision, after)
        assert len(reply.body) < 1500
        seen += document["entries"]
        if not document["rest"]:
            break
        assert document["revision"] == now.revision
        after = document["rest"]
    assert document["revision"] == now.revision + 1
    assert seen == json.loads((await changes(app_of(store), **asked)).body)["entries"]
    reply = await asyncio.wait_for(changes(app, **asked, parts=1, after="nonsense", wait=30), 10)
    assert (reply.status, json.loads(reply.body)["code"]) == (409, "other_store")


async def test_nothing_new_is_an_answer_too_and_nobody_waits_for_a_server_that_ends(store: Store) -> None:
    now = store.info()
    app = app_of(store)
    document = json.loads((await changes(app, **at(store))).body)
    assert (document["entries"], document["revision"]) == ([], now.revision)
    waiting = asyncio.create_task(changes(app, **at(store), wait=30))
    app.draining = True
    assert (await asyncio.wait_for(waiting, 10)).status == 200


async def test_who_proves_nothing_or_something_else_has_a_conflict(store: Store) -> None:
    look(store, "v2")
    had = at(store)
    for stamp in ("", "other", had["stamp"][:-1]):
        reply = await asyncio.wait_for(changes(app_of(store), **{**had, "stamp": stamp}, wait=30), 10)
        assert (reply.status, json.loads(reply.body)["code"]) == (409, "other_store")
    assert (await changes(app_of(store), **had)).status == 200


@pytest.mark.parametrize("asked", [{"epoch": "other", "since": 1}, {"since": 1}, {"epoch": "", "since": 10**9}])
async def test_another_store_or_a_revision_that_never_was_is_a_conflict_at_once(
    store: Store, asked: dict[str, Any]
) -> None:
    if asked.get("epoch") == "":
        asked = {**asked, "epoch": store.info().epoch}
    reply = await asyncio.wait_for(changes(app_of(store), wait=30, **asked), 10)
    assert (reply.status, json.loads(reply.body)["code"]) == (409, "other_store")


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "9" * 5000, str(1 << 63), "١"])
async def test_what_is_no_revision(store: Store, since: str) -> None:
    reply = await changes(app_of(store), epoch=store.info().epoch, since=since)
    assert reply.status == 400


async def test_a_whole_copy_has_its_checksum(store: Store, tmp_path: Path) -> None:
    reply = await _get(app_of(store), "/v1/facts/snapshot")
    assert reply.status == 200
    assert reply.headers["x-facts-checksum"] == f"sha256:{hashlib.sha256(reply.body).hexdigest()}"
    assert int(reply.headers["content-length"]) == len(reply.body)
    place = tmp_path / "copy.db"
    place.write_bytes(reply.body)
    info = store.info()
    assert reply.headers["x-facts-stamp"] == store.changes(0, 1).stamp
    assert replica_file.position(place, thoroughly=True) is not None
    assert (reply.headers["x-facts-epoch"], reply.headers["x-facts-revision"]) == (info.epoch, str(info.revision))


async def test_who_takes_nothing_of_a_copy_does_not_hold_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_enforcer.server.facts.STALLED", 0.05)
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def receive() -> Any:
        raise AssertionError("nothing is sent to it")

    scope = {"type": "http", "method": "GET", "path": "/v1/facts/snapshot", "query_string": b"", "headers": []}
    await asyncio.wait_for(app_of(store)(scope, receive, send), 10)
    assert sent == ["http.response.start", "http.response.body"]


async def test_who_has_no_token_gets_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("good-token-0123456789\n", encoding="utf-8")
    app = app_of(store, Tokens(str(file)))
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic good-token-0123456789"}):
        assert (await changes(app, headers, since=1)).status == 401
        assert (await _get(app, "/v1/facts/snapshot", headers=headers)).status == 401
    good = {"Authorization": "Bearer good-token-0123456789"}
    assert (await _get(app, "/v1/facts/snapshot", headers=good)).status == 200


async def test_other_paths_and_methods(store: Store) -> None:
    app = app_of(store)
    assert (await _get(app, "/v1/facts")).status == 404
    refused = await ask(app, "/v1/facts/snapshot", method="POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


# --- pulling --------------------------------------------------------------------------------------


@asynccontextmanager
async def served(app: FactsApp, port: int = 0) -> AsyncIterator[str]:
    """The application on a port of its own."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="off", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        app.draining = True
        server.should_exit = True
        await task


def _no_signals() -> Any:
    return nullcontext()


@asynccontextmanager
async def pulling(url: str, place: Path, **more: Any) -> AsyncIterator[Pulling]:
    puller = Pulling(url, place, now=lambda: NOON, **more)
    try:
        yield puller
    finally:
        await puller.close()


def tags(place: Path) -> set[str]:
    """The tags of which a copy knows."""
    keys = {f"{REPOSITORY}:{name}": name for name in ("v1", "v2", "v3")}
    with closing(LocalFacts(place)) as facts:
        return {keys[key] for key in facts.find(Kind.TAG, keys)}


async def test_first_everything_then_what_changed(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "folder" / "copy.db"
    async with served(app_of(store)) as url, pulling(url, place) as puller:
        assert await puller.pull(0) is True
        assert tags(place) == {"v1"}
        assert await puller.pull(0) is False
        look(store, "v1", "v2")
        assert await puller.pull(0) is True
        assert tags(place) == {"v1", "v2"}
        look(store, "v2")
        await puller.pull(0)
        assert tags(place) == {"v2"}
    assert [p.name for p in place.parent.iterdir() if p.name.endswith(".new")] == []


async def test_parts_are_put_into_the_copy_together(store: Store, tmp_path: Path) -> None:
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    said: list[str] = []
    async with served(app_of(store, part=500)) as url, pulling(url, one, said=said.append) as puller:
        await puller.pull(0)
        look(store, "v1", "v2", "v3")
        assert await puller.pull(0) is True
        assert await puller.pull(0) is False
        async with pulling(url, other) as late:
            await late.pull(0)
    assert (_facts(one), tags(one), said) == (_facts(other), {"v1", "v2", "v3"}, [])


@pytest.mark.parametrize(("bound", "reason"), [("MAX_CHANGES", "at a time"), ("MAX_PARTS", "have changed")])
async def test_where_too_much_changed_a_whole_copy_is_fetched_and_that_is_said(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, reason: str
) -> None:
    monkeypatch.setattr(f"image_enforcer.adapters.facts.pulling.{bound}", 1000)
    place = tmp_path / "copy.db"
    said: list[str] = []
    part = {"MAX_CHANGES": 1 << 20, "MAX_PARTS": 500}[bound]
    async with served(app_of(store, part=part)) as url, pulling(url, place, said=said.append) as puller:
        await puller.pull(0)
        look(store, "v1", "v2", "v3")
        assert await puller.pull(0) is True
        assert tags(place) == {"v1", "v2", "v3"}
        assert [(f"1000 bytes {reason}" in text or f"1000 bytes of changes {reason}" in text) for text in said] == [
            True
        ]
        assert said[0].endswith("; a whole copy is fetched")
        assert await puller.pull(0) is False


async def test_who_dies_between_two_parts_has_nothing_of_them(store: Store, tmp_path: Path) -> None:
    body = good(store, tmp_path)
    place = tmp_path / "copy.db"
    info = store.info()
    part = {
        "epoch": info.epoch, "since": info.revision, "began": 0, "revision": info.revision, "after": "", "rest": "x",
        "newest": info.revision + 1,
        "entries": [{"kind": "tag", "key": f"{REPOSITORY}:v3", "value": {"digest": None}, "revision": 9}],
    }  # fmt: skip
    answers = iter([Reply(body=json.dumps(part).encode()), Reply(status=500)])
    with FakeWorker(snapshot=lambda: signed(body), changes=lambda: next(answers)) as worker:
        async with pulling(worker.url, place) as puller:
            await puller.pull(0)
            with pytest.raises(WorkerUnreachable):
                await puller.pull(0)
    assert tags(place) == {"v1"}


@pytest.mark.parametrize("how", [{}, {"after": "x", "rest": "x"}])
async def test_a_worker_that_does_not_go_on_is_not_asked_without_end(
    store: Store, tmp_path: Path, how: dict[str, Any]
) -> None:
    body = good(store, tmp_path)
    info = store.info()
    same = {
        "epoch": info.epoch, "since": info.revision, "began": 0, "revision": info.revision,
        "newest": info.revision + 1, "entries": [], **how,
    }  # fmt: skip
    first = iter([{**same, "after": "", "rest": "x"}] if how else [])
    answer = lambda: Reply(body=json.dumps(next(first, same)).encode())
    with FakeWorker(snapshot=lambda: signed(body), changes=answer) as worker:
        async with pulling(worker.url, tmp_path / "copy.db") as puller:
            await puller.pull(0)
            with pytest.raises(WorkerLying, match="does not go on"):
                await puller.pull(0)


async def test_a_copy_is_as_a_whole_one_would_be(store: Store, tmp_path: Path) -> None:
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    async with served(app_of(store)) as url, pulling(url, one) as puller, pulling(url, other) as late:
        for names in (("v1", "v2"), ("v2",), ("v3", "v1"), ("v3",)):
            await puller.pull(0)
            look(store, *names)
        await puller.pull(0)
        await late.pull(0)
    assert _facts(one) == _facts(other)


def _facts(place: Path) -> list[Any]:
    with closing(sqlite3.connect(place)) as db:
        return db.execute("SELECT kind, key, value, revision FROM fact ORDER BY kind, key").fetchall()


async def test_a_worker_that_dies_leaves_the_last_copy(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "copy.db"
    async with served(app_of(store)) as url, pulling(url, place) as puller:
        await puller.pull(0)
    port = int(url.rpartition(":")[2])
    async with pulling(url, place) as puller:
        with pytest.raises(WorkerUnreachable, match="the last facts stay"):
            await puller.pull(0)
        assert tags(place) == {"v1"}
        look(store, "v2")
        async with served(app_of(store), port):
            await puller.pull(0)
        assert tags(place) == {"v2"}


async def test_a_store_that_was_replaced_is_copied_whole(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "copy.db"
    async with served(app_of(store)) as url, pulling(url, place) as puller:
        await puller.pull(0)
    with closing(open_store(f"sqlite:///{tmp_path / 'second.db'}")) as second:
        filled(second, "v3")
        async with served(app_of(second)) as url, pulling(url, place) as puller:
            with closing(LocalFacts(place)) as facts:
                before = facts.state()
                await puller.pull(0)
                assert facts.state().epoch != before.epoch
            assert tags(place) == {"v3"}


@pytest.fixture
def restored(store: Store, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A store that has gone on, and another that went on from an older copy of its file, to further revisions."""
    with closing(sqlite3.connect(tmp_path / "store.db")) as db, closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        db.backup(copy)
    look(store, "v1", "v2")
    with closing(open_store(f"sqlite:///{tmp_path / 'copy.db'}")) as other:
        for _ in range(3):
            look(other, "v1", "v3")
        assert other.head()[0] == store.head()[0]
        assert other.head()[1] > store.head()[1]
        yield store, other


async def test_a_store_that_was_put_back_to_an_older_copy_is_copied_whole(
    restored: tuple[Store, Store], tmp_path: Path
) -> None:
    before, after = restored
    place = tmp_path / "facts.db"
    async with served(app_of(before)) as url, pulling(url, place) as puller:
        await puller.pull(0)
        assert tags(place) == {"v1", "v2"}
    said: list[str] = []
    async with served(app_of(after)) as url, pulling(url, place, said=said.append) as puller:
        await puller.pull(0)
        assert tags(place) == {"v1", "v3"}
        assert len(said) == 1
        look(after, "v2")
        await puller.pull(0)
        assert (tags(place), len(said)) == ({"v2"}, 1)


async def test_a_copy_without_a_stamp_is_not_trusted(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "copy.db"
    said: list[str] = []
    async with served(app_of(store)) as url, pulling(url, place, said=said.append) as puller:
        await puller.pull(0)
        with closing(sqlite3.connect(place, isolation_level=None)) as db:
            db.execute("DROP TABLE mark")
        look(store, "v2")
        await puller.pull(0)
        assert (tags(place), len(said)) == ({"v2"}, 1)
        await puller.pull(0)
        assert len(said) == 1


async def test_a_worker_that_knows_no_stamps_is_followed(store: Store, tmp_path: Path) -> None:
    body = good(store, tmp_path)
    info = store.info()
    document = {
        "epoch": info.epoch, "since": info.revision, "began": 0, "revision": info.revision + 1,
        "newest": info.revision + 1,
        "entries": [{"kind": "tag", "key": f"{REPOSITORY}:v3", "value": {"digest": None}, "revision": 9}],
    }  # fmt: skip
    answer = Reply(body=json.dumps(document).encode())
    with FakeWorker(snapshot=lambda: signed(body), changes=lambda: answer) as worker:
        async with pulling(worker.url, tmp_path / "copy.db") as puller:
            await puller.pull(0)
            await puller.pull(0)
    assert tags(tmp_path / "copy.db") == {"v1", "v3"}


async def test_a_copy_that_slept_through_pruning_is_as_a_whole_one(store: Store, tmp_path: Path) -> None:
    place, other = tmp_path / "copy.db", tmp_path / "other.db"
    async with served(app_of(store)) as url, pulling(url, place) as puller, pulling(url, other) as late:
        look(store, "v1", "v2")
        await puller.pull(0)
        assert tags(place) == {"v1", "v2"}
        look(store, "v2")
        while store.prune(NOON + 100 * HOUR, HOUR):
            pass
        look(store, "v2", "v3")
        assert await puller.pull(0) is True
        await late.pull(0)
        assert tags(place) == {"v2", "v3"}
        assert _facts(place) == _facts(other)
        look(store, "v3")
        await puller.pull(0)
        assert tags(place) == {"v3"}


async def test_a_damaged_copy_is_fetched_anew(store: Store, tmp_path: Path) -> None:
    place = tmp_path / "copy.db"
    async with served(app_of(store)) as url:
        async with pulling(url, place) as puller:
            await puller.pull(0)
        content = bytearray(place.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        place.write_bytes(content)
        async with pulling(url, place) as puller:
            assert await puller.pull(0) is True
        assert tags(place) == {"v1"}


async def test_tokens_are_sent_and_wrong_ones_said(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("good-token-0123456789\n", encoding="utf-8")
    place = tmp_path / "copy.db"
    async with served(app_of(store, Tokens(str(file)))) as url:
        async with pulling(url, place, token="wrong") as puller:
            with pytest.raises(WorkerRefused, match=r"another token \(--token-file of pull, --facts-tok"):
                await puller.pull(0)
        async with pulling(url, place) as puller:
            with pytest.raises(WorkerRefused, match="give its token"):
                await puller.pull(0)
        assert not place.exists()
        async with pulling(url, place, token="good-token-0123456789") as puller:
            await puller.pull(0)
        assert tags(place) == {"v1"}


async def test_an_address_of_something_else_is_said_with_what_to_do(tmp_path: Path) -> None:
    place = tmp_path / "copy.db"
    pair = Authority(tmp_path).issue("other")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    async with AsyncExitStack() as stack:
        plain = stack.enter_context(FakeRegistry())
        secure = stack.enter_context(FakeRegistry(tls=context))
        mute = await stack.enter_async_context(answering_no_tls())
        for url, said in (
            (plain.url, "there is no worker"), (f"https://{mute}", "begins with http://"),
            (f"https://{secure.place}", "--ca-file of pull, --facts-ca-file of serve"),
        ):  # fmt: skip
            async with pulling(url, place) as puller:
                with pytest.raises(WorkerUnreachable, match=said):
                    await puller.pull(0)


# --- what is wrong with workers -------------------------------------------------------------------


class FakeWorker(Server):
    """Answers as a test says, by path."""

    def __init__(self, **answers: Callable[[], Reply]) -> None:
        super().__init__(self._answer)
        self._answers = answers

    async def _answer(self, request: Request, connection: Connection) -> Reply | None:
        reply = self._answers[request.path.rpartition("/")[2]]()
        if reply.status == 0:
            reply.status = 200
            connection.hang_up()
        return reply


def signed(body: bytes, **more: Any) -> Reply:
    return Reply(headers={"X-Facts-Checksum": f"sha256:{hashlib.sha256(body).hexdigest()}"}, body=body, **more)


def good(store: Store, folder: Path) -> bytes:
    path = folder / "good.db"
    if not path.exists():
        snapshot(path, iter([store.changes(0, 1000)]))
    return path.read_bytes()


SNAPSHOTS: dict[str, Callable[[bytes], Reply]] = {
    "no checksum": lambda b: Reply(body=b),
    "lying checksum": lambda b: Reply(headers={"X-Facts-Checksum": "sha256:" + "0" * 64}, body=b),
    "other bytes": lambda b: Reply(headers=signed(b).headers, body=b[:-1] + b"\x01"),
    "cut off": lambda b: Reply(status=0, headers={**signed(b).headers, "Content-Length": str(len(b))}, body=b[:5000]),
    "shorter": lambda b: Reply(headers=signed(b).headers, body=b[:5000]),
    "garbage": lambda b: signed(b"garbage" * 1000),
    "nothing": lambda b: signed(b""),
    "damaged": lambda b: signed(b[:4096] + b"\xff" * (len(b) - 4096)),
    "an error": lambda b: Reply(status=503, body=b"{}"),
    "a redirect": lambda b: Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}),
}


@pytest.mark.parametrize("how", SNAPSHOTS)
async def test_a_copy_that_is_not_what_it_should_be_is_refused(store: Store, tmp_path: Path, how: str) -> None:
    body = good(store, tmp_path)
    place = tmp_path / "copy.db"
    with FakeWorker(snapshot=lambda: signed(body)) as worker:
        async with pulling(worker.url, place) as puller:
            await puller.pull(0)
    assert tags(place) == {"v1"}
    conflict = Reply(status=409, body=b"{}")
    with FakeWorker(snapshot=lambda: SNAPSHOTS[how](body), changes=lambda: conflict) as worker:
        async with pulling(worker.url, place) as puller:
            with pytest.raises(FactsError):
                await puller.pull(0)
    assert tags(place) == {"v1"}
    assert not place.with_name("copy.db.new").exists()


CHANGES: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "garbage": lambda d: b"<html>",
    "empty": lambda d: b"",
    "a list": lambda d: b"[]",
    "deep": lambda d: b'{"entries":' + b"[" * 100_000,
    "no entries": lambda d: json.dumps({k: v for k, v in d.items() if k != "entries"}).encode(),
    "texts": lambda d: json.dumps({**d, "revision": "9"}).encode(),
    "another kind": lambda d: json.dumps(
        {**d, "entries": [{"kind": "secret", "key": "k", "value": {}, "revision": 9}]}
    ).encode(),
    "half": lambda d: json.dumps(d).encode()[:-20],
    "a huge revision": lambda d: json.dumps({**d, "revision": 2**63}).encode(),
    "a huge newest": lambda d: json.dumps({**d, "newest": 2**63}).encode(),
    "a revision below 0": lambda d: json.dumps({**d, "began": -1}).encode(),
    "an entry of a huge revision": lambda d: json.dumps(
        {**d, "entries": [{**d["entries"][0], "revision": 2**63}]}
    ).encode(),
}


@pytest.mark.parametrize("how", CHANGES)
async def test_changes_that_are_none_are_refused(store: Store, tmp_path: Path, how: str) -> None:
    body = good(store, tmp_path)
    place = tmp_path / "copy.db"
    info = store.info()
    document = {
        "epoch": info.epoch, "since": info.revision, "began": 0, "revision": info.revision + 1,
        "newest": info.revision + 1,
        "entries": [{"kind": "tag", "key": f"{REPOSITORY}:v3", "value": {"digest": None}, "revision": 9}],
    }  # fmt: skip
    answer = Reply(body=CHANGES[how](document))
    with FakeWorker(snapshot=lambda: signed(body), changes=lambda: answer) as worker:
        async with pulling(worker.url, place) as puller:
            await puller.pull(0)
            with pytest.raises(WorkerLying):
                await puller.pull(0)
    assert tags(place) == {"v1"}


@pytest.mark.parametrize("wrong", [{"epoch": "other"}, {"since": 0}, {"revision": 0}])
async def test_changes_that_do_not_follow_end_in_a_whole_copy(
    store: Store, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    body = good(store, tmp_path)
    info = store.info()
    document = {
        "epoch": info.epoch, "since": info.revision, "began": 0, "revision": info.revision, "newest": info.revision,
        "entries": [], **wrong,
    }  # fmt: skip
    asked: list[str] = []

    def whole() -> Reply:
        asked.append("whole")
        return signed(body)

    with FakeWorker(snapshot=whole, changes=lambda: Reply(body=json.dumps(document).encode())) as worker:
        async with pulling(worker.url, tmp_path / "copy.db") as puller:
            await puller.pull(0)
            await puller.pull(0)
    assert asked == ["whole", "whole"]


async def test_where_nothing_may_be_written_it_is_said(store: Store, tmp_path: Path) -> None:
    body = good(store, tmp_path)
    (tmp_path / "file").touch()
    with FakeWorker(snapshot=lambda: signed(body)) as worker:
        async with pulling(worker.url, tmp_path / "file" / "copy.db") as puller:
            with pytest.raises(FactsError, match="may be written"):
                await puller.pull(0)
