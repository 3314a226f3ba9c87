"""How long something takes: repeated until it took a while, and reported as Go's benchmarks are.

Python does not count allocations. Bytes are what one evaluation holds at most, blocks what its answer and what was
remembered with it hold in the end; both are measured apart from the time, once, since measuring them slows it down.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from .results import Measured, Result

SECONDS: Final = 1.0
"""How long a measurement goes on, about."""

MOST: Final = 1_000_000_000


def measure(
    do: Callable[[], object], *, seconds: float = SECONDS, clock: Callable[[], int] = time.perf_counter_ns,
    memory: bool = True,
) -> Measured:  # fmt: skip
    """Do something as often as fits in a while. What it raises ends the measurement."""
    count, spent = 1, _timed(do, 1, clock)
    wanted = int(seconds * 1e9)
    while spent < wanted and count < MOST:
        likely = wanted * count // max(spent, 1)
        count = min(max(min(likely + likely // 5, 100 * count), count + 1), MOST)
        spent = _timed(do, count, clock)
    size, blocks = _held(do) if memory else (0, 0)
    return Measured(count, spent, size, blocks)


def _timed(do: Callable[[], object], count: int, clock: Callable[[], int]) -> int:
    gc.collect()
    begun = clock()
    for _ in range(count):
        do()
    return clock() - begun


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


def bench_line(result: Result, allocations: bool, gobench: bool) -> str:
    """A test that was measured. In the format of Go's tools its name is one word with capitals."""
    assert result.measured is not None
    name = f"{result.package}.{result.name}"
    if gobench:
        name = "Benchmark" + "".join(part[:1].upper() + part[1:] for part in name.replace("_", ".").split("."))
    return f"{name}\t{times_text(result.measured)}" + (f"\t{memory_text(result.measured)}" if allocations else "")
