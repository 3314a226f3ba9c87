"""Reviews over HTTP, asked without a network: every POST is answered 200, and only a policy's word allows."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.ports.policy import Answered, Exceeded, Failed, Outcome, Undefined, Unreachable, Unreadable
from image_enforcer.server.decision_log import DecisionLog
from image_enforcer.server.logs import Sink
from image_enforcer.server.metrics import Metrics
from image_enforcer.server.pace import Pace
from image_enforcer.server.reviews import PATHS, Reviews
from image_enforcer.server.tokens import Tokens
from image_enforcer.services.decide import Guard
from image_enforcer.settings import Bounds
from tests.server.asgi import ALLOW, Scripted, ask, encoded, review

PATH = PATHS[0]
SMALL = Bounds(body=4096, buffered=6000, threads=1)


class Served:
    """An application around a scripted engine, with its log and metrics at hand."""

    def __init__(
        self, engine: Scripted, folder: Path, *, guard: Guard | None = None, tokens: Tokens | None = None
    ) -> None:
        self.engine = engine
        self.log = folder / "decisions.log"
        self._fd = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.metrics = Metrics()
        self.pace = Pace(engine, SMALL, time.monotonic)
        numbers = iter(range(10**9))
        ticks = iter(range(10**9))
        self.app = Reviews(
            self.pace, rego.from_json, guard or Guard(), SMALL,
            DecisionLog(Sink(self._fd), lambda: 0.0, lambda: f"id-{next(numbers)}"), self.metrics,
            lambda: next(ticks) * 1e-6, tokens,
        )  # fmt: skip

    def lines(self) -> list[dict[str, Any]]:
        """The decisions logged so far."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def close(self) -> None:
        """Give threads and file up."""
        self.pace.close()
        os.close(self._fd)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Makes applications and closes them."""
    made: list[Served] = []

    def make(*outcomes: Outcome | Exception, blocking: bool = False, **more: Any) -> Served:
        made.append(Served(Scripted(*outcomes, blocking=blocking), tmp_path, **more))
        return made[-1]

    yield make
    for served in made:
        served.close()


@pytest.mark.parametrize("path", [*PATHS, *(p + "/" for p in PATHS)])
async def test_a_review_is_answered_as_the_policy_says(serve: Callable[..., Served], path: str) -> None:
    served = serve()
    reply = await ask(served.app, path, [encoded("a:1")])
    assert reply.review == {"allowed": True}
    assert "connection" not in reply.headers
    assert served.engine.asked[0][0] == review("a:1")


async def test_a_denial_carries_its_reason(serve: Callable[..., Served]) -> None:
    served = serve(Answered({"status": {"allowed": False, "reason": "a:1: no; do not [rule]"}}))
    reply = await ask(served.app, PATH, [encoded("a:1")])
    assert reply.review == {"allowed": False, "reason": "a:1: no; do not [rule]"}


BROKEN = {
    "nothing": b"", "half": b'{"kind": "ImageReview"', "words": b"hello", "binary": bytes(range(256)), "null": b"null",
    "number": b"7", "list": b"[]", "string": b'"x"', "empty": b"{}", "deep": b"[" * 4000,
    "deep objects": b'{"a":' * 700,
    "not UTF-8": b'{"kind": "\xff"}', "garbage behind": encoded("a:1") + b" x", "two": encoded("a:1") * 2,
    "another kind": json.dumps({**review("a:1"), "kind": "AdmissionReview"}).encode(),
    "another version": json.dumps({**review("a:1"), "apiVersion": "imagepolicy.k8s.io/v1"}).encode(),
    "kind no string": json.dumps({**review("a:1"), "kind": {"a": 1}}).encode(),
    "no spec": json.dumps({**review("a:1"), "spec": None}).encode(),
    "no containers": json.dumps({**review(), "spec": {"namespace": "x"}}).encode(), "no images": encoded(),
    "image a number": json.dumps({"spec": {"containers": [{"image": 7}]}}).encode(),
    "container null": json.dumps({"spec": {"containers": [{"image": "a:1"}, None]}}).encode(),
    "containers an object": json.dumps({"spec": {"containers": {"image": "a:1"}}}).encode(),
    "namespace a list": json.dumps({"spec": {"containers": [{"image": "a:1"}], "namespace": []}}).encode(),
    "huge number": b'{"spec": {"containers": [{"image": "a:1"}], "n": 1e999999999}}',
    "infinite": b'{"spec": {"containers": [{"image": "a:1"}], "n": Infinity}}',
}  # fmt: skip


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_review_is_refused_without_asking(serve: Callable[..., Served], body: bytes) -> None:
    served = serve()
    reply = await ask(served.app, PATH, [body])
    assert reply.review["allowed"] is False
    assert reply.review["reason"]
    assert reply.review["auditAnnotations"]["undecided"] in ("bad-review", "no-images")
    assert served.engine.asked == []
    assert [line["result"]["allowed"] for line in served.lines()] == [False]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_are_allowed_or_crash(body: bytes) -> None:
    async def one() -> None:
        pace = Pace(Scripted(), SMALL, time.monotonic)
        app = Reviews(pace, rego.from_json, Guard(), SMALL, DecisionLog(None, lambda: 0, str), Metrics(), lambda: 0.0)
        assert (await ask(app, PATH, [body])).review["allowed"] is False
        pace.close()

    asyncio.run(one())


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (Undefined("nothing there"), "policy-undefined"),
        (Undefined("no rule", no_policy=True), "no-policy"),
        (Failed("conflict"), "policy-error"),
        (Unreadable("gone"), "facts-unreadable"),
        (Exceeded("too deep"), "policy-limit"),
        (Exceeded("too long", time=True), "policy-limit"),
        (Unreachable("connection refused"), "policy-unreachable"),
        (Answered({"allowed": True}), "policy-answer"),
        (Answered({"status": {"allowed": "true"}}), "policy-answer"),
        (Answered({"status": {"allowed": 1}}), "policy-answer"),
        (Answered(True), "policy-answer"),
    ],
)
async def test_what_the_policy_cannot_say_is_denied(serve: Callable[..., Served], outcome: Outcome, cause: str) -> None:
    served = serve(outcome)
    reply = await ask(served.app, PATH, [encoded("a:1")])
    assert reply.review["allowed"] is False
    assert reply.review["auditAnnotations"] == {"undecided": cause}
    assert served.lines()[0]["cause"] == cause


async def test_a_fault_of_our_own_is_a_refusal_and_is_not_hidden(serve: Callable[..., Served]) -> None:
    served = serve(ZeroDivisionError("a bug"))
    reply: Any = None

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal reply
        reply = message.get("body", reply)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": encoded("a:1"), "more_body": False}

    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": PATH, "headers": [], "client": None}
    with pytest.raises(ZeroDivisionError):
        await served.app(scope, receive, send)
    status = json.loads(reply)["status"]
    assert status["allowed"] is False
    assert "[internal-error]" in status["reason"]


def at_once(served: Served, body: bytes) -> tuple[bool, list[Any]]:
    """Whether the protocol's quick way answered, and the statuses that it said."""
    said: list[Any] = []
    done = served.app.at_once(PATH, [], ("127.0.0.1", 5), body, lambda b: said.append(json.loads(b)["status"]))
    return done, said


