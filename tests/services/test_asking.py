"""Asking for reviews: who waits for an answer is informed once more when there is one, and not oftener."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection
from typing import Any

from image_enforcer.analysis import review as reading
from image_enforcer.domain.review import Review
from image_enforcer.ports.facts import State
from image_enforcer.services.asking import Asking, Time
from image_enforcer.services.informing import Informing, Require
from tests.contract.contents import NOON
from tests.server.asgi import encoded

from .test_gather import IMAGE, Known, home, image, scan, tag


class Counted(Informing):
    """Counts how often reviews are informed."""

    times = 0

    def inform(self, review: Review) -> Review:
        self.times += 1
        return super().inform(review)


def waiting(clock: Callable[[], float], worker: Any, reviews: int) -> tuple[Known, Counted, Asking, list[Review]]:
    """Reviews that are informed, and wait for a worker."""
    facts = Known(home(), tag(IMAGE), image(), scan())
    informing = Counted(facts, NOON.timestamp, Require.SCANNED)
    asking = Asking(informing, worker, Time(most=30.0, reserve=2.5), clock, lambda *_: None)
    read = [reading.read(json.loads(encoded(f"nginx:new{n}"))) for n in range(reviews)]
    informed = [informing.inform(review) for review in read if isinstance(review, Review)]
    assert len(informed) == reviews
    informing.times = 0
    return facts, informing, asking, informed


class Saying:
    """A worker that says when it is told to."""

    def __init__(self) -> None:
        self.may = asyncio.Event()

    async def ask(self, references: Collection[str], require: str, seconds: float) -> State:
        del references, require, seconds
        await self.may.wait()
        return State(epoch="e", revision=40, as_of=None)

    async def close(self) -> None: ...


async def test_who_waits_is_informed_once_however_often_facts_change() -> None:
    worker = Saying()
    facts, informing, asking, reviews = waiting(time.monotonic, worker, 8)
    tasks = [asyncio.create_task(asking.ask(review, 100, 30.0)) for review in reviews]
    for revision in range(2, 40):
        facts.revision = revision
        await asyncio.sleep(0.01)
    assert informing.times == 0
    worker.may.set()
    await asyncio.sleep(0.1)
    assert informing.times == 0  # the copy has not what the worker speaks of
    for number in range(8):
        facts.put(*tag(IMAGE, f"new{number}"))
    facts.revision = 40
    assert [review.unknown for review in await asyncio.gather(*tasks)] == [None] * 8
    assert informing.times == 8
    await asking.close()


async def test_who_is_too_late_is_not_informed_again() -> None:
    """Each costs time of the one loop: a second here. Those whose time is over by then are answered as they are."""
    now = [1000.0]
    facts, informing, asking, reviews = waiting(lambda: now[0], Saying(), 8)
    informs = informing.inform

    def slow(review: Review) -> Review:
        now[0] += 1.0
        return informs(review)

    informing.inform = slow  # type: ignore[method-assign]
    tasks = [asyncio.create_task(asking.ask(review, 100, 5.0)) for review in reviews]
    await asyncio.sleep(0.1)
    facts.revision = 2
    now[0] += 5.0
    found = await asyncio.gather(*tasks)
    assert informing.times == 1
    assert all(review.unknown is not None for review in found)
    await asking.close()
