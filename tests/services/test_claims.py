"""A worker whose store cannot be reached, whose work takes longer than its claims, and that comes after another one."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import digest
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.reference import Repository as Home
from image_enforcer.domain.watched import Trouble
from image_enforcer.ports.store import ScanWork, Store, StoreError, StoreUnreachable, StoreUnusable
from image_enforcer.services.claims import Claims
from image_enforcer.services.syncing import Syncing
from image_enforcer.settings.sync import Registry, Repository, Scanner, Sync
from image_enforcer.wiring.sync import syncing
from tests.adapters.registry.asking import until
from tests.contract.contents import HOUR, MINUTE, NOON, repository, trouble
from tests.fakes.clair_images import BASE, FLAWS, World
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.server import FakeRegistry, digest_of

LAYER = b"layer"


@dataclass
class Heard:
    """What a worker told."""

    failures: list[tuple[str, str]] = field(default_factory=list)
    scans: int = 0
    recovered_from: set[str] = field(default_factory=set)

    def looked(self, repository: Home, tags: int, fetched: int, troubles: int, revision: int) -> None:
        pass

    def forgotten(self, repositories: Sequence[Home]) -> None:
        pass

    def failed(self, about: str, trouble: Trouble) -> None:
        self.failures.append((about, trouble.code))

    def recovered(self, about: str) -> None:
        self.recovered_from.add(about)

    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None:
        self.scans += 1

    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None:
        pass

    def asked(self, reference: str, code: str) -> None:
        pass

    def pruned(self, count: int) -> None:
        pass

    def counted(self, registry: str, left: int) -> None:
        pass

    def noticed(self, notifications: int, images: int) -> None:
        pass


class Failing:
    """A store of which some methods fail the first times."""

    def __init__(self, store: Store, error: StoreError, **times: int) -> None:
        self._store = store
        self._error = error
        self.left = times

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def called(*arguments: Any) -> Any:
            if self.left.get(name, 0) > 0:
                self.left[name] -= 1
                raise self._error
            return method(*arguments)

        return called


@dataclass
class Scene:
    """A registry with one image, Clair, a store, and workers."""

    registry: FakeRegistry
    clair: FakeClairV4
    store: Store
    image: Digest
    heard: Heard = field(default_factory=Heard)

    @contextlib.asynccontextmanager
    async def worker(self, store: Any = None, lease: float = 60) -> AsyncIterator[Syncing]:
        followed = Registry(
            name=self.registry.place, url=self.registry.url, repositories=(Repository(name="shop/web"),)
        )
        settings = Sync(
            registries=(followed,), scanner=Scanner(kind="clair-v4", url=self.clair.url), recheck=0, lease=lease
        )
        async with syncing(settings, self.heard, cast("Store", store or self.store), {}, Path("/nowhere")) as working:
            yield working.syncing

    def scan(self) -> dict[str, Any]:
        """What is published of the image."""
        found = self.store.entries(Kind.SCAN, [self.image])
        value = found[self.image].value if found else None
        return {} if value is None else dict(json.loads(value))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield opened
    opened.close()


@pytest.fixture
async def scene(store: Store) -> AsyncIterator[Scene]:
    world = World(flaws=list(FLAWS))
    world.layers[digest.parse(digest_of(LAYER))] = BASE
    with FakeRegistry() as registry:
        image = digest.parse(registry.image("shop/web", "1", (LAYER,)))
        async with FakeClairV4(world) as clair:
            yield Scene(registry, clair, store, image)


async def run_until(worker: Syncing, found: Callable[[], bool]) -> None:
    """Let it run until something is so, and end it whatever it is at; raises what it raises."""

    async def rest(busy: bool) -> bool:
        del busy
        await asyncio.sleep(0.01)
        return False

    running = asyncio.create_task(worker.run(rest))
    await until(lambda: found() or running.done())
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_store_that_cannot_be_reached_is_waited_for(scene: Scene) -> None:
    failing = Failing(
        scene.store, StoreUnreachable("nobody is there"), claim_looks=1, tags=1, record_look=2, claim_scans=1,
        record_scan=2,
    )  # fmt: skip
    # What was claimed when the tags could not be read is free again after this. What is found is kept trying to be
    # recorded for as long, so it must be far more than the second that two failures take, on a busy machine too.
    async with scene.worker(failing, lease=5) as worker:
        await run_until(worker, lambda: scene.heard.scans > 0)
    assert set(failing.left.values()) == {0}
    assert set(scene.heard.failures) == {("store", "store-unreachable")}
    assert scene.heard.recovered_from == {"store", "clair-v4"}
    assert scene.clair.count("POST") == 1
    assert scene.scan()["state"] == "scanned"


async def test_a_store_that_cannot_be_used_ends_the_worker_with_its_error(scene: Scene) -> None:
    async with scene.worker(Failing(scene.store, StoreUnusable("it is damaged"), claim_scans=1)) as worker:
        with pytest.raises(StoreUnusable, match="it is damaged"):
            await run_until(worker, lambda: False)


async def test_a_pass_gives_up_on_a_store_that_stays_away(scene: Scene) -> None:
    failing = Failing(scene.store, StoreUnreachable("nobody is there"), record_look=1000)
    async with scene.worker(failing, lease=1) as worker:
        with pytest.raises(StoreUnreachable):
            await worker.once()


async def test_what_is_being_worked_on_stays_claimed(scene: Scene) -> None:
    scene.clair.gate.clear()
    async with scene.worker(lease=5) as worker:
        going = asyncio.create_task(worker.once())
        await scene.clair.indexing.wait()
        version = scene.clair.state
        began = datetime.now(UTC)
        while datetime.now(UTC) < began + timedelta(seconds=6):
            now = datetime.now(UTC)
            assert scene.store.claim_scans("clair-v4", version, "another", now, timedelta(seconds=1), 9) == []
            await asyncio.sleep(0.1)
        scene.clair.gate.set()
        summary = await going
    assert (summary.scans, summary.troubles) == (1, [])
    assert scene.scan()["state"] == "scanned"


async def test_what_is_under_way_when_it_stops_is_anybodys_at_once(scene: Scene) -> None:
    scene.clair.gate.clear()
    async with scene.worker() as worker:
        await run_until(worker, scene.clair.indexing.is_set)
    version, now = scene.clair.state, datetime.now(UTC)
    (work,) = scene.store.claim_scans("clair-v4", version, "another", now, timedelta(seconds=1), 9)
    assert work.manifest.digest == scene.image


async def test_a_report_asked_for_by_the_next_worker_still_says_what_was_looked_with(scene: Scene) -> None:
    for _ in range(2):
        async with scene.worker() as worker:
            await worker.once()
        assert scene.scan()["version"] == scene.clair.state
        scene.store.due_now("clair-v4", None, datetime.now(UTC))
    assert scene.clair.count("POST") == 1
    assert scene.heard.scans == 2


def unheard(error: StoreUnreachable) -> None:
    raise AssertionError(f"the store can be reached: {error}")


async def test_what_is_claimed_is_held_until_it_is_recorded_or_left(store: Store) -> None:
    claims = Claims(store, MINUTE, lambda: NOON, unheard)
    store.watch([repository("shop/web"), repository("shop/api")], NOON)
    one, other = store.claim_looks("one", *claims.term(None), 10)
    with claims.holding([one, other]):
        assert claims.held == [one, other]
        assert await claims.recorded(one, lambda: store.record_trouble(one, trouble(), NOON + HOUR)) is not None
        assert claims.held == [other]
    assert claims.held == []
    assert store.claim_looks("another", NOON, MINUTE, 10) == []
    await claims.let_go([other])
    (taken,) = store.claim_looks("another", NOON, MINUTE, 10)
    assert taken.watched.repository == other.watched.repository
    with claims.holding([other]):
        assert await claims.recorded(other, lambda: store.record_trouble(other, trouble(), NOON + HOUR)) is None
        assert claims.held == []


async def test_what_was_due_before_is_claimed_for_as_long_from_now_on(store: Store) -> None:
    claims = Claims(store, MINUTE, lambda: NOON, unheard)
    assert claims.term(None) == (NOON, MINUTE)
    assert claims.term(NOON - HOUR) == (NOON - HOUR, HOUR + MINUTE)
