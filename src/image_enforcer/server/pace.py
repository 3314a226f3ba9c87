"""Asking the engine without holding up the other reviews.

A decision takes microseconds, so it is made at once, in the event loop, with little time to do it in. One that needs
more is made again beside the others, in a thread, with all the time it may have; an engine that waits for something
outside is asked in a thread from the start. Only so many may wait there, in number, in bytes, and for so long; others
are refused as overload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ..ports.policy import Exceeded, Outcome, PolicyEngine, Revision
from ..settings import Bounds

QUEUE: Final = 64
"""Reviews that may wait for a thread."""
PATIENCE: Final = 5.0
"""Seconds that a review may wait for a thread: with the time limit of its evaluation, less than an API server waits."""
HELD: Final = 1 << 20
"""Bytes of all reviews that wait or are evaluated beside the others. One alone may be larger: read, it takes many times
its bytes."""
BLOCKING_THREADS: Final = 16
"""Threads for an engine that waits rather than computes."""


class Pace:
    """Asks one engine. Use it from one event loop."""

    def __init__(self, engine: PolicyEngine, bounds: Bounds, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock
        self._held = 0
        self._inline = bounds.inline
        threads = BLOCKING_THREADS if engine.blocking else bounds.threads
        self._most = threads + QUEUE
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="evaluate")
        self.slow = 0
        """Reviews that are in threads or wait for one."""

    def at_once(self, document: Any) -> tuple[Outcome, Revision] | None:
        """The answer where it comes at once; None where the engine needs longer."""
        if self._engine.blocking:
            return None
        outcome, revision = self._engine.decide(document, self._inline)
        if isinstance(outcome, Exceeded) and outcome.time:
            return None
        return outcome, revision

    async def beside(self, document: Any, size: int) -> tuple[Outcome, Revision] | None:
        """The answer from a thread to a document of ``size`` bytes; None where too many wait, or it waited too long."""
        if self.slow >= self._most or (self.slow and self._held + size > HELD):
            return None
        self.slow += 1
        self._held += size
        latest = self._clock() + PATIENCE
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._in_turn, document, latest)
        finally:
            self.slow -= 1
            self._held -= size

    def _in_turn(self, document: Any, latest: float) -> tuple[Outcome, Revision] | None:
        return self._engine.decide(document) if self._clock() <= latest else None

    def revision(self) -> Revision:
        """What an answer would rest on now."""
        return self._engine.revision()

    def close(self) -> None:
        """Give the threads up; evaluations end by their own limits."""
        self._pool.shutdown(wait=False, cancel_futures=True)
