"""How much one registry is asked: more while it answers, half as much when it complains, nothing while it says wait.

Additive increase, multiplicative decrease. A share of the rate and of the requests under way is left to what is urgent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from ...ports.registry import RateLimited

SLOWEST: Final = 0.05
"""Requests a second that are left when a registry does nothing but complain."""
STEP: Final = 0.02
"""How much of the highest rate each good answer gives back."""
BURST: Final = 1.0
"""Seconds of the rate that may be used at once."""
MOST_PAUSE: Final = 3600.0
ONE_COMPLAINT: Final = 1.0
"""Seconds in which all complaints count as one: they answer requests that were under way together."""
_SOON: Final = 1e-6
"""Seconds too few to wait for: sums of fractions miss the whole by less."""


class Rate:
    """The rate of one registry. ``clock`` gives seconds, ``sleep`` waits for some."""

    def __init__(
        self, name: str, most: float, at_once: int, reserve: float, clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._name = name
        self._most = most
        self._rate = most
        self._reserve = reserve
        self._clock = clock
        self._sleep = sleep
        self._tokens = most * BURST
        self._filled = clock()
        self._paused_until = 0.0
        self._complained_until = 0.0
        self._scarce_until = 0.0
        self._slots = asyncio.Semaphore(at_once)
        # What is left beside the reserve, but one at least: else the background would never come.
        self._background = asyncio.Semaphore(max(1, round(at_once * (1 - reserve))))
        # Only the first in a line waits for the clock: nobody who came later takes what it waited for.
        self._lines = {True: asyncio.Lock(), False: asyncio.Lock()}
        self.downloads = asyncio.Semaphore(max(1, at_once // 2))
        """Held while a layer is read: it may take long, and is no request any more."""

    @property
    def rate(self) -> float:
        """Requests a second that are asked for now at most."""
        return self._rate

    @asynccontextmanager
    async def turn(self, urgent: bool, patience: float, *, counted: bool = False) -> AsyncIterator[None]:
        """Wait for a turn, and hold a place among the requests under way; raises :class:`RateLimited`.

        ``patience`` are the seconds to wait for the rate. ``counted`` marks what a registry's quota counts: those are
        left to what is urgent when few of them remain.
        """
        until = self._clock() + patience
        async with AsyncExitStack() as held:
            if not urgent:
                await held.enter_async_context(self._background)
            await held.enter_async_context(self._slots)
            async with self._lines[urgent]:
                await self._take(urgent, counted, until)
            yield

    async def _take(self, urgent: bool, counted: bool, until: float) -> None:
        while (wait := self._wait(urgent, counted)) > 0:
            if self._clock() + wait > until:
                raise RateLimited(f"{self._name} is asked as often as it takes; wait {wait:.0f} s", wait)
            await self._sleep(wait)
        self._tokens -= 1

    def _wait(self, urgent: bool, counted: bool) -> float:
        """Seconds until there is a turn; 0 where it is now."""
        now = self._clock()
        self._tokens = min(self._rate * BURST + 1, self._tokens + max(0.0, now - self._filled) * self._rate)
        self._filled = now
        kept = 0.0 if urgent else self._rate * BURST * self._reserve
        wait = max(
            self._paused_until - now,
            self._scarce_until - now if counted and not urgent else 0.0,
            (1 + kept - self._tokens) / self._rate,
        )
        return wait if wait > _SOON else 0.0

    def went_well(self) -> None:
        """The registry answered."""
        self._rate = min(self._most, self._rate + self._most * STEP)

    def complained(self, retry_after: float | None) -> float:
        """The registry wants less; gives the seconds to leave it alone."""
        now = self._clock()
        if now >= self._complained_until:
            self._rate = max(min(SLOWEST, self._most), self._rate / 2)
            self._complained_until = now + ONE_COMPLAINT
        self._tokens = min(self._tokens, 0.0)
        pause = min(MOST_PAUSE, max(retry_after or 0.0, 1 / self._rate))
        self._paused_until = max(self._paused_until, now + pause)
        return pause

    def remaining(self, left: int, of: int, window: float) -> None:
        """The registry counts: so many requests are left of so many in so many seconds.

        What is left below the reserve is for what is urgent. When the rest comes back is not said; a tenth of the
        window is waited for before it is tried again.
        """
        if of > 0 and left <= of * self._reserve:
            self._scarce_until = self._clock() + min(MOST_PAUSE, window / 10)
        else:
            self._scarce_until = 0.0
