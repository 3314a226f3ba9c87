"""Several workers with one sink: one writes at a time, and what arrives late does not stay."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis.documents import Layout
from image_enforcer.ports.sink import SinkUnreachable
from image_enforcer.ports.store import Store, StoreUnreachable
from image_enforcer.services.delivering import MARK, Delivering
from image_enforcer.services.holding import holding
from tests.adapters.registry.asking import until
from tests.contract.contents import NOON, digest_of, image
from tests.contract.store.steps import NGINX, look_at
from tests.services.synced import Clock

LEASE = timedelta(minutes=2)
LAYOUT = Layout(registry=NGINX.registry, repositories=frozenset([NGINX]))


@dataclass
class Opa:
    """What one OPA holds, whoever writes to it."""

    documents: dict[tuple[str, ...], bytes] = field(default_factory=dict)

    def holds(self) -> str:
        """Which of the test's images stands under tag 1."""
        found = self.documents.get(("docker", "layers", "library", "nginx", "1"))
        if found is None:
            return ""
        return next(name for name in "abcd" if digest_of(name).encode() in found)

    def mark(self) -> int:
        revision: int = json.loads(self.documents[MARK])["revision"]
        return revision


@dataclass
class Line:
    """A worker's way to an OPA, which may be slow: a request that is held waits, and arrives even if nobody waits for
    its answer any more."""

    opa: Opa
    name: str = "http://opa"
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """By the last step of the path."""
    fails: bool = False
    under_way: list[asyncio.Task[None]] = field(default_factory=list)
    sent: list[tuple[str, ...]] = field(default_factory=list)

    def hold(self, step: str) -> asyncio.Event:
        return self.held.setdefault(step, asyncio.Event())

    async def put(self, path: Sequence[str], document: bytes) -> None:
        await self._request(tuple(path), document)

    async def delete(self, path: Sequence[str]) -> None:
        await self._request(tuple(path), None)

    async def get(self, path: Sequence[str]) -> bytes | None:
        return self.opa.documents.get(tuple(path))

    async def close(self) -> None:
        pass

    async def _request(self, path: tuple[str, ...], document: bytes | None) -> None:
        self.sent.append(path)
        arriving = asyncio.create_task(self._arrive(path, document, self.held.get(path[-1])))
        self.under_way.append(arriving)
        if self.fails and path[-1] in self.held:
            raise SinkUnreachable("no answer in time")
        await asyncio.shield(arriving)

    async def _arrive(self, path: tuple[str, ...], document: bytes | None, gate: asyncio.Event | None) -> None:
        if gate is not None:
            await gate.wait()
        if document is None:
            for known in [known for known in self.opa.documents if known[: len(path)] == path]:
                del self.opa.documents[known]
        else:
            self.opa.documents[path] = document


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    found.watch([NGINX], NOON)
    yield found
    found.close()


@pytest.fixture
def opa() -> Opa:
    return Opa()


def point(store: Store, clock: Clock, name: str) -> None:
    """Let tag 1 point to one of the test's images."""
    clock.go(1)
    look_at(store, NGINX, {"1": image(name, [name])}, at=clock())


async def test_nobody_writes_to_a_sink_that_another_worker_writes_to(store: Store, opa: Opa) -> None:
    clock, slow, other = Clock(), Line(opa), Line(opa)
    first = Delivering(store, slow, LAYOUT, now=clock, lease=LEASE)
    second = Delivering(store, other, LAYOUT, now=clock, lease=LEASE)
    point(store, clock, "a")
    await first.deliver()
    point(store, clock, "b")
    gate = slow.hold("1")
    running = asyncio.create_task(first.deliver())
    await until(lambda: bool(slow.under_way) and slow.sent[-1][-1] == "1")
    point(store, clock, "c")
    assert (await second.deliver()).elsewhere
    assert other.sent == []
    gate.set()
    await running
    await second.deliver()
    assert (opa.holds(), opa.mark()) == ("c", store.head()[1])
    other.sent.clear()
    clock.go(9000)
    assert not (await second.deliver()).elsewhere
    assert other.sent == [], "nothing was in doubt"


async def test_what_a_worker_sent_that_lost_its_claim_is_sent_over_again_and_marked_by_nobody(
    store: Store, opa: Opa
) -> None:
    clock, slow, other = Clock(), Line(opa), Line(opa)
    first = Delivering(store, slow, LAYOUT, now=clock, lease=LEASE)
    second = Delivering(store, other, LAYOUT, now=clock, lease=LEASE)
    point(store, clock, "a")
    await first.deliver()
    point(store, clock, "b")
    gate = slow.hold("1")
    running = asyncio.create_task(first.deliver())
    await until(lambda: bool(slow.sent) and slow.sent[-1][-1] == "1")
    slow.sent.clear()
    clock.go(121)
    point(store, clock, "c")
    assert not (await second.deliver()).elsewhere
    assert opa.holds() == "c"
    marked = opa.mark()
    gate.set()
    assert (await running).elsewhere
    assert slow.sent == [], "nothing is sent under a claim that ran out"
    assert (opa.holds(), opa.mark()) == ("b", marked)
    await second.deliver()
    assert opa.holds() == "b"
    clock.go(121)
    await first.deliver()
    assert (opa.holds(), opa.mark()) == ("c", store.head()[1])
    slow.sent.clear()
    clock.go(9000)
    await first.deliver()
    assert slow.sent == [], "the doubt is settled"


