"""Asking without holding others up."""

from __future__ import annotations

import asyncio
import threading
import time

from image_enforcer.ports.policy import Answered, Exceeded
from image_enforcer.server.pace import HELD, PATIENCE, Pace
from image_enforcer.settings import Bounds
from tests.server.asgi import ALLOW, REVISION, Scripted


def test_most_answers_come_at_once() -> None:
    engine = Scripted()
    pace = Pace(engine, Bounds(inline=0.003), time.monotonic)
    assert pace.at_once({"a": 1}) == (Answered(ALLOW), REVISION)
    assert engine.asked == [({"a": 1}, 0.003)]
    pace.close()


def test_an_engine_that_waits_is_never_asked_at_once() -> None:
    engine = Scripted(blocking=True)
    pace = Pace(engine, Bounds(), time.monotonic)
    assert pace.at_once({}) is None
    assert engine.asked == []
    pace.close()


def test_only_time_is_worth_trying_again() -> None:
    for outcome, again in ((Exceeded("deep"), False), (Exceeded("long", time=True), True)):
        pace = Pace(Scripted(outcome), Bounds(), time.monotonic)
        assert (pace.at_once({}) is None) is again
        pace.close()


async def test_what_has_waited_too_long_is_not_evaluated_any_more() -> None:
    now = [0.0]
    engine = Scripted(blocking=True)
    engine.hold = threading.Event()
    pace = Pace(engine, Bounds(), lambda: now[0])
    asked = [asyncio.create_task(pace.beside({"n": n}, 10)) for n in range(20)]
    for _ in range(1000):
        if len(engine.asked) == 16:  # as many as there are threads
            break
        await asyncio.sleep(0.01)
    now[0] = PATIENCE + 1
    engine.hold.set()
    answers = await asyncio.gather(*asked)
    assert answers == [(Answered(ALLOW), REVISION)] * 16 + [None] * 4
    assert pace.slow == 0
    pace.close()


async def test_large_reviews_wait_one_at_a_time() -> None:
    engine = Scripted(blocking=True)
    engine.hold = threading.Event()
    pace = Pace(engine, Bounds(), time.monotonic)
    large = asyncio.create_task(pace.beside({"n": 1}, 2 * HELD))
    await asyncio.sleep(0)
    assert await pace.beside({"n": 2}, 1) is None
    engine.hold.set()
    assert await large == (Answered(ALLOW), REVISION)
    assert await pace.beside({"n": 3}, HELD) == (Answered(ALLOW), REVISION)
    pace.close()
