"""How long to leave a scanner alone that has enough to do, and one work at a time for those who want the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

FIRST: Final = 1.0
"""Seconds after the first refusal; each further one doubles them."""
LONGEST: Final = 60.0


class Pace:
    """Clair does not say when to come back, so that pauses are ours.

    ``clock`` gives seconds; ``chance`` numbers from 0 to 1, so that many who wait do not come back at once.
    """

    def __init__(self, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self._clock = clock
        self._chance = chance
        self._pause = 0.0
        self._until = 0.0

    def complained(self) -> float:
        """It has enough to do; gives the seconds to leave it alone. Refusals during one pause make it no longer."""
        now = self._clock()
        if now >= self._until:
            self._pause = min(LONGEST, self._pause * 2) or FIRST
            self._until = now + self._pause
        return self._pause * (0.5 + self._chance())

    def went_well(self) -> None:
        """It took what it is sometimes too busy to take."""
        self._pause = self._until = 0.0


T = TypeVar("T")


class Flights(Generic[T]):
    """Work that is done once for all who ask for it at the same time. Who gives up waiting leaves it to the others."""

    def __init__(self) -> None:
        self._flying: dict[str, asyncio.Task[T]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._flying

    async def once(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work gives, or raises, whoever started it."""
        task = self._flying.get(key)
        if task is None:
            task = asyncio.create_task(work())
            self._flying[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: str, done: asyncio.Task[T]) -> None:
        self._flying.pop(key, None)
        if not done.cancelled():
            done.exception()  # seen, though everybody may have given up waiting

    async def close(self) -> None:
        """End all that is under way."""
        tasks = list(self._flying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
