"""Reviews that facts are added to: what the policy sees, what the log says, and what is refused as unknown."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.domain.facts import Kind
from image_enforcer.ports.policy import Answered, Failed
from image_enforcer.server.decision_log import DecisionLog
from image_enforcer.server.logs import Sink
from image_enforcer.server.metrics import Metrics
from image_enforcer.server.pace import Pace
from image_enforcer.server.reviews import PATHS, Reviews
from image_enforcer.services.decide import Guard
from image_enforcer.services.informing import Informing, Require
from image_enforcer.settings import Bounds
from tests.contract.contents import NOON
from tests.server.asgi import ALLOW, Scripted, ask, encoded, review
from tests.services.test_gather import IMAGE, Known, home, image, scan, tag

DENY = {**ALLOW, "status": {"allowed": False, "reason": "no [no]"}}
Make = Callable[..., Reviews]


@pytest.fixture
def facts() -> Known:
    return Known(home(), tag(IMAGE), image(), scan())


@pytest.fixture
def make(tmp_path: Path, facts: Known) -> Iterator[Make]:
    """An application around an engine, whose log is ``decisions.log``."""
    fd = os.open(tmp_path / "decisions.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    paces: list[Pace] = []

    def go(engine: Scripted, require: Require = Require.SCANNED, guard: Guard | None = None) -> Reviews:
        paces.append(Pace(engine, Bounds(), time.monotonic))
        informing = Informing(facts, NOON.timestamp, require)
        return Reviews(
            paces[-1], rego.from_json, guard or Guard(), Bounds(), DecisionLog(Sink(fd), lambda: 0.0, lambda: "id"),
            Metrics(), time.perf_counter, inform=informing.inform,
        )  # fmt: skip

    yield go
    for pace in paces:
        pace.close()
    os.close(fd)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "decisions.log").read_text(encoding="utf-8").splitlines()]


async def test_the_policy_sees_what_is_known_and_the_log_which_facts_those_were(make: Make, tmp_path: Path) -> None:
    engine = Scripted()
    reply = await ask(make(engine), PATHS[0], [encoded("nginx")])
    assert reply.review == {"allowed": True}
    ((document, _),) = engine.asked
    assert document["images"]["nginx"]["known"] is True
    (line,) = lines(tmp_path)
    assert line["facts_revision"] == "e:1"
    assert "images" not in line["input"]


async def test_a_client_cannot_say_what_is_known(make: Make) -> None:
    engine = Scripted()
    lie = {**review("redis"), "images": {"redis": {"known": True, "unknown": []}}, "facts": {"age_seconds": 0}}
    reply = await ask(make(engine), PATHS[0], [json.dumps(lie).encode()])
    assert reply.review["allowed"] is False
    assert "(not-resolved)" in reply.review["reason"]
    assert engine.asked[0][0]["images"]["redis"]["known"] is False
    assert engine.asked[0][0]["facts"]["revision"] == 1


async def test_what_is_unknown_is_refused_though_the_policy_allows(make: Make, tmp_path: Path) -> None:
    reply = await ask(make(Scripted()), PATHS[0], [encoded("nginx", "redis")])
    assert reply.review["allowed"] is False
    assert reply.review["reason"].endswith("[unknown-image]")
    assert lines(tmp_path)[0]["cause"] == "unknown-image"


async def test_the_policys_denial_stands_with_its_own_reason(make: Make) -> None:
    reply = await ask(make(Scripted(Answered(DENY))), PATHS[0], [encoded("redis")])
    assert reply.review == {"allowed": False, "reason": "no [no]"}


async def test_a_policy_that_fails_is_said_before_what_is_unknown(make: Make) -> None:
    reply = await ask(make(Scripted(Failed("broken"))), PATHS[0], [encoded("redis")])
    assert reply.review["reason"].endswith("[policy-error]")


async def test_exempt_namespaces_are_let_through_with_a_mark(make: Make) -> None:
    app = make(Scripted(), guard=Guard(exempt=frozenset({"lab"})))
    reply = await ask(app, PATHS[0], [encoded("redis", namespace="lab")])
    assert reply.review["allowed"] is True
    assert reply.review["auditAnnotations"] == {"undecided": "unknown-image", "guard": "exempt"}


async def test_without_facts_nothing_is_allowed_unless_nothing_is_required(make: Make, facts: Known) -> None:
    facts.broken = "facts.db: gone"
    reply = await ask(make(Scripted()), PATHS[0], [encoded("nginx")])
    assert (reply.review["allowed"], "facts.db: gone" in reply.review["reason"]) == (False, True)
    engine = Scripted()
    reply = await ask(make(engine, Require.NOTHING), PATHS[0], [encoded("nginx")])
    assert reply.review["allowed"] is True
    assert engine.asked[0][0]["images"]["nginx"]["unknown"][0]["code"] == "no-facts"


async def test_facts_of_a_shape_that_nobody_foresaw_are_a_refusal_of_that_image_alone(
    make: Make, facts: Known, tmp_path: Path
) -> None:
    facts.put(Kind.MANIFEST, IMAGE, {"kind": "image"})
    reply = await ask(make(Scripted()), PATHS[0], [encoded("nginx")])
    assert "(bad-facts)" in reply.review["reason"]
    (line,) = lines(tmp_path)
    assert (line["result"]["allowed"], line["cause"]) == (False, "unknown-image")
    reply = await ask(
        make(Scripted(), guard=Guard(exempt=frozenset({"lab"}))), PATHS[0], [encoded("nginx", namespace="lab")]
    )
    assert reply.review["allowed"] is True
