"""What one worker has claimed of the store's work: kept for as long as it is worked on, recorded, and let go.

A claim runs out, so that another worker does what a dead one had begun. Who lives claims for longer, again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final

from ..ports.store import ClaimLost, LookWork, ScanWork, Store, StoreError, StoreUnreachable

REST: Final = 0.5
"""Seconds between two tries to reach the store."""


class Claims:
    """Those of one worker, for ``lease`` each time. ``unreachable`` is told when the store cannot be reached."""

    def __init__(
        self, store: Store, lease: timedelta, now: Callable[[], datetime],
        unreachable: Callable[[StoreUnreachable], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._lease = lease
        self._now = now
        self._unreachable = unreachable
        self._held: dict[str, LookWork | ScanWork] = {}

    @property
    def held(self) -> Sequence[LookWork | ScanWork]:
        """What is being worked on."""
        return list(self._held.values())

    def term(self, due: datetime | None) -> tuple[datetime, timedelta]:
        """The time as of which work is claimed, now or as of when it is due, and for how long it is from then."""
        now = self._now()
        return (now, self._lease) if due is None else (due, self._lease + (now - due))

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Claim for longer, all the while, what is being worked on."""
        task = asyncio.create_task(self._extend())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @contextmanager
    def holding(self, works: Sequence[LookWork | ScanWork]) -> Iterator[None]:
        """Work on these, which were claimed just now."""
        held = {work.claim.token: work for work in works}
        self._held |= held
        try:
            yield
        finally:
            for token in held:
                self._held.pop(token, None)

    async def recorded(self, work: LookWork | ScanWork, record: Callable[[], int]) -> int | None:
        """Record it, unless somebody else has taken the work meanwhile (None). A store that cannot be reached is tried
        again, for as long as a claim lasts: it may just be restarting. Raises a :class:`StoreError`."""
        try:
            return await self.patiently(record)
        except ClaimLost:
            return None
        finally:
            self._held.pop(work.claim.token, None)

    async def patiently(self, record: Callable[[], int]) -> int:
        """Record it in a store that may be away for as long as a claim lasts. Raises a :class:`StoreError`."""
        until = self._now() + self._lease
        while True:
            try:
                return await asyncio.to_thread(record)
            except StoreUnreachable as e:
                if self._now() >= until:
                    raise
                self._unreachable(e)
                await asyncio.sleep(REST)

    async def let_go(self, works: Sequence[LookWork | ScanWork]) -> None:
        """Leave these to anybody at once: nobody has to wait for the claims to run out."""
        looks = [work for work in works if isinstance(work, LookWork)]
        if looks:
            with suppress(StoreError):  # then they run out
                await asyncio.to_thread(self._store.release_looks, looks, self._now())
        await self._extended([work for work in works if isinstance(work, ScanWork)], self._now())

    async def _extend(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            await self._extended(self.held, self._now() + self._lease)

    async def _extended(self, works: Sequence[LookWork | ScanWork], until: datetime) -> None:
        looks = [work for work in works if isinstance(work, LookWork)]
        scans = [work for work in works if isinstance(work, ScanWork)]
        with suppress(StoreError):  # who records the work says so
            if looks:
                await asyncio.to_thread(self._store.extend_looks, looks, until)
            if scans:
                await asyncio.to_thread(self._store.extend_scans, scans, until)
