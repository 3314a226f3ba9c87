"""Reviews of images that are not known: the worker is asked, within the deadline, or the answer is "unknown"."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.adapters.facts.asking import AskedWorker
from image_enforcer.analysis import review as reading
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.review import Review
from image_enforcer.ports.facts import State
from image_enforcer.server.decision_log import DecisionLog
from image_enforcer.server.logs import Sink
from image_enforcer.server.metrics import Metrics
from image_enforcer.server.pace import Pace
from image_enforcer.server.reviews import PATHS, Reviews
from image_enforcer.server.tokens import Tokens
from image_enforcer.services.asking import BURST, MOST_IMAGES, RATE, WAITING, Asking, Time
from image_enforcer.services.decide import Guard
from image_enforcer.services.informing import Informing, Require
from image_enforcer.settings import Address, Bounds, PolicySource, Serve, Tls
from tests.adapters.facts import replicas
from tests.adapters.registry.asking import until
from tests.contract.contents import NOON
from tests.fakes.registry.http import Connection, Reply, Request, Server
from tests.server.asgi import Scripted, ask, encoded
from tests.server.running import SECONDS, command, environment, request
from tests.services.test_gather import IMAGE, Known, home, image, scan, tag

NEVER = 3600.0
Answer = Callable[[Request, Connection], Awaitable[Reply | None]]


class FakeWorker(Server):
    """Answers questions as a test says, and notes them."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.questions: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.answer: Answer = unwilling

    async def _reply(self, request: Request, connection: Connection) -> Reply | None:
        self.requests.append(request)
        if request.path == "/v1/facts/asked":
            self.questions.append(json.loads(request.body))
            return await self.answer(request, connection)
        return Reply(status=503)


async def unwilling(request: Request, connection: Connection) -> Reply | None:
    """Gives no word."""
    del request
    await connection.wait(NEVER)
    return None


def says(document: Any, status: int = 200) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    async def answer(request: Request, connection: Connection) -> Reply | None:
        del request, connection
        return Reply(status=status, body=body)

    return answer


def answered(revision: int = 1, epoch: str = "e") -> Answer:
    return says({"epoch": epoch, "revision": revision, "images": {}})


@dataclass
class Scene:
    """A server's reviews, its copy of the facts, and the worker that it asks."""

    facts: Known
    worker: FakeWorker
    asking: Asking
    reviews: Reviews
    folder: Path
    told: list[tuple[str, str]] = field(default_factory=list)

    async def status(self, *images: str, query: str = "", **more: Any) -> dict[str, Any]:
        return (await ask(self.reviews, PATHS[0] + query, [encoded(*images)], **more)).review

    async def reason(self, *images: str, query: str = "", **more: Any) -> str:
        status = await self.status(*images, query=query, **more)
        assert status["allowed"] is False
        reason: str = status["reason"]
        return reason

    def finds(self, name: str, then: int = 2) -> None:
        """What the worker finds out arrives."""
        self.facts.put(*tag(IMAGE, name))
        self.facts.revision = then


@pytest.fixture
def worker() -> Iterator[FakeWorker]:
    with FakeWorker() as fake:
        yield fake


Open = Callable[..., contextlib.AbstractAsyncContextManager[Scene]]


@pytest.fixture
def scene(worker: FakeWorker, tmp_path: Path) -> Open:
    return lambda **more: opened(worker, tmp_path, **more)


@contextlib.asynccontextmanager
async def opened(
    worker: FakeWorker, folder: Path, *, most: float = 20.0, require: Require = Require.SCANNED,
    tokens: Tokens | None = None, url: str = "", clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Scene]:  # fmt: skip
    facts = Known(home(), tag(IMAGE), image(), scan())
    informing = Informing(facts, NOON.timestamp, require)
    told: list[tuple[str, str]] = []
    asking = Asking(
        informing,
        AskedWorker(url or worker.url),
        Time(most=most, reserve=2.5),
        clock,
        lambda *said: told.append(said),
    )
    pace = Pace(Scripted(), Bounds(), time.monotonic)
    log = os.open(folder / "decisions.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    reviews = Reviews(
        pace, rego.from_json, Guard(), Bounds(), DecisionLog(Sink(log), lambda: 0.0, lambda: "id"), Metrics(),
        time.perf_counter, tokens, informing.inform, asking,
    )  # fmt: skip
    try:
        yield Scene(facts, worker, asking, reviews, folder, told)
    finally:
        await asking.close()
        pace.close()
        os.close(log)


