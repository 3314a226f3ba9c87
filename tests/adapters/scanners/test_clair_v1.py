"""The adapter to Clair's first interface: the contract against a fake with its manners, then all that goes wrong."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from image_enforcer.adapters.scanners import clair_v1
from image_enforcer.adapters.scanners.clair_v1 import ClairV1
from image_enforcer.adapters.scanners.exchange import Limits
from image_enforcer.analysis.clair_v1 import names
from image_enforcer.ports.scanner import (
    Failed,
    Pending,
    Scanned,
    ScannerBusy,
    ScannerError,
    ScannerLying,
    ScannerRefused,
    ScannerUnreachable,
    Unknown,
    Unscannable,
)
from tests.adapters.scanners.clair_pairs import LIMITS, QUICK, chance, clock, images
from tests.contract.scanner import Images, ScannerContract
from tests.fakes.clair_images import World, subject
from tests.fakes.clair_v1 import FakeClairV1, Known

POST = "POST /v1/layers"
GET = "GET /v1/layers"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def known(world: World) -> Images:
    return images(world)


@pytest.fixture
async def clair(world: World) -> AsyncIterator[FakeClairV1]:
    async with FakeClairV1(world) as running:
        yield running


def adapter(url: str, limits: Limits = LIMITS) -> ClairV1:
    return ClairV1(url, clock=clock, chance=chance, limits=limits)


@pytest.fixture
async def scanner(clair: FakeClairV1) -> AsyncIterator[ClairV1]:
    made = adapter(clair.url)
    yield made
    await made.close()


class TestContract(ScannerContract):
    @pytest.fixture
    def images(self, known: Images) -> Images:
        return known


# --- what this Clair does that others do not ------------------------------------------------------


async def test_layers_are_told_from_the_base_up(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    await scanner.scan(known.vulnerable)
    told = [request.json()["Layer"] for request in clair.asked if request.method == "POST"]
    chain = names([layer.digest for layer in known.vulnerable.layers])
    assert [layer["Name"] for layer in told] == list(chain)
    assert [layer.get("ParentName", "") for layer in told] == ["", *chain[:-1]]
    assert {layer["Format"] for layer in told} == {"Docker"}
    assert [layer["Path"] for layer in told] == [layer.url for layer in known.vulnerable.layers]


async def test_a_layer_on_another_base_is_another_layer(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    curl = known.vulnerable.layers[-1]
    other = replace(known.clean, layers=(*known.clean.layers, curl))
    first, second = await scanner.scan(known.vulnerable), await scanner.scan(other)
    assert isinstance(first, Scanned)
    assert isinstance(second, Scanned)
    assert curl.digest in {finding.package.layer for finding in second.report.findings}
    assert len(clair.known) == 6


async def test_a_base_is_looked_at_once(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    layers = [layer.digest for layer in known.vulnerable.layers]
    await asyncio.gather(*[scanner.scan(subject(str(n), layers)) for n in range(5)])
    assert clair.looked == len(layers)


async def test_a_newer_engine_looks_anew(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    assert await scanner.version() == "3"
    await scanner.scan(known.vulnerable)
    clair.engine = 4
    stale = await scanner.report(known.vulnerable)
    assert isinstance(stale, Scanned)
    assert stale.report.scanner_version == "3"
    fresh = await scanner.scan(known.vulnerable)
    assert isinstance(fresh, Scanned)
    assert fresh.report.scanner_version == "4"
    assert await scanner.version() == "4"


async def test_a_layer_that_is_being_looked_at(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    clair.gate.clear()
    scan = asyncio.create_task(scanner.scan(known.vulnerable))
    await clair.looking.wait()
    assert isinstance(await scanner.report(known.vulnerable), Pending)
    clair.gate.set()
    assert isinstance(await scan, Scanned)


async def test_a_chain_that_was_forgotten_is_told_anew(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    clair.forgets = {2}
    assert isinstance(await scanner.scan(known.vulnerable), Scanned)
    assert clair.posted == 2 + len(known.vulnerable.layers)


async def test_a_clair_that_forgets_all_the_time(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    clair.forgets = range(1000)
    outcome = await scanner.scan(known.vulnerable)
    assert isinstance(outcome, Failed)
    assert outcome.code == "parent-unknown"


async def test_packages_without_a_system_are_unsupported(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    alone = replace(known.vulnerable, layers=known.vulnerable.layers[-1:])
    outcome = await scanner.scan(alone)
    assert isinstance(outcome, Unscannable)
    assert outcome.code == "unsupported"
    assert "not supported" in outcome.text
    assert await scanner.report(alone) == Unknown()


async def test_a_request_that_it_would_not_read(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    layer = replace(known.clean.layers[0], headers=(("Authorization", "x" * clair_v1.MAX_REQUEST),))
    outcome = await scanner.scan(replace(known.clean, layers=(layer,)))
    assert isinstance(outcome, Unscannable)
    assert outcome.code == "request-too-large"
    assert clair.count(POST) == 0


async def test_all_answers_are_compressed(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    await scanner.scan(known.vulnerable)
    assert all("gzip" in request.headers["accept-encoding"] for request in clair.asked)


async def test_forgetting_takes_what_stands_on_it(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    shorter = replace(known.vulnerable, layers=known.vulnerable.layers[:1])
    await scanner.scan(known.vulnerable)
    assert isinstance(await scanner.report(shorter), Scanned)
    await scanner.forget(shorter)
    assert await scanner.report(known.vulnerable) == Unknown()


# --- what goes wrong ------------------------------------------------------------------------------

FAULTS: list[tuple[str, type[ScannerError], str]] = [
    ("cut-429", ScannerBusy, "enough to do"),
    ("hang", ScannerUnreachable, "has not answered in"),
    ("hang-up", ScannerUnreachable, "hangs up"),
    ("half", ScannerUnreachable, "breaks off"),
    ("half-gzip", ScannerUnreachable, "breaks off"),
    ("garbage", ScannerLying, "no HTTP"),
    ("not-json", ScannerLying, "of no use"),
    ("html-500", ScannerUnreachable, "out of order"),
    ("empty-500", ScannerUnreachable, "out of order"),
    ("bad-gateway", ScannerUnreachable, "out of order"),
    ("unauthorised", ScannerRefused, "credentials"),
    ("redirect", ScannerLying, "not followed"),
    ("huge", ScannerLying, "sends more than"),
    ("bomb", ScannerLying, "sends more than"),
    ("brotli", ScannerLying, "nobody asked for"),
    ("bad-gzip", ScannerLying, "it is not"),
]


@pytest.mark.parametrize(("name", "kind", "words"), FAULTS)
@pytest.mark.parametrize("on", [POST, GET])
async def test_faults(
    clair: FakeClairV1, known: Images, name: str, kind: type[ScannerError], words: str, on: str
) -> None:
    scanner = adapter(clair.url, QUICK if name == "hang" else LIMITS)
    clair.spoil(name, on)
    with pytest.raises(kind, match=words):
        await scanner.scan(known.vulnerable)
    clair.faults.clear()
    assert isinstance(await scanner.scan(known.vulnerable), Scanned)
    await scanner.close()


async def test_a_server_error_of_its_own_is_a_failure(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    clair.failing = "database: an error occurred when querying the backend"
    outcome = await scanner.scan(known.vulnerable)
    assert isinstance(outcome, Failed)
    assert "database" in outcome.text


async def test_a_wrong_path(clair: FakeClairV1, known: Images) -> None:
    scanner = adapter(clair.url + "/elsewhere")
    for asking in (scanner.version, lambda: scanner.scan(known.clean), lambda: scanner.report(known.clean)):
        with pytest.raises(ScannerLying, match="address is right"):
            await asking()
    await scanner.close()


async def test_an_answer_about_another_layer(clair: FakeClairV1, scanner: ClairV1, known: Images) -> None:
    await scanner.scan(known.clean)
    await scanner.scan(known.vulnerable)
    tops = [names([layer.digest for layer in image.layers])[-1] for image in (known.clean, known.vulnerable)]
    clair.known[tops[0]] = clair.known[tops[1]]
    with pytest.raises(ScannerLying, match="not about the topmost one"):
        await scanner.report(known.clean)
    mine = clair.known[tops[1]]
    clair.known[tops[1]] = Known(mine.name, "", mine.content, mine.engine)
    with pytest.raises(ScannerLying, match="stands on another layer"):
        await scanner.report(known.vulnerable)
