"""Questions about images that are not known: what the worker looks up for them, and what it does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis.clair_v1 import parts
from image_enforcer.domain.facts import Entry, Kind
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Trouble
from image_enforcer.ports.store import ScanWork, Store, StoreUnreachable
from image_enforcer.server.asked import MAX_BODY, MOST, AskedApp
from image_enforcer.server.tokens import Tokens
from image_enforcer.services.allowance import BOUNDS, Bounds
from image_enforcer.services.answering import Answering
from image_enforcer.services.look_ups import LookUps
from image_enforcer.services.looking import Choice, Looking, allowing
from image_enforcer.services.scanning import Scanning
from image_enforcer.services.syncing import Plan, Syncing
from tests import postgresql
from tests.adapters.registry.asking import asking, until
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry
from tests.server.asgi import ask
from tests.services.synced import LIMITS, VULNERABLE, Clock, index, known_world, scannable

NEVER = 3600.0


class Heard:
    """Is told, and does not mind."""

    def looked(self, repository: Repository, tags: int, fetched: int, troubles: int, revision: int) -> None: ...
    def forgotten(self, repositories: Sequence[Repository]) -> None: ...
    def failed(self, about: str, trouble: Trouble) -> None: ...
    def recovered(self, about: str) -> None: ...
    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None: ...
    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None: ...
    def noticed(self, notifications: int, images: int) -> None: ...
    def asked(self, reference: str, code: str) -> None: ...


@dataclass
class Moving:
    """Seconds that pass when they are told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Scene:
    """A worker that has looked once, and what asks it."""

    registry: FakeRegistry
    store: Store
    sync: Syncing
    answering: Answering
    app: AskedApp
    clock: Clock
    seconds: Moving
    urgent: list[bool] = field(default_factory=list)

    async def ask(self, *images: str, wait: float = 0.0, require: str = "resolved") -> dict[str, Any]:
        """The answer about images of the registry, by what stands behind its name."""
        place = self.registry.place
        body = json.dumps({"images": [f"{place}/{i}" for i in images], "require": require, "wait": wait}).encode()
        reply = await ask(self.app, "/v1/facts/asked", [body])
        assert reply.status == 200, reply.body
        document: dict[str, Any] = json.loads(reply.body)
        assert document["epoch"] == self.store.head()[0]
        return document

    async def codes(self, *images: str, wait: float = 0.0, require: str = "resolved") -> list[str]:
        """Why each is not known; empty where it is."""
        answer = await self.ask(*images, wait=wait, require=require)
        return [answer["images"][f"{self.registry.place}/{i}"].get("code", "") for i in images]

    async def told(self, *images: str, require: str = "resolved") -> list[str]:
        """The same, by somebody who asks until nothing is waited for any more."""
        for _ in range(200):
            found = await self.codes(*images, wait=0.05, require=require)
            if "waiting" not in found:
                return found
        raise AssertionError("it never came")

    def tag(self, name: str) -> Any:
        key = f"{self.registry.place}/{name}"
        entry = self.store.entries(Kind.TAG, [key]).get(key)
        return None if entry is None or entry.value is None else json.loads(entry.value)

    def heads(self, part: str = "/manifests/") -> int:
        return sum(n for (method, path), n in self.registry.counts().items() if method == "HEAD" and part in path)


class Urgency:
    """A client that notes whether it is asked urgently."""

    def __init__(self, client: RegistryClient, urgent: list[bool]) -> None:
        self._client = client
        self._urgent = urgent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def head(self, repository: Repository, reference: str, *, urgent: bool = False) -> Any:
        self._urgent.append(urgent)
        return await self._client.head(repository, reference, urgent=urgent)

    async def manifest(self, repository: Repository, reference: str, *, urgent: bool = False) -> Any:
        self._urgent.append(urgent)
        return await self._client.manifest(repository, reference, urgent=urgent)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    with postgresql.running(tmp_path_factory) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("server").new_database()
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


Open = Callable[..., contextlib.AbstractAsyncContextManager[Scene]]


