"""What nothing points to is forgotten in time, and readers that slept through it hold what holds."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.ports.store import Store
from image_enforcer.services.pruning import Pruning
from tests.contract.contents import HOUR, NOON, image
from tests.contract.store.steps import NGINX, a_look, claim, look_at
from tests.fakes.opa_data import FakeOpaData
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import KEEP, Clock, Heard, Synced, syncing

DAY = 24 * 3600.0


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def opa() -> Iterator[FakeOpaData]:
    with FakeOpaData() as fake:
        yield fake


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        opened.watch([NGINX], NOON)
        yield opened


@pytest.fixture
async def synced(registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path) -> AsyncIterator[Synced]:
    async with syncing(registry, tmp_path, opa=opa.url) as found:
        yield found


async def test_it_is_done_hourly_and_told_once(store: Store) -> None:
    clock, heard = Clock(), Heard()
    look_at(store, NGINX, {f"{number}": image(f"image {number}") for number in range(120)})
    look_at(store, NGINX, {})
    pruning = Pruning(store, HOUR, heard, clock, 0)
    assert not await pruning.some()
    clock.go(3599)
    assert not await pruning.some()
    assert store.info().counts["manifests"] == 120
    clock.go(1)
    assert await pruning.some()
    assert store.info().counts["manifests"] > 0
    while await pruning.some():
        pass
    assert store.info().counts["manifests"] == 0
    assert len(heard.pruned_rows) == 1
    assert heard.pruned_rows[0] > 120
    clock.go(-1)
    assert not await pruning.some(), "a clock that goes back is no reason to wait"
    clock.go(3601)
    assert not await pruning.some()
    assert len(heard.pruned_rows) == 1


async def test_a_registry_that_makes_ever_new_images_fills_no_more_than_the_room_there_is(store: Store) -> None:
    clock, heard = Clock(), Heard()
    size = len(image("image 10").content)
    pruning = Pruning(store, 1000 * HOUR, heard, clock, 0, room=5 * size)
    for number in range(10, 40):
        look_at(store, NGINX, {"1": image(f"image {number}")}, at=clock())
        clock.go(600)
    while await pruning.some():
        pass
    # What has been there for less than an hour may be pointed to in a moment, and one image is.
    assert store.info().counts["manifests"] == 5 + 1
    assert store.missing([image("image 39").digest, image("image 38").digest]) == frozenset()
    clock.go(7200)
    while await pruning.some():
        pass
    assert store.info().counts["manifests"] == 5 + 1
    assert len(heard.pruned_rows) == 1


async def test_what_a_long_look_has_handed_on_is_there_at_its_end(store: Store) -> None:
    clock = Clock()
    images: dict[str, Manifest] = {str(number): image(f"image {number}") for number in range(3)}
    (work,) = claim(store, clock(), lease=10 * HOUR)
    store.record_manifests(work, list(images.values()), clock())
    clock.go(7200)
    pruning = Pruning(store, 1000 * HOUR, Heard(), clock, 0, room=0, fresh=4 * HOUR)
    while await pruning.some():
        pass
    store.record_look(work, a_look(NGINX, images, clock(), store_all=False), clock() + HOUR)
    assert store.missing([found.digest for found in images.values()]) == frozenset()


async def test_a_pass_forgets_and_a_worker_that_runs_does(registry: FakeRegistry, synced: Synced) -> None:
    registry.image("team/app", "v1", (b"1",))
    await synced.again()
    registry.image("team/app", "v1", (b"2",))
    await synced.again()
    await synced.again(29 * DAY)
    assert synced.store.info().counts["manifests"] == 2
    await synced.again(2 * DAY)
    assert synced.store.info().counts["manifests"] == 1
    assert len(synced.heard.pruned_rows) == 1
    registry.image("team/app", "v1", (b"3",))
    await synced.again()
    synced.clock.go(31 * DAY)
    assert synced.store.info().counts["manifests"] == 2

    async def rest(busy: bool) -> bool:
        await asyncio.sleep(0.01)
        return not busy and synced.store.info().counts["manifests"] == 1

    await synced.sync.run(rest)
    assert synced.store.info().counts["manifests"] == 1


async def test_what_is_pointed_to_is_never_forgotten(registry: FakeRegistry, synced: Synced) -> None:
    registry.image("team/app", "v1", (b"1",))
    await synced.again()
    await synced.again(300 * DAY)
    assert synced.tag("v1") is not None
    assert synced.store.info().counts["manifests"] == 1
    digest = synced.tag("v1")["digest"]
    assert synced.fact(Kind.MANIFEST, digest) is not None


async def test_a_sink_that_slept_through_it_begins_anew_and_keeps_nothing_that_went(
    registry: FakeRegistry, opa: FakeOpaData, synced: Synced
) -> None:
    for tag in ("v1", "v2"):
        registry.image("team/app", tag, (tag.encode(),))
    await synced.again()
    assert {"v1", "v2"} <= opa.at("docker", "layers", "team", "app").keys()
    opa.refuse = lambda method, path: 500
    del registry.repositories["team/app"].tags["v1"]
    await synced.again()
    while await Pruning(synced.store, 0 * KEEP, synced.heard, lambda: synced.clock(), 0).some():
        pass
    registry.image("team/app", "v3", (b"v3",))
    await synced.again()
    assert {"v1", "v2"} <= opa.at("docker", "layers", "team", "app").keys()
    opa.refuse = lambda method, path: 0
    await synced.again()
    assert synced.heard.deliveries[-1] == (4, 0, True)
    assert {tag for tag in opa.at("docker", "layers", "team", "app") if ":" not in tag} == {"v2", "v3"}
    opa.seen.clear()
    await synced.again()
    assert opa.sent() + opa.sent("DELETE") == []