def test_the_quick_way_answers_as_the_application_does(serve: Callable[..., Served]) -> None:
    served = serve()
    assert at_once(served, encoded("a:1")) == (True, [{"allowed": True}])
    assert [status["allowed"] for status in at_once(served, b"{")[1]] == [False]
    assert [line["result"]["allowed"] for line in served.lines()] == [True, False]


def test_the_quick_way_says_nothing_of_what_it_leaves(serve: Callable[..., Served]) -> None:
    served = serve(Exceeded("too long", time=True))
    assert at_once(served, encoded("a:1")) == (False, [])
    assert served.lines() == []


async def test_what_was_tried_is_not_tried_again(serve: Callable[..., Served]) -> None:
    served = serve()
    assert (await ask(served.app, PATH, [encoded("a:1")], tried=True)).review == {"allowed": True}
    assert [seconds for _, seconds in served.engine.asked] == [None]


def test_a_fault_on_the_quick_way_is_a_refusal_and_is_not_hidden(serve: Callable[..., Served]) -> None:
    served = serve(ZeroDivisionError("a bug"), Answered(ALLOW))
    said: list[bytes] = []
    with pytest.raises(ZeroDivisionError):
        served.app.at_once(PATH, [], None, encoded("a:1"), said.append)
    assert [json.loads(body)["status"]["allowed"] for body in said] == [False]
    assert [line["result"]["allowed"] for line in served.lines()] == [False]