@pytest.fixture
def scene(registry: FakeRegistry, store: Store) -> Open:
    return lambda **more: opened(registry, store, **more)


@contextlib.asynccontextmanager
async def opened(
    registry: FakeRegistry, store: Store, *, choice: Choice = Choice(), allow: tuple[str, ...] = (),  # noqa: B008
    bounds: Bounds = BOUNDS, clair: FakeClairV4 | None = None, follow: tuple[str, ...] = ("team/app",),
    anywhere: bool = False,
) -> AsyncIterator[Scene]:  # fmt: skip
    """A worker that has looked at one repository, and will not look again by itself."""
    clock, seconds, urgent = Clock(), Moving(), list[bool]()
    async with contextlib.AsyncExitStack() as stack:
        client = Urgency(await stack.enter_async_context(asking(registry)), urgent)
        looking = Looking(client, lambda digests: asyncio.to_thread(store.missing, digests), clock)
        scanning = None
        if clair is not None:
            scanner = ClairV4(clair.url, clock=lambda: clock().timestamp(), chance=lambda: 0.5, limits=LIMITS)
            stack.push_async_callback(scanner.close)
            scanning = Scanning(scanner, client, parts, clock)
        choices = {Repository(registry=registry.place, path=path): choice for path in follow}
        globs = allow if anywhere else tuple(f"{registry.place}/{glob}" for glob in allow)
        plan = Plan(choices=tuple(choices.items()), allow=globs)
        sync = Syncing(store, plan, looking, scanning, [], Heard(), clock)
        await sync.follow()
        await sync.once()
        registry.seen.clear()
        urgent.clear()
        look_ups = LookUps(
            store, looking, choices, allowing(plan.allow), now=clock, clock=seconds, told=Heard(), bounds=bounds
        )  # fmt: skip
        answering = Answering(store, look_ups, scans=clair is not None, now=clock, clock=seconds)
        stack.push_async_callback(answering.close)
        app = AskedApp(None)
        app.answering = answering
        yield Scene(registry, store, sync, answering, app, clock, seconds, urgent)


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


async def passing(seconds: Moving) -> None:
    """Let seconds pass as they do."""
    while True:
        await asyncio.sleep(0.01)
        seconds.seconds += 0.01


@pytest.fixture
def flowing() -> Iterator[Callable[[Moving], None]]:
    tasks: list[asyncio.Task[None]] = []
    yield lambda seconds: tasks.append(asyncio.create_task(passing(seconds)))
    for task in tasks:
        task.cancel()