async def test_what_the_worker_finds_out_decides_the_review_that_asked(scene: Open, worker: FakeWorker) -> None:
    async with scene() as s:

        async def find(request: Request, connection: Connection) -> Reply | None:
            s.finds("new")
            return await answered(2)(request, connection)

        worker.answer = find
        assert await s.status("nginx:new", "nginx:latest") == {"allowed": True}
        assert worker.questions == [
            {"images": ["docker.io/library/nginx:new"], "require": "scanned", "wait": 20.0}
        ]  # fmt: skip
        assert await s.status("nginx:new") == {"allowed": True}
        assert len(worker.questions) == 1
        lines = [json.loads(line) for line in (s.folder / "decisions.log").read_text("utf-8").splitlines()]
        assert [line["facts_revision"] for line in lines] == ["e:2", "e:2"]


async def test_what_it_finds_out_is_waited_for_until_the_copy_has_it(scene: Open, worker: FakeWorker) -> None:
    worker.answer = answered(5)
    async with scene() as s:
        asking = asyncio.create_task(s.status("nginx:new"))
        await until(lambda: bool(worker.questions))
        s.facts.revision = 4  # something else has changed
        await asyncio.sleep(0.2)
        assert not asking.done()
        s.finds("new", 5)
        assert await asking == {"allowed": True}


async def test_what_arrives_without_an_answer_decides_at_the_deadline(scene: Open, worker: FakeWorker) -> None:
    async with scene(most=0.5) as s:
        asking = asyncio.create_task(s.status("nginx:new"))
        await until(lambda: bool(worker.questions))
        s.finds("new")
        assert await asking == {"allowed": True}


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
    asking = Asking(informing, worker, Time(most=5.0, reserve=2.5), clock, lambda *_: None)
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
    tasks = [asyncio.create_task(asking.ask(review, 100, 5.0)) for review in reviews]
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


async def test_the_policy_and_not_the_worker_has_the_last_word(scene: Open, worker: FakeWorker) -> None:
    """An answer that says "known" of what is not changes nothing."""
    worker.answer = says(
        {"epoch": "e", "revision": 1, "images": {"docker.io/library/nginx:new": {"known": True}}, "allowed": True}
    )
    async with scene() as s:
        assert "(not-resolved)" in await s.reason("nginx:new")


@pytest.mark.parametrize("query", ["", "?timeout=30s", "?timeout=2.6s", "?timeout=1m&timeout=2s", "?timeout=soon"])
async def test_a_worker_that_never_answers_is_waited_for_within_the_deadline(scene: Open, query: str) -> None:
    async with scene(most=0.3) as s:
        assert "(not-resolved)" in await s.reason("nginx:new", query=query)
        await until(lambda: len(s.worker.questions) == 1)


@pytest.mark.parametrize("query", ["?timeout=2s", "?timeout=0s", "?timeout=-1s", "?timeout=1ns"])
async def test_whose_deadline_is_near_is_answered_at_once(scene: Open, query: str) -> None:
    async with scene(most=NEVER) as s:
        assert "(not-resolved)" in await s.reason("nginx:new", query=query)
        assert s.worker.questions == []


async def test_others_are_answered_meanwhile(scene: Open, worker: FakeWorker) -> None:
    async with scene() as s:
        waiting = [asyncio.create_task(s.reason(f"nginx:new{n}")) for n in range(10)]
        await until(lambda: len(worker.questions) == 10)
        for _ in range(100):
            assert await s.status("nginx") == {"allowed": True}
        assert not any(task.done() for task in waiting)
        s.asking.draining = True
        assert all("(not-resolved)" in reason for reason in await asyncio.gather(*waiting))


