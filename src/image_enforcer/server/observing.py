"""Health and metrics of who works on a store, on an address of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from ..domain.errors import EnforcerError
from ..ports.store import Backlog, Keeping, StoreError
from ..settings import Address
from .admin import Admin
from .listening import Server, bind
from .protocol import Manners, configuration
from .work_metrics import WorkMetrics

RECEIVE: Final = 10.0
IDLE: Final = 120.0
SLOWEST: Final = 5.0
"""Seconds that the store may take to say how far it has come, lest it counts as out of reach."""


class Observing:
    """Made before the loop starts, so that an address that cannot be had ends it early."""

    def __init__(self, address: Address, metrics: WorkMetrics, store: Keeping, now: Callable[[], datetime]) -> None:
        """Raises :class:`CannotListen`."""
        self._metrics = metrics
        self._store = store
        self._now = now
        self._asking = asyncio.Lock()
        self.socket = bind(address, "--admin-addr")

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer meanwhile."""
        manners = Manners(receive=RECEIVE, idle=IDLE, connections=64)
        server = Server(configuration(Admin(self._ready, self._counted), manners, grace=1.0))
        task = asyncio.create_task(server.serve([self.socket]))
        try:
            yield
        finally:
            server.should_exit = True
            await task

    async def _ready(self) -> str:
        try:
            await self._backlog()
        except EnforcerError as e:
            return str(e)
        return ""

    async def _counted(self) -> bytes:
        try:
            backlog = await self._backlog()
        except EnforcerError:
            backlog = None
        return self._metrics.text(backlog)

    async def _backlog(self) -> Backlog:
        """Asked for by one at a time, however many ask."""
        try:
            async with asyncio.timeout(SLOWEST), self._asking:
                return await asyncio.to_thread(self._store.backlog, self._now())
        except TimeoutError:
            raise StoreError(f"the store has not answered for {SLOWEST:g} s") from None
