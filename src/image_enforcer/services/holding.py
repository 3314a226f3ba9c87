"""Holding a sink: what is claimed is claimed for longer while it is written to, and a claim that ran out ends that.

Nothing is sent under a claim that may have run out, by this process' clock or by the store's. What was sent before that
may arrive later all the same, over what the next worker sends: see ``delivering`` for what is done about it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

from ..ports.sink import Sink
from ..ports.store import ClaimLost, Sending, SinkWork, StoreError


class Held:
    """A sink that may be written to for as long as the claim on it holds."""

    def __init__(self, sink: Sink, work: SinkWork, until: float, now: Callable[[], datetime]) -> None:
        """``until`` is when the claim ends, by the clock of the event loop."""
        self._sink = sink
        self._now = now
        self.work = work
        self.until = until
        self.until_then = work.claim.until
        """The same in UTC: the loop's clock stands while the machine sleeps."""
        self.wrote = False
        """Whether anything was sent, arrived or not."""

    async def put(self, path: Sequence[str], document: bytes) -> None:
        """See :class:`Sink`; raises :class:`ClaimLost` too."""
        self._see()
        await self._sink.put(path, document)

    async def delete(self, path: Sequence[str]) -> None:
        """See :class:`Sink`; raises :class:`ClaimLost` too."""
        self._see()
        await self._sink.delete(path)

    def _see(self) -> None:
        if asyncio.get_running_loop().time() >= self.until or self._now() >= self.until_then:
            raise ClaimLost(f"the claim on {self.work.name} ran out: nothing more is sent")
        self.wrote = True


@contextlib.asynccontextmanager
async def holding(
    store: Sending, sink: Sink, name: str, owner: str, lease: timedelta, now: Callable[[], datetime]
) -> AsyncIterator[Held | None]:
    """Claim a sink and hold it; None where another worker does. Who gives it back is who holds it.

    What is done meanwhile is broken off when the claim ends, and raises :class:`ClaimLost` then.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()  # before the store says until when, so that it never ends there before it does here
    work = await asyncio.to_thread(store.claim_sink, name, owner, now(), lease)
    if work is None:
        yield None
        return
    held = Held(sink, work, began + lease.total_seconds(), now)
    limit = asyncio.timeout_at(held.until)
    try:
        async with limit:
            task = asyncio.create_task(_extend(store, held, lease, now, limit))
            try:
                yield held
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    except TimeoutError:
        if not limit.expired():
            raise
        raise ClaimLost(f"the claim on {name} ran out while it was written to") from None


async def _extend(
    store: Sending, held: Held, lease: timedelta, now: Callable[[], datetime], limit: asyncio.Timeout
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        began, until = loop.time(), now() + lease
        try:
            await asyncio.to_thread(store.extend_sink, held.work, until)
        except ClaimLost:
            held.until = loop.time()
            limit.reschedule(held.until)
            return
        except StoreError:
            continue  # it may just be restarting: until the claim ends there is time for another try
        held.until, held.until_then = began + lease.total_seconds(), until
        limit.reschedule(held.until)