async def test_a_request_that_was_given_up_and_arrives_late_does_not_stay(store: Store, opa: Opa) -> None:
    clock, line = Clock(), Line(opa)
    delivering = Delivering(store, line, LAYOUT, now=clock, lease=LEASE)
    point(store, clock, "a")
    await delivering.deliver()
    point(store, clock, "b")
    gate, line.fails = line.hold("1"), True
    with pytest.raises(SinkUnreachable):
        await delivering.deliver()
    line.held.clear()
    point(store, clock, "c")
    await delivering.deliver()
    assert opa.holds() == "c"
    gate.set()
    await until(lambda: opa.holds() == "b")
    clock.go(60)
    await delivering.deliver()
    assert opa.holds() == "b"
    clock.go(61)
    await delivering.deliver()
    assert (opa.holds(), opa.mark()) == ("c", store.head()[1])


async def test_two_that_begin_a_sink_anew_leave_it_whole(store: Store, opa: Opa) -> None:
    """One that empties what the other has just filled would have it marked as whole."""
    clock, slow, other = Clock(), Line(opa), Line(opa)
    first = Delivering(store, slow, LAYOUT, now=clock, lease=LEASE)
    second = Delivering(store, other, LAYOUT, now=clock, lease=LEASE)
    point(store, clock, "a")
    gate = slow.hold("layers")  # the last thing to be emptied
    running = asyncio.create_task(first.deliver())
    await until(lambda: bool(slow.sent) and slow.sent[-1][-1] == "layers")
    clock.go(121)
    assert (await second.deliver()).whole
    gate.set()
    await running
    clock.go(121)
    await second.deliver()
    assert (opa.holds(), opa.mark()) == ("a", store.head()[1])


async def test_a_mark_that_arrives_while_a_sink_is_emptied_makes_nothing_whole(store: Store, opa: Opa) -> None:
    clock, line = Clock(), Line(opa)
    delivering = Delivering(store, line, LAYOUT, now=clock, lease=LEASE)
    point(store, clock, "a")
    await delivering.deliver()
    late = opa.documents.pop(MARK)
    gate, line.fails = line.hold("1"), True
    with pytest.raises(SinkUnreachable):
        await delivering.deliver()
    assert opa.holds() == ""
    opa.documents[MARK] = late
    line.held.clear()
    assert (await delivering.deliver()).whole
    assert opa.holds() == "a"
    gate.set()


async def test_a_claim_is_held_for_longer_while_it_is_needed_and_given_back(store: Store, opa: Opa) -> None:
    clock, slow = Clock(), Line(opa)
    delivering = Delivering(store, slow, LAYOUT, now=clock, lease=timedelta(seconds=5))
    point(store, clock, "a")
    gate = slow.hold("1")
    running = asyncio.create_task(delivering.deliver())
    await asyncio.sleep(6)
    assert not running.done()
    assert store.claim_sink("sink http://opa", "other", clock(), LEASE) is None
    gate.set()
    assert (await running).put > 0
    assert store.claim_sink("sink http://opa", "other", clock(), LEASE) is not None


async def test_what_is_under_way_is_broken_off_when_the_claim_ends(store: Store, opa: Opa) -> None:
    clock, slow = Clock(), Line(opa)

    def unreachable(*_: object) -> None:
        raise StoreUnreachable("no")

    store.extend_sink = unreachable  # type: ignore[method-assign, assignment]
    delivering = Delivering(store, slow, LAYOUT, now=clock, lease=timedelta(seconds=2))
    point(store, clock, "a")
    slow.hold("1")
    assert (await asyncio.wait_for(delivering.deliver(), 10)).elsewhere
    assert json.loads(opa.documents[MARK]).keys() == {"begun"}


async def test_who_stops_in_the_middle_gives_the_sink_back_and_says_what_is_in_doubt(store: Store, opa: Opa) -> None:
    clock, slow = Clock(), Line(opa)
    delivering = Delivering(store, slow, LAYOUT, now=clock, lease=LEASE)
    point(store, clock, "a")
    slow.hold("1")
    running = asyncio.create_task(delivering.deliver())
    await until(lambda: bool(slow.sent) and slow.sent[-1][-1] == "1")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert json.loads(store.position("sink http://opa"))["doubt"]["until"] == 0
    async with holding(store, slow, "sink http://opa", "other", LEASE, clock) as held:
        assert held is not None
        assert not held.work.left


async def test_an_error_of_what_is_done_meanwhile_stays_what_it_is(store: Store, opa: Opa) -> None:
    with pytest.raises(TimeoutError, match="mine"):
        async with holding(store, Line(opa), "sink x", "me", LEASE, Clock()):
            raise TimeoutError("mine")
