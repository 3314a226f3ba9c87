"""Work that goes on side by side, so much of it at a time: each place is taken anew as soon as what it held ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine
from typing import Any


class Slots:
    """``most`` places. One group gets all but a quarter, so that a slow one leaves room for others; work that is
    of no group gets all."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._each = most - (max(1, most // 4) if most > 1 else 0)
        self._going: dict[asyncio.Task[None], str] = {}

    @property
    def free(self) -> int:
        """Places that nothing holds."""
        return self._most - len(self._going)

    @property
    def full(self) -> Collection[str]:
        """The groups that hold as many places as they may."""
        counts = Counter(group for group in self._going.values() if group)
        return [group for group, count in sorted(counts.items()) if count >= self._each]

    def take(self, work: Coroutine[Any, Any, None], group: str = "") -> None:
        """Let work go on in a free place."""
        self._going[asyncio.create_task(work)] = group

    async def one(self) -> bool:
        """Wait until some work has ended; False where there is none. Raises what it did."""
        if self._going:
            await asyncio.wait(self._going, return_when=asyncio.FIRST_COMPLETED)
        return self.swept()

    def swept(self) -> bool:
        """Whether work has ended, whose places are free now; raises what one of it did, the others another time."""
        ended = [task for task in self._going if task.done()]
        for task in ended:
            del self._going[task]
            task.result()
        return bool(ended)

    async def end(self) -> None:
        """End what is going on, whatever it is at."""
        going = list(self._going)
        self._going.clear()
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
