"""Questions about images that are not known: what is looked up for them, and what is no question."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from image_enforcer.domain.facts import Entry, Kind
from image_enforcer.ports.store import Store, StoreUnreachable
from image_enforcer.server.asked import MAX_BODY, MOST, AskedApp
from image_enforcer.server.tokens import Tokens
from image_enforcer.services.answering import Answering
from image_enforcer.services.look_ups import LookUps
from image_enforcer.services.syncing import Syncing
from tests.adapters.registry.asking import until
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import VULNERABLE, index, known_world, scannable

from .asgi import ask
from .asked import Open, opened


@pytest.fixture
def scene(registry: FakeRegistry, store: Store) -> Open:
    return lambda **more: opened(registry, store, **more)


@contextlib.asynccontextmanager
async def running(sync: Syncing) -> AsyncIterator[None]:
    """The worker at work meanwhile."""

    async def rest(busy: bool) -> bool:
        del busy
        await asyncio.sleep(0.01)
        return False

    task = asyncio.create_task(sync.run(rest))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_tag_that_was_just_pushed_is_looked_up_alone_and_urgently(scene: Open, registry: FakeRegistry) -> None:
    registry.image("team/app", "old", (b"old",))
    async with scene() as s:
        s.flow()
        digest = registry.image("team/app", "new", (b"new",))
        before = s.store.head()[1]
        answer = await s.ask("team/app:new", wait=5)
        assert answer["images"] == {f"{registry.place}/team/app:new": {"known": True}}
        assert answer["revision"] == s.store.head()[1] > before
        assert s.tag("team/app:new")["digest"] == digest
        assert [(r.method, r.path.rpartition("/")[2]) for r in registry.seen] == [("HEAD", "new"), ("GET", digest)]
        assert s.urgent == [True, True]
        registry.seen.clear()
        assert await s.codes("team/app:new", "team/app:old") == ["", ""]
        assert registry.seen == []


async def test_an_index_is_looked_up_with_its_images(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        s.flow()
        index(registry, "team/app", "multi", [("amd64", b"a"), ("arm64", b"b")])
        assert await s.codes("team/app:multi", wait=5) == [""]
        assert set(s.urgent) == {True}


async def test_what_is_not_there_is_said_and_leaves_no_trace(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        s.flow()
        before = s.store.head()
        assert await s.codes("team/app:none", wait=5) == ["not-found"]
        assert s.store.head() == before
        assert s.heads() == 1
        assert await s.codes("team/app:none", wait=5) == ["not-found"]
        assert s.heads() == 1
        registry.image("team/app", "none")
        s.seconds.seconds += 6
        assert await s.codes("team/app:none", wait=5) == [""]


async def test_those_who_ask_the_same_at_once_cause_one_look_up(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        s.flow()
        registry.image("team/app", "1")
        found = await asyncio.gather(*(s.codes("team/app:1", wait=5) for _ in range(20)))
        assert found == [[""]] * 20
        assert s.heads() == 1


class Reading:
    """A store whose reader can be held up once it has read what tags point to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.hold = False
        self.read = threading.Event()
        self.go = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def entries(self, kind: Kind, keys: Collection[str]) -> Mapping[str, Entry]:
        found = self._store.entries(kind, keys)
        if kind is Kind.TAG and self.hold:
            self.hold = False
            self.read.set()
            assert self.go.wait(30)
        return found


async def test_what_was_found_while_somebody_read_is_read_again(registry: FakeRegistry, store: Store) -> None:
    reading = Reading(store)
    async with opened(registry, cast("Store", reading)) as s:
        s.flow()
        registry.image("team/app", "1")
        reading.hold = True
        slow = asyncio.create_task(s.codes("team/app:1", wait=30))
        await until(reading.read.is_set)
        assert await s.codes("team/app:1", wait=30) == [""]
        reading.go.set()
        assert await slow == [""]
        assert s.heads() == 1


async def broken(request: Request, reply: Reply, connection: Connection, registry: FakeRegistry) -> Reply | None:
    """Out of order."""
    del request, reply, connection, registry
    return Reply(status=503)


