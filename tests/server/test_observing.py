"""What a worker tells of itself: counters of what it did, gauges of what is left, and whether it can work."""

import asyncio
import contextlib
import http.client
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

import pytest

from image_enforcer.domain.digest import Digest
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Trouble
from image_enforcer.ports.store import Backlog, Keeping, ScanTroubles, ScanWork, StoreUnreachable, TagTroubles
from image_enforcer.server.observing import Observing
from image_enforcer.server.work_metrics import MOST_REGISTRIES, WorkMetrics
from image_enforcer.settings import Address
from tests.contract.contents import NOON, repository, trouble

LEFT = Backlog(
    revision=9, repositories=4, failing=1, looks_due=2, oldest_look=NOON, scanner="clair", images=9, scanned=7,
    incomplete=3, scans_due=3, scan_troubles=(ScanTroubles(code="no-layers", count=2, digest=Digest("d"), text="t"),),
    tag_troubles=tuple(
        TagTroubles(code=code, count=count, tags=("a.example/b:1",), text="t")
        for code, count in (("lying", 7), ("X", 2), ("Y", 3))
    ),
)  # fmt: skip


class Heard:
    """Notes the names of what it is told."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def looked(self, repository: Repository, tags: int, fetched: int, troubles: int, revision: int) -> None:
        self.names.append("looked")

    def forgotten(self, repositories: Sequence[Repository]) -> None:
        self.names.append("forgotten")

    def failed(self, about: str, trouble: Trouble) -> None:
        self.names.append("failed")

    def recovered(self, about: str) -> None:
        self.names.append("recovered")

    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None:
        self.names.append("scanned")

    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None:
        self.names.append("delivered")

    def noticed(self, notifications: int, images: int) -> None:
        self.names.append("noticed")

    def counted(self, registry: str, left: int) -> None:
        self.names.append("counted")

    def asked(self, reference: str, code: str) -> None:
        self.names.append("asked")

    def pruned(self, count: int) -> None:
        self.names.append("pruned")


class Store:
    """A store that says how far it has come, or why it cannot."""

    def __init__(self) -> None:
        self.left: Backlog | None = LEFT

    def backlog(self, now: datetime) -> Backlog:
        if self.left is None:
            raise StoreUnreachable("the database is away; start it")
        return replace(self.left, oldest_look=now)


def figures(text: bytes) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines if "_created" not in name}


def test_what_is_told_is_counted_and_passed_on() -> None:
    heard = Heard()
    metrics = WorkMetrics(heard)
    metrics.looked(repository(), 1, 1, 0, 1)
    metrics.failed("a", trouble(code="unreachable"))
    metrics.failed("a", trouble(code='x"} 1\n'))
    metrics.recovered("a")
    metrics.scanned(cast("ScanWork", None), 1, 0)
    metrics.delivered("opa", 3, 2, whole=False)
    metrics.noticed(4, 5)
    metrics.counted("docker.io", 76)
    metrics.asked("a", "")
    metrics.asked("a", "not-found")
    metrics.pruned(6)
    told = ["looked", "failed", "failed", "recovered", "scanned", "delivered", "noticed", "counted", "asked", "asked"]
    told += ["pruned"]
    assert heard.names == told
    found = figures(metrics.text(None))
    assert found["image_enforcer_looks_total"] == found["image_enforcer_scans_total"] == 1
    assert found['image_enforcer_troubles_total{code="unreachable"}'] == 1
    assert found['image_enforcer_troubles_total{code="other"}'] == 1
    assert found['image_enforcer_documents_total{done="put"}'] == 3
    assert found['image_enforcer_documents_total{done="deleted"}'] == 2
    assert found["image_enforcer_notifications_total"] == 4
    assert found["image_enforcer_pruned_total"] == 6
    assert found['image_enforcer_registry_quota_remaining{registry="docker.io"}'] == 76
    assert found['image_enforcer_look_ups_total{code=""}'] == 1
    assert found['image_enforcer_look_ups_total{code="not-found"}'] == 1


def test_registries_that_count_are_named_up_to_a_number() -> None:
    metrics = WorkMetrics(Heard())
    for number in range(MOST_REGISTRIES + 5):
        metrics.counted(f"r{number}.example", number)
    metrics.counted("r0.example", 7)
    found = {name: value for name, value in figures(metrics.text(None)).items() if "quota" in name}
    assert len(found) == MOST_REGISTRIES
    assert found['image_enforcer_registry_quota_remaining{registry="r0.example"}'] == 7


def test_what_is_left_is_told_while_somebody_knows() -> None:
    metrics = WorkMetrics(Heard())
    found = figures(metrics.text(LEFT))
    assert found['image_enforcer_repositories{state="failing"}'] == 1
    assert found['image_enforcer_repositories{state="well"}'] == 3
    assert (found["image_enforcer_looks_due"], found["image_enforcer_scans_due"]) == (2, 3)
    assert found["image_enforcer_oldest_look_timestamp_seconds"] == NOON.timestamp()
    assert found['image_enforcer_images{state="unscanned"}'] == 2
    assert found['image_enforcer_images{state="incomplete"}'] == 3
    assert found['image_enforcer_images{state="scanned"}'] == 4
    assert found['image_enforcer_images_troubled{code="no-layers"}'] == 2
    assert found['image_enforcer_tags_troubled{code="lying"}'] == 7
    assert found['image_enforcer_tags_troubled{code="other"}'] == 5
    assert found["image_enforcer_facts_revision"] == 9
    assert not [name for name in figures(metrics.text(None)) if "image_enforcer_images" in name]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def observing(store: Store) -> Iterator[Observing]:
    found = Observing(
        Address(host="127.0.0.1", port=0), WorkMetrics(Heard()), cast("Keeping", store), lambda: NOON
    )  # fmt: skip
    yield found
    found.socket.close()


async def test_it_is_ready_while_the_store_answers(observing: Observing, store: Store) -> None:
    def get(path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", observing.socket.getsockname()[1], timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    async with observing.serving():
        assert await asyncio.to_thread(get, "/readyz") == (200, b"ok\n")
        assert (await asyncio.to_thread(get, "/metrics"))[1].count(b"image_enforcer_images{") == 3
        store.left = None
        status, body = await asyncio.to_thread(get, "/readyz")
        assert (status, body) == (503, b"not ready: the database is away; start it\n")
        assert (await asyncio.to_thread(get, "/metrics"))[1].count(b"image_enforcer_images{") == 0
        assert await asyncio.to_thread(get, "/healthz") == (200, b"ok\n")
