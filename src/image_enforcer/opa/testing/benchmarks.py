"""Tests as benchmarks: each that holds is repeated, one after another."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ...rego import UNDEFINED, Host, Limits, Policy, RegoError, Snapshot, Value
from ...rego.run.limits import QUERY_MEMORY
from ..measuring import SECONDS, measure
from .finding import UnitTest
from .results import Result
from .running import described, error_of, outcomes

TIMER: Final = "timer_rego_query_eval_ns/op"


class Failed(Exception):
    """A test that does not hold, which nobody needs to measure."""


def measured(
    policy: Policy, root: Value, test: UnitTest, *, seconds: float, bench_seconds: float = SECONDS, memory: bool = True,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> Result:  # fmt: skip
    """Measure a test, as often as it takes; ``seconds`` bounds each single run."""
    told = described(test)
    if test.skipped:
        return replace(told, skip=True)
    limits = Limits(seconds=seconds, memory=QUERY_MEMORY)
    begun = clock()
    cases: list[Value] = []

    def once() -> Value:
        cases.clear()
        value = query.value(data=Snapshot(root), limits=limits, host=Host(case=cases.append))
        if value is not True and (value is UNDEFINED or not test.cases):
            raise Failed
        return value

    try:
        query = policy.prepare(test.query)
        found = measure(once, seconds=bench_seconds, clock=clock, memory=memory)
    except RegoError as e:
        return replace(told, duration=clock() - begun, error=error_of(e, None))
    except Failed:
        return replace(told, duration=clock() - begun, fail=True)
    value = once()
    fail, sub = outcomes(value, cases) if test.cases else (False, {})
    found = replace(found, extra={TIMER: found.time / found.count}, times=array("q"))
    return replace(told, duration=clock() - begun, fail=fail, cases=sub, measured=found)