async def test_a_manifest_that_cannot_be_had_is_a_trouble(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        s.flow()
        digest = registry.image("team/app", "1")
        registry.switch(broken, f"/manifests/{digest}")
        assert await s.codes("team/app:1", wait=10) == ["unreachable"]
        assert s.tag("team/app:1")["trouble"]["code"] == "unreachable"


async def test_what_a_scan_is_missing_of_is_scanned_first_and_waited_for(scene: Open, registry: FakeRegistry) -> None:
    world = known_world()
    async with FakeClairV4(world) as clair, scene(clair=clair) as s, running(s.sync):
        s.flow()
        scannable(world, registry, "team/app", "bad", VULNERABLE)
        assert await s.codes("team/app:bad", wait=30, require="scanned") == [""]


async def test_without_a_scanner_nobody_waits_for_one(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        registry.image("team/app", "1")
        assert await s.told("team/app:1", require="scanned") == ["not-scanned"]


async def test_a_digest_is_found_by_a_look_at_its_repository(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        s.flow()
        digest = registry.image("team/app", "1", (b"one",))
        untagged = registry.image("team/app", "", (b"untagged",))
        nothing = f"team/app@sha256:{'0' * 64}"
        assert await s.codes(nothing, wait=5) == ["not-found"]
        assert not any(path.endswith("/tags/list") for _, path in registry.counts())
        async with running(s.sync):
            assert await s.codes(f"team/app@{digest}", wait=10) == [""]
            assert await s.codes(f"team/app@{untagged}", wait=0.3) == ["waiting"]


async def test_who_may_not_ask_causes_nothing(scene: Open, registry: FakeRegistry, tmp_path: Path) -> None:
    registry.image("team/app", "1")
    (tmp_path / "tokens").write_text("good-token\n", "utf-8")
    async with scene() as s:
        app = AskedApp(Tokens(str(tmp_path / "tokens")))
        app.answering = s.answering
        registry.image("team/app", "2")
        body = json.dumps({"images": [f"{registry.place}/team/app:2"], "wait": 1}).encode()
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "Basic good-token"}):
            assert (await ask(app, "/v1/facts/asked", [body], headers=headers)).status == 401
        assert registry.seen == []
        good = {"authorization": "Bearer good-token"}
        assert (await ask(app, "/v1/facts/asked", [body], headers=good)).status == 200
        await until(lambda: s.tag("team/app:2") is not None)


class Gone:
    """A store that cannot be reached."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any) -> Any:
            raise StoreUnreachable("the store is gone: try again later")

        return fail


async def test_a_store_that_cannot_be_reached_is_said(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        gone = cast("Store", Gone())
        answering = Answering(gone, cast("LookUps", None), scans=False, now=s.clock, clock=s.seconds)
        s.app.answering = answering
        reply = await ask(s.app, "/v1/facts/asked", [b'{"images": ["nginx:1"], "wait": 5}'])
        assert (reply.status, json.loads(reply.body)["code"]) == (503, "unavailable")
        assert registry.seen == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"[]", 400), (b"{}", 400), (b'{"images": "a"}', 400), (b'{"images": [1]}', 400),
        (b'{"images": ["-"]}', 400), (b'{"images": ["a b"]}', 400), (b'{"images": [], "wait": -1}', 400),
        (b'{"images": [], "wait": 1e99}', 400), (b'{"images": [], "require": "nothing"}', 400),
        (b'{"images": ["\xff"]}', 400), (b"[" * 100_000, 400),
        (json.dumps({"images": [f"a:{n}" for n in range(MOST + 1)]}).encode(), 400),
        (json.dumps({"images": ["a" * 2000]}).encode(), 400),
        (b" " * (MAX_BODY + 1), 413), (b'{"images": []}', 200),
    ],
)  # fmt: skip
async def test_what_is_no_question(scene: Open, registry: FakeRegistry, body: bytes, status: int) -> None:
    async with scene() as s:
        assert (await ask(s.app, "/v1/facts/asked", [body])).status == status
        assert registry.seen == []


async def test_before_there_is_work_and_by_get(tmp_path: Path) -> None:
    app = AskedApp(None)
    reply = await ask(app, "/v1/facts/asked", [b'{"images": ["nginx"]}'])
    assert (reply.status, json.loads(reply.body)["code"]) == (503, "unavailable")
    assert (await ask(app, "/v1/facts/asked", method="GET")).status == 405
