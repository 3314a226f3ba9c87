"""Passes of a worker: what is due is done, trouble in one place stops nothing elsewhere, and it can be stopped."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.registry import Registry
from image_enforcer.ports.store import LookWork, Store, StoreUnreachable
from image_enforcer.services.ailing import noted
from image_enforcer.services.delivering import Delivered, Delivering
from image_enforcer.services.looking import Choice, Looking
from image_enforcer.services.syncing import SLOWEST_LOOK, Plan, Summary, Syncing
from tests.adapters.registry.asking import until
from tests.fakes.clair_images import World
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import VULNERABLE, Clock, Heard, Synced, known_world, scannable, syncing
from tests.services.test_claims import Failing

LEASE = timedelta(minutes=10)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def world() -> World:
    return known_world()


@pytest.fixture
async def clair(world: World) -> AsyncIterator[FakeClairV4]:
    async with FakeClairV4(world) as running:
        yield running


async def test_a_pass_looks_at_all_repositories_and_scans_all_images(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    paths = [f"team/app{n}" for n in range(9)]
    for path in paths:
        scannable(world, registry, path, "latest", {f"layer of {path}": VULNERABLE["base"]})
    async with syncing(registry, tmp_path, *paths, clair=clair) as synced:
        summary = await synced.sync.once()
        assert (summary.looks, summary.scans, summary.troubles) == (9, 9, [])
        assert len(synced.heard.looked_at) == 9
        assert synced.heard.scans == [(2, 0)] * 9
        summary = await synced.sync.once()
        assert (summary.looks, summary.scans) == (9, 0)
        assert (await synced.again(60)).looks == 9


async def test_a_repository_in_trouble_stops_no_other_and_is_asked_ever_more_rarely(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.image("team/good", "latest")
    async with syncing(registry, tmp_path, "team/absent", "team/good") as synced:
        summary = await synced.sync.once()
        absent = str(synced.home("team/absent"))
        assert [(about, t.code) for about, t in summary.troubles] == [(absent, "not-found")]
        assert synced.tag("latest", "team/good") is not None
        assert synced.fact(Kind.REPOSITORY, absent)["trouble"]["code"] == "not-found"
        registry.seen.clear()
        for _ in range(120):
            await synced.due(60)
        assert registry.count("GET", "/v2/team/good/tags") == 120
        assert 5 <= registry.count("GET", "/v2/team/absent/tags") <= 8


async def test_a_pass_tries_again_what_failed_before(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    registry.image("team/app", "latest", (b"late",))
    async with syncing(registry, tmp_path, "team/app", "team/late", clair=clair) as synced:
        first = await synced.sync.once()
        assert (first.looks, first.scans, first.in_trouble) == (2, 1, 2)
        registry.image("team/late", "latest", (b"late",))
        world.add("late", VULNERABLE["base"])
        synced.clock.go(1)
        second = await synced.sync.once()
        assert (second.looks, second.scans, second.troubles, second.in_trouble) == (2, 1, [], 0)
        assert synced.tag("latest", "team/late") is not None


async def test_a_pass_leaves_alone_who_wants_to_be_left_alone_and_says_so(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.image("team/app", "latest")
    for number, what in enumerate(("/tags/list", "/manifests/")):
        registry.switch(FAULTS["429-forever"], what, 1)
        folder = tmp_path / str(number)
        folder.mkdir()
        async with syncing(registry, folder) as synced:
            await synced.sync.once()
            registry.seen.clear()
            synced.clock.go(1)
            summary = await synced.sync.once()
            assert [(about, t.code) for about, t in summary.troubles] == [(str(synced.home()), "rate-limited")]
            assert "left alone until 20" in summary.troubles[0][1].text
            assert (summary.looks, registry.count("GET", "/v2/team/app/")) == (0, 0)
            synced.clock.go(SLOWEST_LOOK.total_seconds())
            assert (await synced.sync.once()).looks == 1


async def test_what_ails_the_scanner_is_noted_as_long_as_it_does(
    registry: FakeRegistry, clair: FakeClairV4, tmp_path: Path
) -> None:
    registry.image("team/app", "latest")
    clair.spoil("html-500", "GET /indexer", 2)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.due()
        since = synced.clock()
        await synced.due()
        trouble = noted(synced.store, "clair-v4")
        assert trouble is not None
        assert (trouble.code, trouble.at) == ("scanner-unreachable", since)
        assert noted(synced.store, "clair-v1") is None
        await synced.due()
        assert noted(synced.store, "clair-v4") is None


async def test_what_can_never_be_scanned_is_no_trouble_of_a_pass(
    registry: FakeRegistry, clair: FakeClairV4, tmp_path: Path
) -> None:
    registry.image("team/app", "latest", ())
    async with syncing(registry, tmp_path, clair=clair) as synced:
        summary = await synced.sync.once()
        assert [code for _, code in synced.heard.failures] == ["no-layers"]
        assert (summary.scans, summary.troubles, summary.in_trouble) == (1, [], 0)


async def test_a_repository_that_cannot_be_listed_keeps_its_tags(registry: FakeRegistry, tmp_path: Path) -> None:
    digest = registry.image("team/app", "latest")
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        looked_at = synced.fact(Kind.REPOSITORY, str(synced.home()))["looked_at"]
        registry.switch(FAULTS["403"], "/tags/list", 1)
        await synced.again()
        fact = synced.fact(Kind.REPOSITORY, str(synced.home()))
        assert (fact["looked_at"], fact["failures"], fact["trouble"]["code"]) == (looked_at, 1, "not-authorised")
        assert synced.tag("latest")["digest"] == digest
        await synced.again()
        assert "trouble" not in synced.fact(Kind.REPOSITORY, str(synced.home()))


async def test_a_registry_that_wants_to_be_left_alone_for_years_is_for_an_hour(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.image("team/app", "latest")
    registry.switch(FAULTS["429-forever"], "/tags/list", 1)
    async with syncing(registry, tmp_path) as synced:
        summary = await synced.sync.once()
        assert [t.code for _, t in summary.troubles] == ["rate-limited"]
        (watched,) = synced.store.watched()
        assert timedelta(minutes=10) < watched.next_look - synced.clock() <= SLOWEST_LOOK


async def test_trouble_with_a_tag_pauses_the_repository(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.image("team/app", "latest")
    registry.switch(FAULTS["429-forever"], "/manifests/", 1)
    async with syncing(registry, tmp_path) as synced:
        summary = await synced.sync.once()
        assert [t.code for _, t in summary.troubles] == ["rate-limited"]
        (watched,) = synced.store.watched()
        assert timedelta(minutes=10) < watched.next_look - synced.clock() <= SLOWEST_LOOK


async def test_a_registry_that_is_slow_keeps_no_other_waiting(tmp_path: Path) -> None:
    stuck = asyncio.Event()

    class Slow:
        """One that never ends a list, beside one that is well."""

        async def tags(self, repository: Repository) -> AsyncIterator[tuple[str, ...]]:
            if repository.registry == "slow.example":
                await stuck.wait()
            yield ()

    clock, heard = Clock(), Heard()
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    slow = [Repository(registry="slow.example", path=f"team/{number}") for number in range(9)]
    well = Repository(registry="well.example", path="team/app")
    looking = Looking(
        cast("Registry", Slow()), lambda digests: asyncio.to_thread(store.missing, digests), clock,
        longest=timedelta(hours=1),
    )  # fmt: skip
    plan = Plan(choices=tuple((repository, Choice()) for repository in (*slow, well)))
    sync = Syncing(store, plan, looking, None, [], heard, clock)
    await sync.follow()

    async def rest(busy: bool) -> bool:
        clock.go(20)
        await asyncio.sleep(0.001)
        return stuck.is_set()

    running = asyncio.create_task(sync.run(rest))
    await until(lambda: len(heard.looked_at) >= 5)
    assert {about for about, *_ in heard.looked_at} == {str(well)}
    stuck.set()
    await running
    assert store.backlog(clock()).under_way == 0
    store.close()


async def test_a_look_that_finds_the_store_away_leaves_its_claim_to_anybody_and_others_go_on(tmp_path: Path) -> None:
    class Empty:
        async def tags(self, repository: Repository) -> AsyncIterator[tuple[str, ...]]:
            yield ()

    clock, heard = Clock(), Heard()
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    failing = Failing(store, StoreUnreachable("nobody is there"), tags=1)
    looking = Looking(cast("Registry", Empty()), lambda digests: asyncio.to_thread(store.missing, digests), clock)
    places = [Repository(registry="well.example", path=f"team/{number}") for number in range(2)]
    plan = Plan(choices=tuple((place, Choice()) for place in places))
    sync = Syncing(cast("Store", failing), plan, looking, None, [], heard, clock)
    await sync.follow()

    async def rest(busy: bool) -> bool:
        await asyncio.sleep(0.001)
        return len(heard.looked_at) == 2

    await asyncio.wait_for(sync.run(rest), 30)  # by a clock that stands: no claim runs out
    assert ("store", "store-unreachable") in heard.failures
    assert [watched.failures for watched in store.watched()] == [0, 0]
    store.close()


async def test_one_wrong_reading_of_the_clock_stops_nothing(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.sync.once()
        right = synced.clock()
        synced.clock.go(365 * 86400)
        await synced.sync.once()
        synced.clock.moment = right + timedelta(hours=1)
        assert synced.fact(Kind.SCAN, digest)["confirmed_at"] > "2027"
        rests = 0

        async def rest(busy: bool) -> bool:
            nonlocal rests
            await asyncio.sleep(0.01)
            rests += not busy
            return rests > 20 and synced.fact(Kind.SCAN, digest)["confirmed_at"] < "2027"

        await asyncio.wait_for(synced.sync.run(rest), 60)
        assert synced.fact(Kind.REPOSITORY, str(synced.home()))["looked_at"] < "2027"
        assert synced.store.backlog(synced.clock()).looks_due == 0


async def test_a_sink_that_is_slow_keeps_no_other_waiting(tmp_path: Path) -> None:
    stuck = asyncio.Event()

    class Sink:
        def __init__(self, name: str) -> None:
            self.name = name
            self.times = 0

        async def deliver(self) -> Delivered:
            if self.name == "slow":
                await stuck.wait()
            self.times += 1
            return Delivered()

    clock, heard = Clock(), Heard()
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    looking = Looking(cast("Registry", None), lambda digests: asyncio.to_thread(store.missing, digests), clock)
    slow, well = Sink("slow"), Sink("well")
    sinks = [cast("Delivering", sink) for sink in (slow, well)]
    sync = Syncing(store, Plan(choices=()), looking, None, sinks, heard, clock)

    async def rest(busy: bool) -> bool:
        await asyncio.sleep(0.001)
        return stuck.is_set()

    running = asyncio.create_task(sync.run(rest))
    await until(lambda: well.times >= 5)
    assert slow.times == 0
    stuck.set()
    await running
    once = asyncio.create_task(sync.once())
    await once
    assert slow.times == 2
    stuck.clear()
    before = well.times
    once = asyncio.create_task(sync.once())
    await until(lambda: well.times > before)
    stuck.set()
    await once
    store.close()


async def test_work_that_somebody_else_has_taken_is_theirs(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.image("team/app", "latest")
    async with syncing(registry, tmp_path) as synced:
        (mine,) = synced.store.claim_looks("test", synced.clock(), LEASE, 1)
        synced.clock.go(LEASE.total_seconds() + 1)
        (theirs,) = synced.store.claim_looks("other", synced.clock(), LEASE, 1)
        summary = await _look(synced, mine)
        assert synced.heard.looked_at == []
        assert (summary.looks, synced.tag("latest")) == (1, None)
        await _look(synced, theirs)
        assert len(synced.heard.looked_at) == 1


async def _look(synced: Synced, work: LookWork) -> Summary:
    summary = Summary()
    await synced.sync._look(work, summary)
    return summary


async def test_a_pass_says_what_somebody_else_is_at(registry: FakeRegistry, tmp_path: Path) -> None:
    for path in ("team/app", "team/other"):
        registry.image(path, "latest")
    async with syncing(registry, tmp_path, "team/app", "team/other") as synced:
        synced.store.claim_looks("another", synced.clock(), LEASE, 1)
        summary = await synced.sync.once()
        assert (summary.looks, summary.elsewhere) == (1, 1)
        summary = await synced.again(LEASE.total_seconds() + 1)
        assert (summary.looks, summary.elsewhere) == (2, 0)


async def test_what_is_not_followed_any_more_is_forgotten(registry: FakeRegistry, tmp_path: Path) -> None:
    for path in ("team/app", "team/other"):
        registry.image(path, "latest")
    async with syncing(registry, tmp_path, "team/app", "team/other") as synced:
        await synced.again()
        assert synced.heard.dropped == []
    async with syncing(registry, tmp_path, "team/app") as synced:
        assert synced.tag("latest", "team/other") is None
        assert synced.tag("latest", "team/app") is not None
        assert synced.heard.dropped == [str(synced.home("team/other"))]


async def test_a_worker_whose_list_another_took_the_place_of_says_so_once(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.image("team/app", "latest")
    async with syncing(registry, tmp_path, "team/app", "team/web") as synced:
        rests = 0

        async def rest(busy: bool) -> bool:
            nonlocal rests
            synced.clock.go(15)
            await asyncio.sleep(0)
            rests += 1
            return rests > most

        most = 40
        await synced.sync.run(rest)
        assert ("list", "taken") not in synced.heard.failures
        synced.store.watch([synced.home("team/app"), synced.home("team/another")], synced.clock())
        most += 60
        await synced.sync.run(rest)
        assert synced.heard.failures.count(("list", "taken")) == 1
        assert "list" not in synced.heard.recoveries
        await synced.sync.follow()
        assert synced.heard.dropped == [str(synced.home("team/another"))]
        most += 60
        await synced.sync.run(rest)
        assert synced.heard.failures.count(("list", "taken")) == 1
        assert synced.heard.recoveries.count("list") == 1


async def test_looks_go_on_while_a_scan_takes_long(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    clair.gate.clear()
    async with syncing(registry, tmp_path, clair=clair) as synced:
        stopping = asyncio.Event()

        async def rest(busy: bool) -> bool:
            if not busy:
                synced.clock.go(20)
                await asyncio.sleep(0.001)
            return stopping.is_set()

        running = asyncio.create_task(synced.sync.run(rest))
        await clair.indexing.wait()
        registry.image("team/app", "newer", (b"newer",))
        await until(lambda: synced.tag("newer") is not None)
        assert synced.fact(Kind.SCAN, digest) is None
        clair.gate.set()
        await until(lambda: synced.fact(Kind.SCAN, digest) is not None)
        stopping.set()
        await running
        assert synced.fact(Kind.SCAN, digest)["state"] == "scanned"
