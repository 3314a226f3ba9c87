"""Keeping the store like the registries and the scanner, and the sinks like the store.

Everything to do is asked of the store: repositories that are due, images that nobody scanned. So nothing is lost with a
process, and several processes share the work.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from ..domain.manifest import Manifest
from ..domain.reference import Repository
from ..domain.watched import Trouble
from ..ports.registry import RateLimited, RegistryError
from ..ports.scanner import ScannerBusy, ScannerError
from ..ports.sink import SinkError
from ..ports.store import ClaimLost, LookWork, ScanWork, Store, StoreError, StoreUnreachable
from .ailing import Ailing
from .claims import Claims
from .delivering import Delivering
from .followed import Followed
from .looking import Choice, Looking
from .pruning import Pruning
from .scanning import Scanning
from .slots import Slots
from .told import Told
from .undelivered import Undelivered

STORE: Final = "store"
"""What troubles with the store are told about."""
_SPARED: Final = (RateLimited.code, ScannerBusy.code)
"""Kinds of trouble in which somebody says when to come again."""
SLOWEST_LOOK: Final = timedelta(hours=1)
_DOUBT_EVERY: Final = timedelta(minutes=10)
"""The time between two looks for times in the store that cannot be right."""
_SLACK: Final = timedelta(hours=1)
"""How much further ahead than the longest pause a time may be."""
_LONGEST_CLAIM: Final = timedelta(days=1)
"""How far ahead a claim may end: other workers may claim for longer than this one does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is followed, and how eagerly."""

    choices: tuple[tuple[Repository, Choice], ...]
    allow: tuple[str, ...] = ()
    """Globs of repositories that are followed beside them once somebody has asked about an image there."""
    every: timedelta = timedelta(seconds=60)
    """How long after one look the next one comes."""
    looks_at_once: int = 4
    scans_at_once: int = 4
    lease: timedelta = timedelta(minutes=2)
    """How long work is claimed for. It is claimed for longer while it goes on, so that this is how long what a worker
    had begun waits after its death."""


@dataclass(slots=True)
class Summary:
    """What a pass did."""

    looks: int = 0
    scans: int = 0
    put: int = 0
    deleted: int = 0
    troubles: list[tuple[str, Trouble]] = field(default_factory=list)
    elsewhere: int = 0
    """Repositories and images that another worker was at when it came to its end."""
    sinks_elsewhere: list[str] = field(default_factory=list)
    """Sinks that another worker wrote to when they were to be brought up."""
    in_trouble: int = 0
    """Repositories and images that were in trouble then, also where that was found before."""


class Syncing:
    """One worker. ``owner`` is what its claims are called by."""

    def __init__(
        self, store: Store, plan: Plan, looking: Looking, scanning: Scanning | None, sinks: Sequence[Delivering],
        told: Told, now: Callable[[], datetime], owner: str = "", pruning: Pruning | None = None,
    ) -> None:  # fmt: skip
        """Without ``pruning``, the store keeps all that ever was."""
        self._store = store
        self._plan = plan
        self._choices = dict(plan.choices)
        self._looking = looking
        self._scanning = scanning
        self._ailing = Ailing(store, scanning.name if scanning is not None else "")
        self._sinks = sinks
        self._undelivered = Undelivered(store, [sink.name for sink in sinks])
        self._pruning = pruning
        self._told = told
        self._now = now
        self._followed = Followed(store, self._choices, plan.allow, told, now)
        self._owner = owner or f"worker-{uuid.uuid4().hex[:12]}"
        self._claims = Claims(store, plan.lease, now, self._unreachable)
        self._doubted: datetime | None = None
        self._look_slots = Slots(plan.looks_at_once)
        self._scan_slots = Slots(plan.scans_at_once)

    async def follow(self) -> None:
        """Tell the store what is followed, what was asked about included; raises a :class:`StoreError`."""
        await self._followed.give()

    async def once(self) -> Summary:
        """Look at everything that is followed, due or not, scan what has not been or failed, deliver what changed.

        What a registry or the scanner wants left alone is, until then.
        """
        summary = Summary()
        async with self._working():
            await self._doubt(summary)
            began = self._now()
            for left in await asyncio.to_thread(self._store.look_now, began, RateLimited.code):
                text = f"it wants to be left alone until {left.next_look:%Y-%m-%d %H:%M:%S} UTC: not looked at"
                self._failed(str(left.repository), Trouble(code=RateLimited.code, text=text, at=began), summary)
            await self._through(self._look_slots, self._looks, summary, began)
            began = self._now()
            if self._scanning is not None:
                await asyncio.to_thread(self._store.scan_again, self._scanning.name, began, _SPARED)
            await self._through(self._scan_slots, self._scans, summary, began)
            ended = await asyncio.gather(*(step(summary) for step in self._deliveries()), return_exceptions=True)
            for end in ended:
                if isinstance(end, BaseException):
                    raise end
            while await self._prune(summary):
                pass
        backlog = await asyncio.to_thread(self._store.backlog, self._now())
        summary.elsewhere = backlog.under_way
        summary.in_trouble = backlog.failing + (backlog.scans_failed if self._scanning is not None else 0)
        return summary

    async def run(self, rest: Callable[[bool], Awaitable[bool]]) -> None:
        """Look, scan and deliver side by side, since a scan takes long, until ``rest`` says to stop.

        ``rest`` is told whether there was work, and waits a little where there was none. What is under way at the end
        is anybody's at once. A store that cannot be reached is waited for; raises any other :class:`StoreError`.
        """
        steps: list[Callable[[Summary], Awaitable[bool]]] = [self._doubt, self._looks, self._scans, self._list]
        steps += [*self._deliveries(), self._prune]
        async with self._working():
            tasks = [asyncio.create_task(self._again(step, rest)) for step in steps]
            try:
                await asyncio.gather(*tasks)
                for slots in (self._look_slots, self._scan_slots):
                    while await slots.one():
                        pass
            finally:
                await _ended(tasks)

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """Keep what is claimed, and leave to anybody what is under way at the end."""
        async with self._claims.keeping():
            try:
                yield
            finally:
                held = self._claims.held
                await self._look_slots.end()
                await self._scan_slots.end()
                await self._claims.let_go(held)

    async def _through(
        self, slots: Slots, step: Callable[[Summary, datetime | None], Awaitable[bool]], summary: Summary,
        due: datetime | None = None,
    ) -> bool:  # fmt: skip
        """Do what is due, to its end; whether there was any."""
        any_at_all = False
        while await step(summary, due) or await slots.one():
            any_at_all = True
        return any_at_all

    async def _again(self, step: Callable[[Summary], Awaitable[bool]], rest: Callable[[bool], Awaitable[bool]]) -> None:
        while True:
            busy = False
            try:
                busy = await step(Summary())
            except StoreUnreachable as e:
                self._unreachable(e)
            if await rest(busy):
                return

    async def _doubt(self, _: Summary) -> bool:
        """Once in a while, see to what was put off by a clock that was wrong; gives False, since that is no work."""
        now, last = self._now(), self._doubted
        if last is None or not last <= now < last + _DOUBT_EVERY:
            looks = max(self._plan.every, SLOWEST_LOOK) + _SLACK
            scans = (self._scanning.longest if self._scanning is not None else timedelta(days=3660)) + _SLACK
            lease = max(self._plan.lease * 4, _LONGEST_CLAIM)
            await asyncio.to_thread(self._store.doubt, now, looks, scans, lease)
            self._doubted = now
        return False

    async def _list(self, _: Summary) -> bool:
        """See whether the store still follows what this worker is to follow; gives False, since that is no work."""
        await self._followed.look()
        return False

    async def _prune(self, _: Summary) -> bool:
        """Forget some of what nothing points to, where it is time to; whether there may be more."""
        return self._pruning is not None and await self._pruning.some()

    def _unreachable(self, error: StoreUnreachable) -> None:
        self._told.failed(STORE, Trouble(code="store-unreachable", text=str(error), at=self._now()))

    # --- looks -----------------------------------------------------------------------------------

    async def _looks(self, summary: Summary, due: datetime | None = None) -> bool:
        """Begin to look at repositories that are due, by now or at another time, as many as there is room for; whether
        there were any. A registry that is slow holds some of the places, and never all."""
        slots = self._look_slots
        while slots.free <= 0:
            await slots.one()
        slots.swept()
        begun = False
        while slots.free > 0:
            at, lease = self._claims.term(due)
            claimed = await asyncio.to_thread(self._store.claim_looks, self._owner, at, lease, 1, slots.full)
            self._told.recovered(STORE)
            if not claimed:
                break
            for work in claimed:
                slots.take(self._held(work, self._look(work, summary)), work.watched.repository.registry)
            begun = True
        return begun

    async def _held(self, work: LookWork | ScanWork, doing: Coroutine[Any, Any, None]) -> None:
        """Do some work. What ends it otherwise than well leaves it to anybody: others go on."""
        with self._claims.holding([work]):
            try:
                await doing
            except StoreError:
                await self._claims.let_go([work])
                raise

    async def _look(self, work: LookWork, summary: Summary) -> None:
        repository = work.watched.repository
        known = await asyncio.to_thread(self._store.tags, repository)
        summary.looks += 1

        async def keep(part: Sequence[Manifest]) -> None:
            await self._claims.patiently(lambda: self._store.record_manifests(work, part, self._now()))

        try:
            found = await self._looking.look(repository, known, self._choices.get(repository, Choice()), keep)
        except ClaimLost:
            return
        except RegistryError as e:
            pause = self._plan.every * 2 ** min(work.watched.failures, 10)
            if isinstance(e, RateLimited):
                pause = max(pause, _left_alone(e.retry_after))
            trouble = Trouble(code=e.code, text=str(e), at=self._now())
            self._failed(str(repository), trouble, summary)
            next_look = self._now() + min(pause, SLOWEST_LOOK)
            await self._claims.recorded(work, lambda: self._store.record_trouble(work, trouble, next_look))
            return
        for tag, trouble in found.look.troubles:
            self._failed(f"{repository}:{tag}", trouble, summary)
        next_look = self._now() + max(self._plan.every, _left_alone(found.pause))
        revision = await self._claims.recorded(work, lambda: self._store.record_look(work, found.look, next_look))
        look = found.look
        if revision is not None:
            self._told.looked(repository, len(look.tags), found.fetched, len(look.troubles), revision)

    def _failed(self, about: str, trouble: Trouble, summary: Summary) -> None:
        summary.troubles.append((about, trouble))
        self._told.failed(about, trouble)

    # --- scans -----------------------------------------------------------------------------------

    async def _scans(self, summary: Summary, due: datetime | None = None) -> bool:
        """Begin to have images scanned that are due, by now or at another time, as many as there is room for; whether
        there were any."""
        scanning, slots = self._scanning, self._scan_slots
        if scanning is None:
            return False
        while slots.free <= 0:
            await slots.one()
        try:
            version = await scanning.version()
        except ScannerError as e:
            trouble = Trouble(code=e.code, text=str(e), at=self._now())
            self._failed(scanning.name, trouble, summary)
            await self._ailing.note(trouble)
            return False
        await self._ailing.note(None)
        self._told.recovered(scanning.name)
        slots.swept()
        at, lease = self._claims.term(due)
        claimed = await asyncio.to_thread(
            self._store.claim_scans, scanning.name, version, self._owner, at, lease, slots.free
        )
        for work in claimed:
            slots.take(self._held(work, self._scan(scanning, work, version, summary)))
        return bool(claimed)

    async def _scan(self, scanning: Scanning, work: ScanWork, version: str, summary: Summary) -> None:
        result = await scanning.scan(work, version)
        summary.scans += 1
        if await self._claims.recorded(work, lambda: self._store.record_scan(work, result)) is None:
            return
        if result.report is not None:
            self._told.scanned(work, len(result.report.findings), len(result.report.gaps))
        elif result.trouble is not None:
            about = f"{work.home}@{work.manifest.digest}"
            if result.final:  # that is what is to be known of it: nothing is left to do
                self._told.failed(about, result.trouble)
            else:
                self._failed(about, result.trouble, summary)

    # --- sinks -----------------------------------------------------------------------------------

    def _deliveries(self) -> list[Callable[[Summary], Awaitable[bool]]]:
        """A step for each sink: none waits for another."""
        return [partial(self._deliver, sink) for sink in self._sinks] or [self._deliver_nothing]

    async def _deliver_nothing(self, _: Summary) -> bool:
        """Say that there are no sinks; gives False."""
        await self._undelivered.note({})
        return False

    async def _deliver(self, sink: Delivering, summary: Summary) -> bool:
        """Bring a sink up to the store; gives False, since there is nothing left to send then."""
        try:
            done = await sink.deliver()
        except SinkError as e:
            trouble = Trouble(code=e.code, text=str(e), at=self._now())
            self._failed(sink.name, trouble, summary)
            await self._undelivered.note({sink.name: trouble})
            return False
        if done.elsewhere:
            summary.sinks_elsewhere.append(sink.name)
        summary.put += done.put
        summary.deleted += done.deleted
        if done.put or done.deleted:
            self._told.delivered(sink.name, done.put, done.deleted, done.whole)
        ailing: Trouble | None = None
        for document, refused in done.refused:
            trouble = Trouble(code=SinkError.code, text=refused, at=self._now())
            self._failed(f"{sink.name} {document}", trouble, summary)
            ailing = ailing or replace(trouble, text=f"{document}: {refused}")
        await self._undelivered.note({sink.name: ailing})
        return False


def _left_alone(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, SLOWEST_LOOK.total_seconds()))


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End them, whatever they are at."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