async def test_exempt_namespaces_are_allowed_with_a_mark(serve: Callable[..., Served]) -> None:
    guard = Guard(exempt=frozenset({"kube-system"}))
    served = serve(Failed("conflict"), guard=guard)
    assert (await ask(served.app, PATH, [encoded("a:1", namespace="kube-system")])).review["auditAnnotations"] == {
        "undecided": "policy-error",
        "guard": "exempt",
    }
    assert (await ask(served.app, PATH, [encoded("a:1")])).review["allowed"] is False
    broken = b'{"spec": {"namespace": "kube-system"}}'
    assert (await ask(served.app, PATH, [broken])).review["allowed"] is False


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(serve: Callable[..., Served], method: str) -> None:
    reply = await ask(serve().app, PATH, method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/", "/v1/data", "/v1/data/io/k8s", "/v0/data", "/healthz", "/metrics", "/image-policy/x"]
)
async def test_there_is_nothing_else_here(serve: Callable[..., Served], path: str) -> None:
    served = serve()
    reply = await ask(served.app, path, [encoded("a:1")])
    assert reply.status == 404
    assert "/image-policy" in json.loads(reply.body)["message"]
    assert served.engine.asked == []


async def test_a_body_in_pieces_is_put_together(serve: Callable[..., Served]) -> None:
    body = encoded("a:1")
    served = serve()
    assert (await ask(served.app, PATH, [body[i : i + 7] for i in range(0, len(body), 7)])).review == {"allowed": True}


@pytest.mark.parametrize("size", [4097, 5000, 100_000])
@pytest.mark.parametrize("piece", [1000, 200_000])
async def test_a_body_too_large_is_refused(serve: Callable[..., Served], size: int, piece: int) -> None:
    body = encoded("a:1") + b" " * size
    served = serve()
    reply = await ask(served.app, PATH, [body[i : i + piece] for i in range(0, len(body), piece)])
    assert reply.review["allowed"] is False
    assert "larger than 4 KiB" in reply.review["reason"]
    assert served.engine.asked == []
    assert (await ask(served.app, PATH, [encoded("a:1")])).review["allowed"] is True


async def test_the_largest_body_is_taken(serve: Callable[..., Served]) -> None:
    body = encoded("a:1").ljust(4096)
    assert (await ask(serve().app, PATH, [body])).review["allowed"] is True
    assert (await ask(serve().app, PATH, [body[:1], body[1:]])).review["allowed"] is True


async def test_too_many_bytes_on_the_way_are_overload(serve: Callable[..., Served]) -> None:
    served = serve()
    go = asyncio.Event()

    async def held() -> None:
        async def receive() -> dict[str, Any]:
            if not started.is_set():
                started.set()
                return {"type": "http.request", "body": b" " * 4000, "more_body": True}
            await go.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            raise AssertionError(message)

        started = asyncio.Event()
        await served.app({"type": "http", "method": "POST", "path": PATH, "headers": []}, receive, send)

    waiting = asyncio.create_task(held())
    await asyncio.sleep(0)
    reply = await ask(served.app, PATH, [b" " * 3000, encoded("a:1")])
    assert reply.review["auditAnnotations"] == {"undecided": "overload"}
    go.set()
    await waiting
    body = encoded("a:1")
    assert (await ask(served.app, PATH, [body[:5], body[5:]])).review["allowed"] is True


