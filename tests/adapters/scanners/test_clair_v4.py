"""The adapter to Clair v4: the contract against a fake with its manners, then all that goes wrong."""

import asyncio
import base64
from collections.abc import AsyncIterator

import pytest

from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.adapters.scanners.exchange import BadAddress, Limits
from image_enforcer.adapters.scanners.presharedkey import BadKey, PreSharedKey
from image_enforcer.analysis import digest
from image_enforcer.ports.scanner import (
    Failed,
    Pending,
    Scanned,
    ScannerBusy,
    ScannerError,
    ScannerLying,
    ScannerRefused,
    ScannerUnreachable,
    Subject,
    Unknown,
    Unscannable,
)
from tests.adapters.registry.asking import answering_no_tls
from tests.adapters.scanners.clair_pairs import LIMITS, NOW, QUICK, chance, clock, images
from tests.contract.scanner import Images, ScannerContract
from tests.fakes.clair_images import BASE, World, subject
from tests.fakes.clair_v4 import FakeClairV4

POST = "POST /indexer/api/v1/index_report"
MATCH = "GET /matcher"
KEY = base64.b64encode(b"a key of 32 bytes, as Clair likes").decode()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def known(world: World) -> Images:
    return images(world)


@pytest.fixture
async def clair(world: World) -> AsyncIterator[FakeClairV4]:
    async with FakeClairV4(world) as running:
        yield running


def adapter(url: str, limits: Limits = LIMITS, key: PreSharedKey | None = None) -> ClairV4:
    return ClairV4(url, clock=clock, chance=chance, limits=limits, key=key)


@pytest.fixture
async def scanner(clair: FakeClairV4) -> AsyncIterator[ClairV4]:
    made = adapter(clair.url)
    yield made
    await made.close()


class TestContract(ScannerContract):
    @pytest.fixture
    def images(self, known: Images) -> Images:
        return known


# --- what Clair v4 does that others do not --------------------------------------------------------


