"""What Clair says by itself: webhooks read, pages fetched to the end, notifications marked as read."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.adapters.scanners import notifications
from image_enforcer.adapters.scanners.exchange import Exchange
from image_enforcer.adapters.scanners.pace import Pace
from image_enforcer.analysis import digest
from image_enforcer.ports.scanner import BadNotification, ScannerLying, ScannerUnreachable
from tests.adapters.scanners.clair_pairs import LIMITS, QUICK, chance, clock
from tests.fakes.clair_images import World
from tests.fakes.clair_v1 import FakeClairV1
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.clair_wire import Reply, Request, Wire, document

ONE = "5bd61202-d4db-49dd-aefe-3bc514ded1d6"
OTHER = "11111111-1111-1111-1111-111111111111"


def exchange(url: str, quick: bool = False) -> Exchange:
    return Exchange(url, limits=QUICK if quick else LIMITS, pace=Pace(clock, chance))


@pytest.fixture
async def v4() -> AsyncIterator[tuple[FakeClairV4, Exchange]]:
    async with FakeClairV4(World()) as clair:
        asking = exchange(clair.url)
        yield clair, asking
        await asking.close()


@pytest.fixture
async def v1() -> AsyncIterator[tuple[FakeClairV1, Exchange]]:
    async with FakeClairV1(World()) as clair:
        asking = exchange(clair.url)
        yield clair, asking
        await asking.close()


async def test_v4_pages_to_the_end(v4: tuple[FakeClairV4, Exchange]) -> None:
    clair, asking = v4
    manifests = [digest.of(str(n).encode()) for n in range(1200)]
    clair.notifications[ONE] = [(named, "added" if n % 2 else "removed") for n, named in enumerate(manifests)]
    assert await notifications.v4_affected(asking, ONE) == set(manifests)
    assert clair.count("GET /notifier") == 3


async def test_v4_unknown_is_about_nothing(v4: tuple[FakeClairV4, Exchange]) -> None:
    assert await notifications.v4_affected(v4[1], OTHER) == frozenset()


async def test_v4_marked_as_read(v4: tuple[FakeClairV4, Exchange]) -> None:
    clair, asking = v4
    clair.notifications[ONE] = []
    await notifications.v4_read(asking, ONE)
    await notifications.v4_read(asking, OTHER)
    assert clair.read == {ONE}
    clair.spoil("html-500")
    with pytest.raises(ScannerUnreachable):
        await notifications.v4_read(asking, ONE)


async def test_v1_pages_to_the_end(v1: tuple[FakeClairV1, Exchange]) -> None:
    clair, asking = v1
    names = [digest.of(str(n).encode()).partition(":")[2] for n in range(1200)]
    clair.notifications[ONE] = list(names)
    assert await notifications.v1_affected(asking, ONE) == set(names)
    assert clair.count("GET /v1/notifications") == 3
    assert all(request.query["limit"] == str(notifications.PAGE) for request in clair.asked)


async def test_v1_unknown_and_marked_as_read(v1: tuple[FakeClairV1, Exchange]) -> None:
    clair, asking = v1
    clair.notifications[ONE] = []
    assert await notifications.v1_affected(asking, OTHER) == frozenset()
    await notifications.v1_read(asking, ONE)
    await notifications.v1_read(asking, ONE)
    assert clair.read == {ONE}


async def test_a_wrong_path_is_not_an_empty_notification(v1: tuple[FakeClairV1, Exchange]) -> None:
    asking = exchange(v1[0].url + "/elsewhere")
    with pytest.raises(ScannerLying):
        await notifications.v1_affected(asking, ONE)
    with pytest.raises(ScannerLying):
        await notifications.v1_read(asking, ONE)
    await asking.close()


@pytest.mark.parametrize(
    "page",
    [
        {"page": {"size": 1, "next": "a"}, "notifications": []},
        {"page": {"size": 1}, "notifications": [{"manifest": "../../x"}]},
        {"page": {"size": 1}, "notifications": [{}]},
        {"notifications": []},
        [],
    ],
)
async def test_v4_pages_that_lie(page: object) -> None:
    async def answer(request: Request) -> Reply:
        return document(200, page)

    async with Wire(answer) as wire:
        asking = exchange(wire.url)
        with pytest.raises(ScannerLying):
            await notifications.v4_affected(asking, ONE)
        await asking.close()


@pytest.mark.parametrize(
    "page",
    [
        {"Notification": {"NextPage": "a"}},
        {"Notification": {"New": {"LayersIntroducingVulnerability": ["a b"]}}},
        {"Notification": {"New": {"OrderedLayersIntroducingVulnerability": "all"}}},
        {},
    ],
)
async def test_v1_pages_that_lie(page: object) -> None:
    async def answer(request: Request) -> Reply:
        return document(200, page)

    async with Wire(answer) as wire:
        asking = exchange(wire.url)
        with pytest.raises(ScannerLying):
            await notifications.v1_affected(asking, ONE)
        await asking.close()


def test_webhooks() -> None:
    hook = {"notification_id": ONE.upper(), "callback": "http://elsewhere.invalid/"}
    assert notifications.v4_identifier(json.dumps(hook).encode()) == ONE
    assert notifications.v1_identifier(json.dumps({"Notification": {"Name": ONE}}).encode()) == ONE


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"notification_id": 7}', b'{"notification_id": "../x"}',
        b'{"Notification": {"Name": "a/b"}}', b" " * (notifications.MAX_BODY + 1),
    ],
)  # fmt: skip
def test_webhooks_that_are_none(body: bytes) -> None:
    for parse in (notifications.v4_identifier, notifications.v1_identifier):
        with pytest.raises(BadNotification):
            parse(body)


@given(st.binary(max_size=200))
def test_any_body(body: bytes) -> None:
    for parse in (notifications.v4_identifier, notifications.v1_identifier):
        with pytest.raises(BadNotification):
            parse(body)


async def test_an_identifier_is_checked_again_before_it_is_part_of_a_path() -> None:
    asking = exchange("http://127.0.0.1:1")
    for ask in (notifications.v4_affected, notifications.v1_affected):
        with pytest.raises(BadNotification):
            await ask(asking, "../../indexer")
    await asking.close()


async def test_recorded_pages(shared_cases: Path) -> None:
    folder = shared_cases / "clair/recorded"
    if not folder.is_dir():
        pytest.skip("the shared cases hold no recordings of Clair")
    pages = [json.loads((folder / f"42-notification-page-{n}.json").read_text()) for n in range(3)]
    bodies = [page["response"]["body"] for page in pages]
    bodies[-1]["page"].pop("next", None)
    left = iter(bodies)

    async def answer(request: Request) -> Reply:
        return document(200, next(left))

    hook = json.loads((folder / "40-webhook-3.json").read_text())["body"]
    async with Wire(answer) as wire:
        asking = exchange(wire.url)
        found = await notifications.v4_affected(asking, notifications.v4_identifier(json.dumps(hook).encode()))
        await asking.close()
    assert found == {entry["manifest"] for body in bodies for entry in body["notifications"]}
    assert [request.query.get("next") for request in wire.asked] == [None, *[b["page"]["next"] for b in bodies[:2]]]