async def test_a_tag_that_was_just_pushed_is_looked_up_alone_and_urgently(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    registry.image("team/app", "old", (b"old",))
    async with scene() as s:
        flowing(s.seconds)
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


async def test_an_index_is_looked_up_with_its_images(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene() as s:
        flowing(s.seconds)
        index(registry, "team/app", "multi", [("amd64", b"a"), ("arm64", b"b")])
        assert await s.codes("team/app:multi", wait=5) == [""]
        assert set(s.urgent) == {True}


async def test_only_what_is_followed_is_looked_up(scene: Open, registry: FakeRegistry) -> None:
    registry.image("team/other", "1")
    registry.image("team/app", "hidden")
    async with scene(choice=Choice(exclude=("hid*",))) as s:
        asked = ["team/other:1", "team/app:hidden", f"team/other@sha256:{'0' * 64}"]
        assert await s.codes(*asked) == ["not-followed"] * 3
        body = json.dumps({"images": ["evil.example/team/app:1", "docker.io/library/nginx:1"]}).encode()
        document = json.loads((await ask(s.app, "/v1/facts/asked", [body])).body)
        assert [found["code"] for found in document["images"].values()] == ["not-followed"] * 2
        assert registry.seen == []
        assert len(s.store.watched()) == 1


async def test_what_the_settings_allow_is_followed_from_then_on(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    registry.image("shop/web", "1", (b"one",))
    registry.image("shop/web", "2", (b"two",))
    async with scene(allow=("shop/*",)) as s:
        flowing(s.seconds)
        assert await s.codes("shop/none:1", "shop/web:9", wait=5) == ["not-found"] * 2
        assert [w.repository.path for w in s.store.watched()] == ["team/app"]
        assert await s.codes("shop/web:1", wait=5) == [""]
        assert [w.repository.path for w in s.store.watched()] == ["shop/web", "team/app"]
        await s.sync.once()
        assert s.tag("shop/web:2") is not None
    async with scene(allow=("shop/*",)) as s:
        assert [w.repository.path for w in s.store.watched()] == ["shop/web", "team/app"]
    async with scene(allow=("other/*",)) as s:
        assert [w.repository.path for w in s.store.watched()] == ["team/app"]


async def test_a_registry_has_one_spelling(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene(allow=("*/*",), anywhere=True) as s:
        flowing(s.seconds)
        body = json.dumps({"images": ["LocalHost:1/team/app:1", "Registry.example/a"], "wait": 5}).encode()
        document = json.loads((await ask(s.app, "/v1/facts/asked", [body])).body)
        assert [found["code"] for found in document["images"].values()] == ["not-followed"] * 2
        assert "write its registry localhost:1" in document["images"]["LocalHost:1/team/app:1"]["text"]
        assert registry.seen == []
        assert len(s.store.watched()) == 1


@pytest.mark.parametrize("place", ["10.0.0.1:5000", f"{'a' * 64}.example", "127.0.0.1:1", "[::1]:1", "169.254.169.254"])
async def test_what_is_allowed_but_not_named_is_reached_at_public_addresses_only(
    scene: Open, flowing: Callable[[Moving], None], place: str
) -> None:
    async with scene(allow=("*/*",), anywhere=True) as s:
        flowing(s.seconds)
        body = json.dumps({"images": [f"{place}/team/app:1"], "wait": 5}).encode()
        document = json.loads((await ask(s.app, "/v1/facts/asked", [body])).body)
        assert [found["code"] for found in document["images"].values()] == ["forbidden"]
        assert len(s.store.watched()) == 1


async def test_no_more_are_followed_than_may_be(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    for name in ("a", "b"):
        registry.image(f"shop/{name}", "1", (name.encode(),))
    async with scene(allow=("shop/*",), bounds=replace(BOUNDS, followed=2)) as s:
        flowing(s.seconds)
        assert await s.codes("shop/a:1", wait=5) == [""]
        assert await s.codes("shop/b:1", wait=5) == ["overload"]
        assert len(s.store.watched()) == 2


async def test_what_is_not_there_is_said_and_leaves_no_trace(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene() as s:
        flowing(s.seconds)
        before = s.store.head()
        assert await s.codes("team/app:none", wait=5) == ["not-found"]
        assert s.store.head() == before
        assert s.heads() == 1
        assert await s.codes("team/app:none", wait=5) == ["not-found"]
        assert s.heads() == 1
        registry.image("team/app", "none")
        s.seconds.seconds += 6
        assert await s.codes("team/app:none", wait=5) == [""]


async def test_those_who_ask_the_same_at_once_cause_one_look_up(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene() as s:
        flowing(s.seconds)
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


async def test_what_was_found_while_somebody_read_is_read_again(
    registry: FakeRegistry, store: Store, flowing: Callable[[Moving], None]
) -> None:
    reading = Reading(store)
    async with opened(registry, cast("Store", reading)) as s:
        flowing(s.seconds)
        registry.image("team/app", "1")
        reading.hold = True
        slow = asyncio.create_task(s.codes("team/app:1", wait=30))
        await until(reading.read.is_set)
        assert await s.codes("team/app:1", wait=30) == [""]
        reading.go.set()
        assert await slow == [""]
        assert s.heads() == 1


async def test_a_flood_of_random_tags_causes_so_many_look_ups_and_no_more(scene: Open, registry: FakeRegistry) -> None:
    registry.image("calm/app", "1")
    async with scene(follow=("team/app", "calm/app"), bounds=replace(BOUNDS, at_once_each=30)) as s:
        registry.image("calm/app", "2", (b"two",))
        for start in range(0, 1000, MOST):
            await s.told(*(f"team/app:{number}" for number in range(start, start + MOST)))
        assert s.heads("/team/app/") == BOUNDS.rate_each * BOUNDS.burst
        assert (await s.told("team/app:fresh")) == ["overload"]
        assert (await s.told("calm/app:2")) == [""]
        before = s.heads("/team/app/")
        s.seconds.seconds += 1
        await s.told(*(f"team/app:more{number}" for number in range(MOST)))
        assert s.heads("/team/app/") - before == BOUNDS.rate_each


async def test_a_flood_over_all_that_is_followed_is_bounded_too(scene: Open, registry: FakeRegistry) -> None:
    names = tuple(f"team/app{number}" for number in range(10))
    async with scene(follow=names, bounds=replace(BOUNDS, at_once_each=30)) as s:
        for turn in range(40):
            await s.told(*(f"{name}:x{turn}" for name in names))
        assert s.heads() == BOUNDS.rate * BOUNDS.burst


async def hang(request: Request, reply: Reply, connection: Connection, registry: FakeRegistry) -> Reply | None:
    """Never answers."""
    del request, registry
    await connection.wait(NEVER)
    return reply


async def test_a_registry_that_does_not_answer_is_waited_for_so_long_and_holds_up_nobody_else(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    registry.image("team/app", "old", (b"old",))
    async with scene() as s:
        flowing(s.seconds)
        registry.switch(hang, "/manifests/slow")
        registry.image("team/app", "new", (b"new",))
        assert await s.codes("team/app:slow1", "team/app:old", wait=0.2) == ["waiting", ""]
        assert await s.codes("team/app:new", wait=5) == [""]
        # No more than so many are under way there.
        await asyncio.gather(*(s.codes(f"team/app:slow{n}", wait=0.1) for n in range(20)))
        assert s.heads("/slow") <= BOUNDS.at_once_each
        assert await s.codes("team/app:slow99", wait=0.1) == ["overload"]
        s.answering.draining = True
        assert await s.codes("team/app:slow1", wait=NEVER) == ["waiting"]


async def test_a_look_up_ends_though_its_registry_does_not(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene(bounds=replace(BOUNDS, longest=0.05)) as s:
        flowing(s.seconds)
        registry.switch(hang, "/manifests/")
        assert await s.codes("team/app:slow", wait=10) == ["unreachable"]


async def broken(request: Request, reply: Reply, connection: Connection, registry: FakeRegistry) -> Reply | None:
    """Out of order."""
    del request, reply, connection, registry
    return Reply(status=503)


async def test_a_manifest_that_cannot_be_had_is_a_trouble(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene() as s:
        flowing(s.seconds)
        digest = registry.image("team/app", "1")
        registry.switch(broken, f"/manifests/{digest}")
        assert await s.codes("team/app:1", wait=10) == ["unreachable"]
        assert s.tag("team/app:1")["trouble"]["code"] == "unreachable"


async def test_what_a_scan_is_missing_of_is_scanned_first_and_waited_for(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    world = known_world()
    async with FakeClairV4(world) as clair, scene(clair=clair) as s, running(s.sync):
        flowing(s.seconds)
        scannable(world, registry, "team/app", "bad", VULNERABLE)
        assert await s.codes("team/app:bad", wait=30, require="scanned") == [""]


async def test_without_a_scanner_nobody_waits_for_one(scene: Open, registry: FakeRegistry) -> None:
    async with scene() as s:
        registry.image("team/app", "1")
        assert await s.told("team/app:1", require="scanned") == ["not-scanned"]


async def test_a_digest_is_found_by_a_look_at_its_repository(
    scene: Open, registry: FakeRegistry, flowing: Callable[[Moving], None]
) -> None:
    async with scene() as s:
        flowing(s.seconds)
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
