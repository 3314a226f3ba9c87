"""Evaluations keep the event loop only briefly, and see one state."""

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded
from image_enforcer.opa.rest import evaluate
from image_enforcer.opa.rest.evaluate import Evaluator, heavy
from image_enforcer.opa.rest.replies import Refused
from image_enforcer.rego import UNDEFINED, Host, LimitError, Limits, RegoSet, parse_module

SLOW = """package p

quick := input.x

slow if {
    some i in numbers.range(1, 3000)
    some j in numbers.range(1, 3000)
    i + j < input.x
}
"""


def made(threads: Any, text: str = SLOW, **limits: Any) -> Evaluator:
    documents = Documents(Loaded({}, {"p": parse_module("p", text)}, {"p": text}))
    return Evaluator(documents, threads, Limits(**limits), Host())


class Counting(ThreadPoolExecutor):
    """Counts what is done on threads."""

    done = 0

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        self.done += 1
        return super().submit(*args, **kwargs)


def test_a_quick_query_moves_to_the_loop_and_a_slow_one_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "QUICK_SECONDS", 1.0)  # what is quick is so on a busy machine too

    async def run() -> None:
        with Counting(1) as threads:
            e = made(threads, seconds=1.5, memory=None)
            answers = [await e.reference(("p", "quick"), {"x": 1}) for _ in range(5)]
            assert [a.value for a in answers] == [1] * 5
            assert [a.cached for a in answers] == [False] + [True] * 4
            assert threads.done == 2  # prepared there, and run there once

            await e.reference(("p", "slow"), {"x": 10_000})
            before = threads.done
            assert (await e.reference(("p", "slow"), {"x": 10_000})).value is True
            assert threads.done == before
            with pytest.raises(LimitError):
                await e.reference(("p", "slow"), {"x": 0})
            assert threads.done == before + 1

    asyncio.run(run())


def test_the_loop_turns_while_a_query_runs_into_its_limit() -> None:
    async def run() -> int:
        with ThreadPoolExecutor(1) as threads:
            e = made(threads, seconds=0.5)
            task = asyncio.ensure_future(e.reference(("p", "slow"), {"x": 0}))
            turns = 0
            while not task.done():
                await asyncio.sleep(0.005)
                turns += 1
            with pytest.raises(LimitError):
                await task
            return turns

    assert asyncio.run(run()) > 3


def test_too_many_that_wait_are_refused() -> None:
    async def run() -> None:
        with ThreadPoolExecutor(1) as threads:
            e = made(threads)
            waiting = [asyncio.ensure_future(e.on_thread(lambda: 1)) for _ in range(evaluate.MAX_WAITING)]
            await asyncio.sleep(0)
            with pytest.raises(Refused) as caught:
                await e.on_thread(lambda: 1)
            assert caught.value.reply.status == 503
            assert await asyncio.gather(*waiting) == [1] * evaluate.MAX_WAITING
            assert await e.on_thread(lambda: 2) == 2

    asyncio.run(run())


def test_code_of_former_queries_is_given_up() -> None:
    async def run() -> None:
        with ThreadPoolExecutor(1) as threads:
            e = made(threads)
            policies = set()
            for i in range(evaluate.MAX_CODE + 10):
                if i % 1000 == 0 or i > evaluate.MAX_CODE:
                    assert (await e.reference(("p", "quick"), {"x": i})).value == i
                e._references.find(("other", i), False)
                policies.add(id(e._references.take(e.state)[0]))
            assert len(policies) == 2

    asyncio.run(run())


def test_prepared_queries_are_bounded_and_go_with_their_policy() -> None:
    async def run() -> None:
        with ThreadPoolExecutor(1) as threads:
            e = made(threads)
            for i in range(evaluate.MAX_PREPARED + 5):
                assert (await e.reference(("x", i), UNDEFINED)).value is UNDEFINED
            assert len(e._references.prepared) == evaluate.MAX_PREPARED
            e._documents.put_policy("p", "package p\n\nquick := 2\n")
            assert (await e.reference(("p", "quick"), UNDEFINED)).value == 2
            assert len(e._references.prepared) == 1

    asyncio.run(run())


def test_a_large_value_is_seen_without_walking_all_of_it() -> None:
    assert not heavy({"a": [1, 2, {"b": "c"}]})
    assert heavy(["x"] * 5000)
    assert heavy("x" * (4 << 20))
    assert heavy(RegoSet({i: i for i in range(5000)}))
    shared: list[Any] = [1]
    for _ in itertools.repeat(None, 40):
        shared = [shared, shared]
    assert heavy(shared)
