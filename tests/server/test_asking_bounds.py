"""Reviews of images that are not known: how long the worker is waited for, by how many, and how often it is asked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from image_enforcer.server.reviews import PATHS
from image_enforcer.services.asking import BURST, MOST_IMAGES, RATE, WAITING
from tests.adapters.registry.asking import until

from .asgi import ask, encoded
from .asking import NEVER, FakeWorker, Open, answered, opened


@pytest.fixture
def scene(worker: FakeWorker, tmp_path: Path) -> Open:
    return lambda **more: opened(worker, tmp_path, **more)


@pytest.mark.parametrize(
    ("query", "most"),
    [("", 0.3), ("?timeout=30s", 0.3), ("?timeout=4s", NEVER), ("?timeout=1m&timeout=2s", 0.3), ("?timeout=soon", 0.3)],
)
async def test_a_worker_that_never_answers_is_waited_for_within_the_deadline(
    scene: Open, query: str, most: float
) -> None:
    async with scene(most=most) as s:
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