async def test_equal_scans_are_one_post(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    clair.gate.clear()
    scans = [asyncio.create_task(scanner.scan(known.vulnerable)) for _ in range(5)]
    await clair.indexing.wait()
    assert isinstance(await scanner.report(known.vulnerable), Pending)
    clair.gate.set()
    assert all(isinstance(outcome, Scanned) for outcome in await asyncio.gather(*scans))
    assert clair.count(POST) == 1


async def test_no_condition_is_ever_sent(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    await scanner.version()
    await scanner.scan(known.vulnerable)
    await scanner.scan(known.vulnerable)
    assert clair.asked
    assert not any("if-none-match" in request.headers for request in clair.asked)


async def test_headers_are_lists_and_bodies_are_plain(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    await scanner.scan(known.allowed)
    posted = next(request for request in clair.asked if request.method == "POST")
    assert posted.json()["layers"][0]["headers"] == {"Authorization": ["Bearer t"]}
    assert "content-encoding" not in posted.headers


async def test_other_scanners_are_another_version_and_look_anew(
    clair: FakeClairV4, scanner: ClairV4, known: Images
) -> None:
    before = await scanner.version()
    assert isinstance(await scanner.scan(known.vulnerable), Scanned)
    clair.state = "another"
    stale = await scanner.report(known.vulnerable)
    assert isinstance(stale, Scanned)
    assert stale.report.scanner_version == before, "the ETag of a stored report is not what it was made with"
    assert await scanner.version() == "another"
    fresh = await scanner.scan(known.vulnerable)
    assert isinstance(fresh, Scanned)
    assert fresh.report.scanner_version == "another"


async def test_what_another_process_scanned_has_no_version(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    await scanner.scan(known.vulnerable)
    other = adapter(clair.url)
    outcome = await other.report(known.vulnerable)
    await other.close()
    assert isinstance(outcome, Scanned)
    assert outcome.report.scanner_version == ""


async def test_before_the_first_update(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    clair.updated = False
    assert isinstance(await scanner.report(known.vulnerable), Pending), "even what it was never told of"
    assert isinstance(await scanner.scan(known.vulnerable), Pending)
    clair.updated = True
    assert isinstance(await scanner.report(known.vulnerable), Scanned)


async def test_in_progress_for_somebody_else(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    clair.gate.clear()
    other = adapter(clair.url)
    scan = asyncio.create_task(other.scan(known.vulnerable))
    await clair.indexing.wait()
    assert await scanner.report(known.vulnerable) == Pending("its layers are being looked at (FetchLayers)")
    clair.gate.set()
    assert isinstance(await scan, Scanned)
    await other.close()


async def test_an_abandoned_index_is_unknown_and_heals(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    clair.abandon(known.vulnerable.digest)
    assert await scanner.report(known.vulnerable) == Unknown()
    assert isinstance(await scanner.scan(known.vulnerable), Scanned)


async def test_stored_failures_are_failures(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    first = await scanner.scan(known.unfetchable)
    assert isinstance(first, Failed)
    assert first.code == "index-failed"
    assert "404 Not Found" in first.text
    assert await scanner.report(known.unfetchable) == first
    refused = await scanner.scan(known.refused)
    assert isinstance(refused, Failed)
    assert refused.code == "layer-refused"
    clair.world.layers[known.unfetchable.layers[1].digest] = BASE
    assert isinstance(await scanner.scan(known.unfetchable), Scanned)


async def test_a_busy_clair(world: World, known: Images) -> None:
    async with FakeClairV4(world, at_once=0) as clair:
        now = NOW
        scanner = ClairV4(clair.url, clock=lambda: now, chance=chance, limits=LIMITS)
        pauses = []
        for _ in range(8):
            for _ in range(2):
                with pytest.raises(ScannerBusy, match="wait") as caught:
                    await scanner.scan(known.vulnerable)
                pauses.append(caught.value.retry_after)
            now += pauses[-1]
        assert pauses[::2] == pauses[1::2] == [1, 2, 4, 8, 16, 32, 60, 60]
        await scanner.close()


async def test_no_more_scans_at_once_than_set(world: World) -> None:
    layers = [world.add(f"base {n}", BASE) for n in range(6)]
    async with FakeClairV4(world, at_once=2) as clair:
        scanner = adapter(clair.url, Limits(at_once=2))
        found = await asyncio.gather(*[scanner.scan(subject(str(n), [layers[n]])) for n in range(6)])
        await scanner.close()
    assert all(isinstance(outcome, Scanned) for outcome in found)


async def test_digests_that_it_does_not_take(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    odd = Subject(digest=digest.of(b"odd", "sha384"), layers=known.clean.layers)
    outcome = await scanner.scan(odd)
    assert isinstance(outcome, Unscannable)
    assert outcome.code == "unsupported-digest"
    assert clair.count(POST) == 0


async def test_digests_of_sha512_are_taken(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    long = Subject(digest=digest.of(b"long", "sha512"), layers=known.clean.layers)
    outcome = await scanner.scan(long)
    assert isinstance(outcome, Scanned)
    assert outcome.report.digest == long.digest
    assert (await scanner.report(long)) == outcome
    assert clair.count(POST) == 1


async def test_every_question_says_that_json_is_wanted(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    """Clair refuses types that it does not know with 415, and what is no type at all with 500 and no word."""
    await scanner.version()
    await scanner.scan(known.vulnerable)
    await scanner.report(known.vulnerable)
    await scanner.forget(known.vulnerable)
    assert {request.method for request in clair.asked} == {"GET", "POST", "DELETE"}
    assert {request.headers["accept"] for request in clair.asked} == {"application/json"}


async def test_a_report_of_other_layers_is_refused(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    await scanner.scan(known.vulnerable)
    taken = Subject(digest=known.vulnerable.digest, layers=known.clean.layers)
    with pytest.raises(ScannerLying, match="is no layer of"):
        await scanner.scan(taken)


async def test_affected_manifests(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    await scanner.scan(known.vulnerable)
    await scanner.scan(known.clean)
    asked = [{"id": "9", "package": {"name": "glibc", "kind": "source"}}]
    assert await scanner.affected(asked) == {known.vulnerable.digest}


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
@pytest.mark.parametrize("on", [POST, MATCH, "GET /indexer/api/v1/index_state"])
async def test_faults(
    clair: FakeClairV4, known: Images, name: str, kind: type[ScannerError], words: str, on: str
) -> None:
    scanner = adapter(clair.url, QUICK if name == "hang" else LIMITS)
    clair.spoil(name, on)
    with pytest.raises(kind, match=words):
        await (scanner.version() if on.endswith("state") else scanner.scan(known.vulnerable))
    clair.faults.clear()
    assert isinstance(await scanner.scan(known.vulnerable), Scanned)
    await scanner.close()


async def test_a_slow_answer_is_an_answer(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    clair.spoil("slow")
    assert isinstance(await scanner.scan(known.clean), Scanned)


async def test_nobody_listens(known: Images) -> None:
    scanner = adapter("http://127.0.0.1:1")
    with pytest.raises(ScannerUnreachable, match="cannot be reached"):
        await scanner.scan(known.vulnerable)
    await scanner.close()


async def test_an_address_without_tls_is_said_with_what_to_do(known: Images) -> None:
    async with answering_no_tls() as place:
        scanner = adapter(f"https://{place}")
        with pytest.raises(ScannerUnreachable, match="where it speaks plain HTTP, its address begins with http://"):
            await scanner.scan(known.vulnerable)
        await scanner.close()


async def test_a_wrong_path(clair: FakeClairV4, known: Images) -> None:
    scanner = adapter(clair.url + "/elsewhere")
    for asking in (scanner.version, lambda: scanner.scan(known.clean), lambda: scanner.report(known.clean)):
        with pytest.raises(ScannerLying, match="address is right"):
            await asking()
    await scanner.close()


async def test_an_answer_about_another_image(clair: FakeClairV4, scanner: ClairV4, known: Images) -> None:
    await scanner.scan(known.clean)
    await scanner.scan(known.vulnerable)
    clair.confuse(known.clean.digest, known.vulnerable.digest)
    with pytest.raises(ScannerLying, match="not about"):
        await scanner.report(known.clean)
    with pytest.raises(ScannerLying, match="not about"):
        await scanner.scan(known.clean)


async def test_errors_do_not_show_what_is_secret(known: Images) -> None:
    scanner = adapter("http://user:secret@127.0.0.1:1")
    with pytest.raises(ScannerUnreachable) as caught:
        await scanner.version()
    assert "secret" not in str(caught.value)
    await scanner.close()


async def test_a_name_that_no_resolver_takes(known: Images) -> None:
    scanner = adapter(f"http://{'a' * 64}:6060")
    with pytest.raises(ScannerUnreachable, match="names no host"):
        await scanner.version()
    await scanner.close()


@pytest.mark.parametrize("url", ["", "clair:6060", "ftp://clair", "http://", "http://clair?x=1", "http://clair#x"])
def test_bad_addresses(url: str) -> None:
    with pytest.raises(BadAddress, match="give one like"):
        adapter(url)


# --- the pre-shared key ---------------------------------------------------------------------------


async def test_tokens_are_taken(world: World, known: Images) -> None:
    async with FakeClairV4(world, key=KEY, issuers=("enforcer",), clock=clock) as clair:
        scanner = adapter(clair.url, key=PreSharedKey(KEY, "enforcer", clock))
        assert isinstance(await scanner.scan(known.vulnerable), Scanned)
        await scanner.close()


@pytest.mark.parametrize(
    "key",
    [
        None,
        PreSharedKey(KEY, "stranger", clock),
        PreSharedKey(base64.b64encode(b"another key of many bytes").decode(), "enforcer", clock),
        PreSharedKey(KEY, "enforcer", lambda: NOW - 400),
        PreSharedKey(KEY, "enforcer", lambda: NOW + 60),
    ],
)
async def test_tokens_are_refused(world: World, known: Images, key: PreSharedKey | None) -> None:
    async with FakeClairV4(world, key=KEY, issuers=("enforcer",), clock=clock) as clair:
        scanner = adapter(clair.url, key=key)
        for asking in (scanner.version, lambda: scanner.scan(known.clean), lambda: scanner.report(known.clean)):
            with pytest.raises(ScannerRefused, match="credentials"):
                await asking()
        await scanner.close()


@pytest.mark.parametrize(("key", "issuer"), [("no base64!", "x"), ("YWJj", "x"), (KEY, ""), ("ключ", "x")])
def test_bad_keys(key: str, issuer: str) -> None:
    with pytest.raises(BadKey, match=r"give|make"):
        PreSharedKey(key, issuer, clock)


def test_a_token_as_clair_was_seen_to_take(shared_cases: object) -> None:
    import json
    from pathlib import Path

    path = Path(str(shared_cases)) / "clair/recorded/50-psk-ok.json"
    if not path.is_file():
        pytest.skip("the shared cases hold no recordings of Clair")
    recorded = json.loads(path.read_text())["request"]["headers"]["Authorization"]
    ours = PreSharedKey(KEY, "quay", clock).authorization()
    heads = [value.removeprefix("Bearer ").split(".")[0] for value in (recorded, ours)]
    assert [json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))) for head in heads] == [
        {"alg": "HS256", "typ": "JWT"}
    ] * 2
    claims = [value.split(".")[1] for value in (recorded, ours)]
    read = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in claims]
    assert read[0].keys() == read[1].keys()
    assert read[1]["exp"] - read[1]["iat"] == 300