async def test_a_client_that_goes_away_is_no_review(serve: Callable[..., Served]) -> None:
    served = serve()
    reply = await ask(served.app, PATH, [b"{"], cut=True)
    assert reply.status == 0
    assert served.lines() == []
    assert b"image_enforcer_reviews_total{" not in served.metrics.text()


async def test_a_slow_evaluation_is_made_again_beside_the_others(serve: Callable[..., Served]) -> None:
    served = serve(Exceeded("too long", time=True), Answered(ALLOW))
    assert (await ask(served.app, PATH, [encoded("a:1")])).review == {"allowed": True}
    assert [seconds for _, seconds in served.engine.asked] == [SMALL.inline, None]


async def test_others_are_answered_meanwhile_and_too_many_are_overload(serve: Callable[..., Served]) -> None:
    served = serve(blocking=True)
    served.engine.hold = threading.Event()
    slow = [asyncio.create_task(ask(served.app, PATH, [encoded(f"a:{i}")])) for i in range(80)]
    await asyncio.sleep(0.05)
    reply = await ask(served.app, PATH, [encoded("b:1")])
    assert reply.review["auditAnnotations"] == {"undecided": "overload"}
    assert served.pace.slow == 80
    served.engine.hold.set()
    assert all(reply.review["allowed"] for reply in await asyncio.gather(*slow))
    assert served.pace.slow == 0
    assert (await ask(served.app, PATH, [encoded("b:1")])).review["allowed"] is True


async def test_without_a_token_nothing_is_asked(serve: Callable[..., Served], tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("right\n", encoding="utf-8")
    served = serve(tokens=Tokens(str(file)))
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "right"}):
        reply = await ask(served.app, PATH, [encoded("a:1")], headers=header)
        assert reply.review["auditAnnotations"] == {"undecided": "unauthenticated"}
    assert served.engine.asked == []
    assert (await ask(served.app, PATH, [encoded("a:1")], headers={"Authorization": "Bearer right"})).review["allowed"]
    assert "right" not in served.log.read_text(encoding="utf-8")


async def test_numbers_that_are_no_integers_are_answered_and_logged(serve: Callable[..., Served]) -> None:
    served = serve()
    body = b'{"spec":{"containers":[{"image":"a:1"}],"n":[1.50,-0,1e3]}}'
    assert (await ask(served.app, PATH, [body])).review["allowed"] is True
    assert b'"n":[1.50,-0,1e3]' in served.log.read_bytes()


async def test_connections_end_where_the_server_is_about_to(serve: Callable[..., Served]) -> None:
    served = serve()
    served.app.draining = True
    reply = await ask(served.app, PATH, [encoded("a:1")])
    assert reply.review["allowed"] is True
    assert reply.headers["connection"] == "close"


async def test_every_answer_has_its_line(serve: Callable[..., Served]) -> None:
    served = serve(Answered({"status": {"allowed": False, "reason": "no"}}))
    await ask(served.app, PATH, [encoded("a:1", "b:2")])
    (line,) = served.lines()
    assert line["decision_id"] == "id-0"
    assert line["images"] == ["a:1", "b:2"]
    assert line["result"] == {"allowed": False, "reason": "no"}
    assert (line["policy_revision"], line["data_revision"]) == ("policy-1", "data-1")
    assert line["input"] == review("a:1", "b:2")
    assert line["requested_by"] == "127.0.0.1:5"
    assert line["metrics"]["total_us"] >= line["metrics"]["evaluation_us"] > 0
    assert b'image_enforcer_reviews_total{allowed="false",cause=""} 1.0' in served.metrics.text()
