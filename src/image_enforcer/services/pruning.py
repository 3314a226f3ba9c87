"""Forgetting what nothing has pointed to for long, lest the store grow with all that ever was.

It is done in parts, each a short transaction, with pauses in which others write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ..ports.store import Keeping
from .told import Told

EVERY: Final = timedelta(hours=1)
ROOM: Final = 1 << 30
"""Bytes of manifests that nothing points to which are kept for all that: a registry can make new ones at any time."""
PAUSE: Final = 0.1
"""Seconds between two parts."""


class Pruning:
    """What one worker does of it. Several on one store take nothing from each other."""

    def __init__(
        self, store: Keeping, keep: timedelta, told: Told, now: Callable[[], datetime], pause: float = PAUSE,
        room: int = ROOM, fresh: timedelta = EVERY,
    ) -> None:  # fmt: skip
        """``keep`` is for how long what nothing points to is kept, for readers that were away and for tags that come
        back; less long where its manifests are more than ``room`` bytes, but for ``fresh`` at least, which is longer
        than any look takes."""
        self._store = store
        self._keep = keep
        self._told = told
        self._now = now
        self._pause = pause
        self._room = room
        self._fresh = fresh
        self._crowded: datetime | None = None
        """Since when there have been too many, in the round that is under way."""
        self._ended: datetime | None = None
        self._count = 0

    async def some(self) -> bool:
        """Forget a part of it, where it is time to; whether there may be more. Raises a :class:`StoreError`."""
        at = self._now()
        if self._ended is not None and self._ended <= at < self._ended + EVERY:
            return False
        if not self._count:
            crowded = await asyncio.to_thread(self._store.crowded, self._room)
            # What was found just now may be pointed to in a moment, when the look has come to its end.
            self._crowded = None if crowded is None else min(crowded, at - self._fresh)
        count = await asyncio.to_thread(self._store.prune, at, self._keep, self._crowded)
        self._count += count
        if count:
            await asyncio.sleep(self._pause)
            return True
        if self._count:
            self._told.pruned(self._count)
        self._count, self._ended = 0, at
        return False
