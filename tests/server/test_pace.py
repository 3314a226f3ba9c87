"""Asking without holding others up."""

from __future__ import annotations

from image_enforcer.ports.policy import Answered, Exceeded
from image_enforcer.server.pace import Pace
from image_enforcer.settings import Bounds
from tests.server.asgi import ALLOW, REVISION, Scripted


def test_most_answers_come_at_once() -> None:
    engine = Scripted()
    pace = Pace(engine, Bounds(inline=0.003))
    assert pace.at_once({"a": 1}) == (Answered(ALLOW), REVISION)
    assert engine.asked == [({"a": 1}, 0.003)]
    pace.close()


def test_an_engine_that_waits_is_never_asked_at_once() -> None:
    engine = Scripted(blocking=True)
    pace = Pace(engine, Bounds())
    assert pace.at_once({}) is None
    assert engine.asked == []
    pace.close()


def test_only_time_is_worth_trying_again() -> None:
    for outcome, again in ((Exceeded("deep"), False), (Exceeded("long", time=True), True)):
        pace = Pace(Scripted(outcome), Bounds())
        assert (pace.at_once({}) is None) is again
        pace.close()
