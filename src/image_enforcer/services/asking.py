"""Asking the worker about a review's images that are not known, while there is time: the server's side of it.

What it finds out arrives as facts always do. Here it is only asked, and waited for; the review is then informed anew.
Whatever goes wrong, what is not known stays so, with its reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..domain.review import Review
from ..ports.facts import FactsError, State, Worker
from .allowance import Rate
from .informing import Informing

LOOK: Final = 0.05
"""Seconds between two looks at the copy of the facts."""
EARLY: Final = 0.25
"""Seconds of a review's time, or a tenth of a short one, that are kept for informing it anew: many may want them."""
MOST_IMAGES: Final = 100
"""Images in one question: as many as the worker takes."""
WAITING: Final = 64
"""Reviews that may wait at a time."""
HELD: Final = 1 << 20
"""Bytes of all reviews that wait. One alone may be larger."""
RATE: Final = 20.0
"""Questions a second."""
BURST: Final = 4.0
"""Seconds of that which may be used at once."""
PAUSE: Final = 1.0
"""Seconds for which a worker that failed is not asked, twice as many after each further time."""
LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """How long a review may wait, in seconds."""

    most: float
    reserve: float
    """What is left of the caller's own deadline for everything else."""

    def left(self, deadline: float | None, passed: float) -> float:
        """The seconds that a review may wait whose caller gave it so many, of which some have passed."""
        return self.most if deadline is None else min(self.most, deadline - self.reserve - passed)


class Asking:
    """Use it from one event loop. ``clock`` gives seconds; ``told`` hears of failures, and of their end."""

    def __init__(
        self, informing: Informing, worker: Worker, time: Time, clock: Callable[[], float],
        told: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._informing = informing
        self._worker = worker
        self._clock = clock
        self._told = told
        self.time = time
        self._questions: dict[frozenset[str], asyncio.Task[State | None]] = {}
        self._rate = Rate(RATE, BURST, clock)
        self._waiting = 0
        self._held = 0
        self._failures = 0
        self._silent_until = 0.0
        self.draining = False
        """Whether the server is about to stop: no review waits any longer."""

    async def close(self) -> None:
        """Ask no more."""
        self.draining = True
        tasks = list(self._questions.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._worker.close()

    def may_help(self, informed: Review) -> bool:
        """Whether to ask about a review: all that is missing may become known, and there is room to wait for it."""
        if informed.unknown is None or self.draining or self._waiting >= WAITING:
            return False
        if self._clock() < self._silent_until:
            return False
        return 0 < len(self._informing.open(informed)) <= MOST_IMAGES

    async def ask(self, informed: Review, size: int, seconds: float) -> Review:
        """The review as it is informed once the worker was asked, after at most so many seconds.

        ``size`` are the bytes that it holds while it waits.
        """
        if seconds <= 0 or not self.may_help(informed) or (self._waiting and self._held + size > HELD):
            return informed
        question = self._question(self._informing.open(informed))
        if question is None:
            return informed
        self._waiting += 1
        self._held += size
        try:
            return await self._waited(informed, question, seconds)
        finally:
            self._waiting -= 1
            self._held -= size

    async def _waited(self, informed: Review, question: asyncio.Task[State | None], seconds: float) -> Review:
        """The review informed once more, which takes time: not at every change, and not where it is too late."""
        until = self._clock() + seconds
        await self._arrived(question, until - min(EARLY, seconds / 10))
        if self.draining or self._clock() > until or self._informing.is_current(informed):
            return informed
        return self._informing.inform(informed)

    async def _arrived(self, question: asyncio.Task[State | None], until: float) -> None:
        """Wait for the worker's answer, and until the copy has what it speaks of."""
        while not self.draining and (left := until - self._clock()) > 0:
            if not question.done():
                await asyncio.wait({question}, timeout=min(LOOK, left))
                continue
            told = None if question.cancelled() else question.result()
            if told is None or _has(self._informing.state(), told):
                return
            await asyncio.sleep(min(LOOK, left))

    def _question(self, references: frozenset[str]) -> asyncio.Task[State | None] | None:
        """The question that is under way about just these images, or a new one; None where there were too many."""
        found = self._questions.get(references)
        if found is None and self._rate.has_one():
            self._rate.take()
            found = self._questions[references] = asyncio.create_task(self._asked(references))
            found.add_done_callback(lambda _: self._questions.pop(references, None))
        return found

    async def _asked(self, references: frozenset[str]) -> State | None:
        """Which facts have what the worker found; None where it cannot be asked, which is then left for a while."""
        try:
            told = await self._worker.ask(references, self._informing.require.value, self.time.most)
        except FactsError as e:
            self._failures += 1
            self._silent_until = self._clock() + min(LONGEST_PAUSE, PAUSE * 2 ** min(self._failures - 1, 10))
            if self._failures == 1:
                self._told("failed", str(e))
            return None
        if self._failures:
            self._told("recovered", "the worker answers questions again")
        self._failures = 0
        return told


def _has(state: State | None, told: State) -> bool:
    """Whether a copy has what the worker spoke of."""
    return state is not None and state.epoch == told.epoch and state.revision >= told.revision
