"""The store's one list of what is followed: given at a start, and looked at since: others may give another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from ..domain.reference import Repository
from ..domain.watched import Trouble
from ..ports.store import Watching
from .looking import allowing
from .told import Told

EVERY: Final = timedelta(minutes=1)
"""The time between two looks at the list."""
LIST: Final = "list"
"""What troubles with the list are told about."""


class Followed:
    """What one worker has the store follow."""

    def __init__(
        self, store: Watching, named: Collection[Repository], allow: Collection[str], told: Told,
        now: Callable[[], datetime],
    ) -> None:  # fmt: skip
        """``named`` are to be followed, and what ``allow`` has globs for may be, once somebody has asked."""
        self._store = store
        self._named = frozenset(named)
        self._allow = allow
        self._told = told
        self._now = now
        self._next = now() + EVERY
        self._taken = False

    async def give(self) -> None:
        """Give the store the list, what was asked about included, and tell what is no more on it; raises a
        :class:`StoreError`."""
        stays = allowing(self._allow)
        if forgotten := await asyncio.to_thread(self._store.watch, self._named, self._now(), stays):
            self._told.forgotten(forgotten)

    async def look(self) -> None:
        """Tell, once, that somebody gave the store another list, and when this one is followed again."""
        now = self._now()
        if now < self._next:
            return
        self._next = now + EVERY
        there = {w.repository for w in await asyncio.to_thread(self._store.watched)}
        gone = sorted(self._named - there)
        if gone and not self._taken:
            text = (
                f"{len(gone)} of {len(self._named)} repositories that are named here are followed no more, {gone[0]} "
                "say: another sync, worker or up gave this store another list; give it a store of its own with "
                "--store, and start this one again"
            )
            self._told.failed(LIST, Trouble(code="taken", text=text, at=now))
        if self._taken and not gone:
            self._told.recovered(LIST)
        self._taken = bool(gone)