LIES: dict[str, Answer] = {
    "an error": says(b"{}", 500),
    "no such path": says(b"{}", 404),
    "an older worker": says(b"{}", 405),
    "another token": says(b"{}", 401),
    "elsewhere": says(b"", 302),
    "no JSON": says(b"<html>"),
    "nothing": says(b""),
    "another document": says([1]),
    "no revision": says({"epoch": "e"}),
    "a revision that is none": says({"epoch": "e", "revision": "2"}),
    "a revision below all": says({"epoch": "e", "revision": -1}),
    "a revision above all": says({"epoch": "e", "revision": 1 << 70}),
    "another store": answered(1, "other"),
    "a revision to come": answered(1 << 60),
    "too much": says(b'{"epoch": "' + b"x" * (2 << 20) + b'"}'),
    "depths": says(b"[" * 200_000),
    "no text": says(b'{"epoch": "\xff", "revision": 1}'),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_worker_that_lies_changes_nothing(scene: Open, worker: FakeWorker, lie: str) -> None:
    worker.answer = LIES[lie]
    async with scene(most=0.5) as s:
        assert "nobody has looked up what docker.io/library/nginx:new points to (not-resolved)" in await s.reason(
            "nginx:new"
        )
        assert await s.status("nginx") == {"allowed": True}
    assert [r.path for r in worker.requests] == ["/v1/facts/asked"]


async def test_a_worker_that_dies_in_the_middle_is_left_alone_for_a_while(scene: Open, worker: FakeWorker) -> None:
    async def die(request: Request, connection: Connection) -> Reply | None:
        del request
        await connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"epoch": "e", "rev')
        connection.reset()
        return None

    worker.answer = die
    async with scene() as s:
        assert "(not-resolved)" in await s.reason("nginx:new")
        assert [event for event, _ in s.told] == ["failed"]
        assert "(not-resolved)" in await s.reason("nginx:newer")
        assert len(worker.questions) == 1
        worker.answer = answered()
        while len(worker.questions) == 1:
            assert "(not-resolved)" in await s.reason("nginx:newer")
            await asyncio.sleep(0.02)
        assert [event for event, _ in s.told] == ["failed", "recovered"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", f"http://{'a' * 64}:8383"])
async def test_a_worker_that_is_not_there(scene: Open, url: str) -> None:
    async with scene(url=url) as s:
        assert "(not-resolved)" in await s.reason("nginx:new")
        assert [event for event, _ in s.told] == ["failed"]


async def test_those_who_ask_the_same_share_a_question(scene: Open, worker: FakeWorker) -> None:
    worker.answer = answered(2)
    async with scene() as s:
        waiting = [asyncio.create_task(s.status("nginx:new")) for _ in range(20)]
        await until(lambda: bool(worker.questions))
        await asyncio.sleep(0.1)
        s.finds("new")
        assert [await task for task in waiting] == [{"allowed": True}] * 20
        assert len(worker.questions) == 1


async def test_a_flood_of_random_tags_waits_in_small_numbers_and_holds_nobody_up(
    scene: Open, worker: FakeWorker
) -> None:
    async with scene() as s:
        flood = [asyncio.create_task(s.reason(f"nginx:random{n}")) for n in range(500)]
        await until(lambda: sum(task.done() for task in flood) == 500 - WAITING)
        assert await s.status("nginx") == {"allowed": True}
        await until(lambda: len(worker.questions) == WAITING)
        s.asking.draining = True
        assert all("(not-resolved)" in reason for reason in await asyncio.gather(*flood))
        assert len(worker.questions) == WAITING


async def test_a_flood_that_is_answered_quickly_asks_so_often_and_no_more(scene: Open, worker: FakeWorker) -> None:
    worker.answer = answered()
    async with scene(clock=lambda: 1000.0) as s:
        for number in range(200):
            assert "(not-resolved)" in await s.reason(f"nginx:random{number}")
        assert len(worker.questions) == RATE * BURST


async def test_only_so_many_bytes_wait(scene: Open, worker: FakeWorker) -> None:
    async with scene() as s:
        large = [f"nginx:{'x' * 100}{n}" for n in range(MOST_IMAGES)]
        padded = json.loads(encoded(*large)) | {"more": "x" * 700_000}
        body = json.dumps(padded).encode()
        waiting = asyncio.create_task(ask(s.reviews, PATHS[0], [body]))
        await until(lambda: bool(worker.questions))
        reply = await ask(s.reviews, PATHS[0], [json.dumps({**padded, "metadata": {}}).encode()])
        assert "(not-resolved)" in reply.review["reason"]
        s.asking.draining = True
        assert "(not-resolved)" in (await waiting).review["reason"]
        assert len(worker.questions) == 1


@pytest.mark.parametrize(
    "images",
    [
        ("nginx",), ("nginx:new", "nginx:-"), ("nginx:new", "nginx:failed"),
        tuple(f"nginx:{n}" for n in range(MOST_IMAGES + 1)),
    ],
)  # fmt: skip
async def test_nobody_is_asked_where_it_would_help_nothing(
    scene: Open, worker: FakeWorker, images: tuple[str, ...]
) -> None:
    async with scene() as s:
        other = "sha256:" + "1" * 64
        s.facts.put(*tag(other, "failed"))
        s.facts.put(*image(other))
        trouble = {"code": "x", "text": "x", "at": "2026-03-01T12:00:00Z"}
        s.facts.put(*scan(other, state="failed", trouble=trouble))
        await s.status(*images)
        assert worker.questions == []


async def test_nobody_is_asked_where_nothing_is_required_or_there_are_no_facts(scene: Open, worker: FakeWorker) -> None:
    async with scene(require=Require.NOTHING) as s:
        assert await s.status("nginx:new") == {"allowed": True}
    async with scene() as s:
        s.facts.broken = "facts.db: gone"
        assert "(no-facts)" in await s.reason("nginx:new")
    assert worker.questions == []


async def test_an_unscanned_image_is_asked_about_where_that_is_required(scene: Open, worker: FakeWorker) -> None:
    async with scene() as s:
        worker.answer = answered(2)
        s.facts.facts.pop((Kind.SCAN, IMAGE))
        asking = asyncio.create_task(s.status("nginx"))
        await until(lambda: bool(worker.questions))
        s.facts.put(*scan())
        s.facts.revision = 2
        assert await asking == {"allowed": True}
    async with scene(require=Require.RESOLVED) as s:
        s.facts.facts.pop((Kind.SCAN, IMAGE))
        assert await s.status("nginx") == {"allowed": True}
    assert len(worker.questions) == 1


async def test_who_carries_no_token_causes_nothing(scene: Open, worker: FakeWorker, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("good-token\n", "utf-8")
    async with scene(most=0.2, tokens=Tokens(str(tmp_path / "tokens"))) as s:
        assert "[unauthenticated]" in await s.reason("nginx:new")
        assert worker.questions == []
        assert "(not-resolved)" in await s.reason("nginx:new", headers={"authorization": "Bearer good-token"})
        await until(lambda: len(worker.questions) == 1)


async def test_the_quick_way_leaves_it_to_the_other_one(scene: Open, worker: FakeWorker) -> None:
    async with scene(most=0.2) as s:
        said: list[bytes] = []
        assert s.reviews.at_once(PATHS[0], [], None, encoded("nginx"), said.append)
        assert not s.reviews.at_once(PATHS[0], [], None, encoded("nginx:new"), said.append)
        assert len(said) == 1
        assert "(not-resolved)" in await s.reason("nginx:new", tried=True)
        await until(lambda: len(worker.questions) == 1)


# --- settings, and the process ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "token_file", "client_ca", "known"),
    [
        ("127.0.0.1", "", "", True), ("::1", "", "", True), ("0.0.0.0", "", "", False), ("", "", "", False),
        ("0.0.0.0", "tokens", "", True), ("0.0.0.0", "", "ca.pem", True),
    ],
)  # fmt: skip
def test_who_counts_as_known(host: str, token_file: str, client_ca: str, known: bool) -> None:
    settings = Serve(
        source=PolicySource(policies=("p",)), addr=Address(host=host, port=1), token_file=token_file,
        admin_addr=Address(host="127.0.0.1", port=2), tls=Tls(cert_file="c", key_file="k", client_ca_file=client_ca),
    )  # fmt: skip
    assert settings.authenticated is known


POLICY = 'package io.k8s.image_policy\n\nverify := {"status": {"allowed": true}}\n'


@pytest.mark.parametrize("protected", [True, False])
def test_beyond_this_machine_only_those_who_say_who_they_are_have_the_worker_asked(
    worker: FakeWorker, tmp_path: Path, protected: bool
) -> None:
    (tmp_path / "policy.rego").write_text(POLICY, "utf-8")
    (tmp_path / "tokens").write_text("good-token\n", "utf-8")
    worker.answer = answered()
    replicas.made(tmp_path / "facts.db")
    serve = command(
        "serve", "--policy", str(tmp_path / "policy.rego"), "--addr", "0.0.0.0:0", "--allow-http", "--admin-addr",
        "127.0.0.1:0", "--facts", worker.url, "--facts-copy", str(tmp_path / "facts.db"), "--facts-max-age", "0",
        *(("--token-file", str(tmp_path / "tokens")) if protected else ()),
    )  # fmt: skip
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
    try:
        assert process.stderr is not None
        said: list[dict[str, Any]] = []
        while not any(line["msg"] == "ready" for line in said):
            said.append(json.loads(process.stderr.readline()))
        port = int(next(line["addr"] for line in said if line["msg"] == "ready").rpartition(":")[2])
        for headers in ({}, {"Authorization": "Bearer good-token"}):
            status, body = request(port, "POST", "/image-policy", encoded("nginx:new"), headers)
            assert status == 200
            expected = b"[unauthenticated]" if protected and not headers else b"(not-resolved)"
            assert expected in body
        assert len(worker.questions) == int(protected)
        assert any("the worker is not asked" in line["msg"] for line in said) is not protected
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
