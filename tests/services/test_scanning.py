"""Scans of images in a registry by a scanner, both over HTTP: what each outcome becomes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from image_enforcer.domain.facts import Kind
from image_enforcer.services.scanning import SLOWEST_RETRY
from tests.fakes.clair_images import Content, World
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import VULNERABLE, known_world, scannable, syncing


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


async def test_an_image_is_scanned_once_and_asked_about_again_when_it_is_due(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        assert (await synced.again()).scans == 1
        fact = synced.fact(Kind.SCAN, digest)
        assert (fact["state"], fact["counts"]["High"], fact["counts"]["Critical"]) == ("scanned", 2, 2)
        assert clair.count("POST /indexer") == 1
        assert (await synced.again()).scans == 0
        world.flaws.clear()
        assert (await synced.again(900)).scans == 1
        assert clair.count("POST /indexer") == 1
        assert synced.fact(Kind.SCAN, digest)["counts"]["total"] == 0


async def test_layers_have_their_documents(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        layers = [layer["digest"] for layer in synced.fact(Kind.MANIFEST, digest)["layers"]]
        documents = [synced.fact(Kind.LAYER, layer)["Layer"] for layer in layers]
        names = [{feature["Name"] for feature in document.get("Features", ())} for document in documents]
        assert "glibc" in names[0]
        assert "curl" in names[1]


async def test_what_the_scanner_forgot_is_told_anew(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        clair._reports.clear()
        assert (await synced.again(900)).troubles == []
        assert clair.count("POST /indexer") == 2
        assert synced.fact(Kind.SCAN, digest)["state"] == "scanned"


async def test_another_version_of_the_scanner_looks_at_everything(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    scannable(world, registry, "team/app", "latest", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        clair.state = "another"
        assert (await synced.again()).scans == 1
        assert clair.count("POST /indexer") == 2


async def test_what_no_scanner_can_read_is_left_alone(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", {"broken": Content(broken=True)})
    async with syncing(registry, tmp_path, clair=clair) as synced:
        assert (await synced.again()).scans == 1
        fact = synced.fact(Kind.SCAN, digest)
        assert fact["state"] == "unscannable"
        assert fact["trouble"]["code"]
        assert (await synced.again(3600)).scans == 0


async def test_what_cannot_be_fetched_is_tried_again_ever_more_rarely(
    registry: FakeRegistry, clair: FakeClairV4, tmp_path: Path
) -> None:
    digest = registry.image("team/app", "latest", (b"a layer that the scanner cannot fetch",))
    async with syncing(registry, tmp_path, clair=clair) as synced:
        assert (await synced.due()).scans == 1
        assert synced.fact(Kind.SCAN, digest)["state"] == "failed"
        assert (await synced.due(29)).scans == 0
        tried = 0
        for _ in range(40):
            tried += (await synced.due(60)).scans
        assert 3 <= tried <= 7


async def test_a_scanner_that_is_down_keeps_the_report_which_grows_old(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        before = synced.fact(Kind.SCAN, digest)
        clair.spoil("html-500", "GET /matcher")
        summary = await synced.again(900)
        assert {t.code for _, t in summary.troubles} == {"scanner-unreachable"}
        after = synced.fact(Kind.SCAN, digest)
        assert (after["state"], after["at"], after["counts"]) == ("scanned", before["at"], before["counts"])
        assert after["trouble"]["code"] == "scanner-unreachable"


async def test_a_scanner_whose_version_is_not_known_scans_nothing(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    scannable(world, registry, "team/app", "latest", VULNERABLE)
    clair.spoil("bad-gateway", "GET /indexer/api/v1/index_state")
    async with syncing(registry, tmp_path, clair=clair) as synced:
        summary = await synced.again()
        assert (summary.looks, summary.scans) == (1, 0)
        assert [(about, t.code) for about, t in summary.troubles] == [("clair-v4", "scanner-unreachable")]


async def test_a_busy_scanner_is_left_alone_and_a_pass_comes_to_its_end(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    clair.spoil("cut-429", "POST /indexer", 1)
    async with syncing(registry, tmp_path, clair=clair) as synced:
        summary = await synced.again()
        assert [t.code for _, t in summary.troubles] == ["scanner-busy"]
        assert synced.fact(Kind.SCAN, digest)["state"] == "failed"
        assert (await synced.again(SLOWEST_RETRY.total_seconds())).troubles == []
        assert synced.fact(Kind.SCAN, digest)["state"] == "scanned"


async def test_a_report_about_another_image_is_no_report(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    other = scannable(world, registry, "team/app", "other", {"base": VULNERABLE["base"]})
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        clair.confuse(digest, other)
        summary = await synced.again(900)
        assert "scanner-lying" in {t.code for _, t in summary.troubles}
        assert synced.fact(Kind.SCAN, digest)["counts"]["Critical"] == 2


async def test_knowledge_that_is_not_loaded_yet_is_no_clean_report(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    clair.updated = False
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        fact = synced.fact(Kind.SCAN, digest)
        assert (fact["state"], fact["trouble"]["code"]) == ("failed", "scan-pending")
        clair.updated = True
        await synced.again()
        assert synced.fact(Kind.SCAN, digest)["state"] == "scanned"


async def test_a_registry_that_does_not_say_where_a_layer_is(
    registry: FakeRegistry, clair: FakeClairV4, world: World, tmp_path: Path
) -> None:
    digest = scannable(world, registry, "team/app", "latest", VULNERABLE)
    registry.switch(FAULTS["403"], "/blobs/")
    async with syncing(registry, tmp_path, clair=clair) as synced:
        await synced.again()
        state = synced.fact(Kind.SCAN, digest)["state"]
        assert registry.count("HEAD", "/blobs/") + registry.count("GET", "/blobs/") > 0
        assert (state, synced.fact(Kind.SCAN, digest)["trouble"]["code"]) == ("failed", "not-authorised")
        assert clair.count("POST /indexer") == 0
