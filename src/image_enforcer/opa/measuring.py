"""How long something takes: repeated until it took a while, and reported as Go's benchmarks are.

Python does not count allocations. Bytes are what one evaluation holds at most, blocks what its answer and what was
remembered with it hold in the end; both are measured apart from the time, once, since measuring them slows it down.
"""

from __future__ import annotations

import gc
import sys
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SECONDS: Final = 1.0
"""How long a measurement goes on, about."""

MOST: Final = 1_000_000_000
KEPT: Final = 1_000_000
"""Runs whose times are kept one by one."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found: how often it was done, nanoseconds in all, bytes and blocks for each time.

    ``extra`` has further figures by their unit, ``times`` those of single runs where they were wanted.
    """

    count: int
    time: int
    bytes: int = 0
    blocks: int = 0
    extra: Mapping[str, float] = field(default_factory=dict)
    times: array[int] = field(default_factory=lambda: array("q"))


def measure(
    do: Callable[[], object], *, seconds: float = SECONDS, clock: Callable[[], int] = time.perf_counter_ns,
    memory: bool = True,
) -> Measured:  # fmt: skip
    """Do something as often as fits in a while. What it raises ends the measurement."""
    times: array[int] = array("q")
    count, spent = 1, _timed(do, 1, clock, times)
    wanted = int(seconds * 1e9)
    while spent < wanted and count < MOST:
        likely = wanted * count // max(spent, 1)
        count = min(max(min(likely + likely // 5, 100 * count), count + 1), MOST)
        spent = _timed(do, count, clock, times)
    size, blocks = _held(do) if memory else (0, 0)
    return Measured(count, spent, size, blocks, times=times)


def _timed(do: Callable[[], object], count: int, clock: Callable[[], int], times: array[int]) -> int:
    """Nanoseconds of so many runs; the time between them is that of looking at the clock."""
    gc.collect()
    del times[:]
    spent = 0
    for _ in range(count):
        begun = clock()
        do()
        took = clock() - begun
        spent += took
        if len(times) < KEPT:
            times.append(took)
    return spent


def _held(do: Callable[[], object]) -> tuple[int, int]:
    import tracemalloc

    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        gc.collect()
        tracemalloc.reset_peak()
        before, blocks = tracemalloc.get_traced_memory()[0], sys.getallocatedblocks()
        kept = do()
        held = max(0, sys.getallocatedblocks() - blocks)
        del kept
        return max(0, tracemalloc.get_traced_memory()[1] - before), held
    finally:
        if not tracing:
            tracemalloc.stop()


# --- as Go prints them ---------------------------------------------------------------------------


def figure(value: float) -> str:
    """A figure in ten places before its point, with three digits that count where it is small."""
    size = abs(value)
    for least, width, places in ((99.95, 10, 0), (9.995, 12, 1), (0.9995, 13, 2), (0.09995, 14, 3), (0.009995, 15, 4),
                                 (0.0009995, 16, 5)):  # fmt: skip
        if size == 0 or size >= least:
            return f"{value:{width}.{places}f}" if size else f"{value:10.0f}"
    return f"{value:17.6f}"


def times_text(found: Measured) -> str:
    """How often and how long, and the other figures, tabs between them."""
    out = f"{found.count:8d}\t{figure(found.time / found.count)} ns/op"
    return out + "".join(f"\t{figure(found.extra[unit])} {unit}" for unit in sorted(found.extra))


def memory_text(found: Measured) -> str:
    """Bytes and blocks."""
    return f"{found.bytes:8d} B/op\t{found.blocks:8d} allocs/op"


def document(found: Measured) -> dict[str, Any]:
    """As the JSON of Go's results: totals, not shares."""
    return {
        "N": found.count,
        "T": found.time,
        "Bytes": 0,
        "MemAllocs": found.blocks * found.count,
        "MemBytes": found.bytes * found.count,
        "Extra": dict(sorted(found.extra.items())),
    }
