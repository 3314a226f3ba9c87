"""Delivering facts to a running OPA: the documents that older policies read, kept like the store's.

A sink has no memory of its own: how far it has come stands in the store, and beside it, in the sink itself, a mark. A
sink without the mark has been started anew, and gets everything again. The mark is written after what it stands for, so
that whoever dies in between sends some of it twice and nothing never, and over the mark that was there before that: a
sink that lost it meanwhile has lost the rest too.

What a sink was given that nobody tells of any more (by a store that was replaced, or in places that were changed) would
stay there as if it still held. So before everything is sent anew, the places of the documents are emptied.

One worker at a time writes to a sink, under a claim (see ``holding``). Of one that died, and of a request that was not
answered, nobody knows whether what was sent has arrived, and it may yet, over what is sent after it. The store notes
such a doubt, and some time after the sink was brought up all that may be meant is sent once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from ..analysis.documents import Layout
from ..ports.sink import Sink, SinkForgot
from ..ports.store import ClaimLost, Publishing, Sending, StoreError, Watching
from .holding import Held, holding
from .positions import Doubt, Position, read_document, read_doubt, read_position
from .putting import Putting, Sent

BATCH: Final = 500
"""Changes that are read at a time."""
MARK: Final = ("image_enforcer", "sync")
"""Where a sink says how far it has come."""
LATE: Final = timedelta(minutes=1)
"""How long after a request was given up it may still arrive; where claims are for longer, as long as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one delivery sent."""

    put: int = 0
    deleted: int = 0
    whole: bool = False
    """Whether the sink had lost everything, or never had it."""
    refused: tuple[tuple[str, str], ...] = ()
    """Documents that the sink does not take, and why. They are tried again with the next delivery."""
    elsewhere: bool = False
    """Whether another worker writes to the sink."""


@dataclass(slots=True)
class _Progress:
    """A delivery under way. ``note`` is what the store holds about the sink."""

    note: dict[str, Any]
    position: Position
    sent: Sent
    mark: dict[str, Any]
    """What should stand in the sink as its mark."""
    begun: int = 0
    """How often everything was begun anew."""

    @property
    def whole(self) -> bool:
        """Whether everything is sent, not only what changed."""
        return self.begun > 0


class _Store(Publishing, Watching, Sending, Protocol):
    """What is delivered, of what, and by whom."""


class Delivering:
    """Brings one sink up to the store."""

    def __init__(
        self, store: _Store, sink: Sink, layout: Layout, *, now: Callable[[], datetime],
        lease: timedelta = timedelta(minutes=2), owner: str = "",
    ) -> None:  # fmt: skip
        """``layout`` says where documents are put; which repositories are followed is the store's to say. The sink is
        claimed by ``owner`` for ``lease``, and for longer while it is written to."""
        self._store = store
        self._sink = sink
        self._layout = layout
        self._now = now
        self._lease = lease
        self._owner = owner
        self._late = max(LATE, lease)
        self._reader = f"sink {sink.name}"
        self._putting = Putting(store, layout)

    @property
    def name(self) -> str:
        """The sink's name."""
        return self._sink.name

    async def deliver(self) -> Delivered:
        """Send what changed; raises a :class:`SinkError` or a :class:`StoreError`."""
        watched = await asyncio.to_thread(self._store.watched)
        self._layout = replace(self._layout, repositories=frozenset([w.repository for w in watched]))
        self._putting = Putting(self._store, self._layout)
        if not await self._behind():
            return Delivered()
        try:
            holds = holding(self._store, self._sink, self._reader, self._owner, self._lease, self._now)
            async with holds as held:
                if held is not None:
                    return await self._deliver(held)
        except ClaimLost:
            pass  # whoever has it goes on from the position
        return Delivered(elsewhere=True)

    # --- what there is to do ---------------------------------------------------------------------

    async def _behind(self) -> bool:
        """Whether there is anything to send, which is seen without a claim."""
        note, position, _ = await self._found()
        epoch, newest = await asyncio.to_thread(self._store.head)
        if position is None or (position.epoch, position.revision) != (epoch, newest):
            return True
        doubt = read_doubt(note.get("doubt"))
        if doubt is not None and (not doubt.until or self._over(doubt)):
            return True
        return await self._putting.ripe(note.get("owed", {}))

    async def _found(self) -> tuple[dict[str, Any], Position | None, dict[str, Any]]:
        """What the store notes about the sink, from where on to send (None where everything is to be sent anew), and
        the sink's mark."""
        note = read_document(await asyncio.to_thread(self._store.position, self._reader))
        stands = read_document(await self._sink.get(MARK))
        known, mark = read_position(note.get("position")), read_position(stands)
        if known is None or mark is None or not known.same(mark) or known.layout != self._layout.name:
            return note, None, stands
        if not await self._had(mark):
            return note, None, stands
        return note, known.earlier(mark), stands  # a sink that was put back to an older state goes on from there

    async def _had(self, mark: Position) -> bool:
        """Whether the store was once where a sink is. One that was put back to an older copy, with its notes, may not
        have been."""
        told = await asyncio.to_thread(self._store.changes, mark.revision, 1, mark.began, "", mark.stamp)
        return (told.epoch, told.since) == (mark.epoch, mark.revision)

    def _over(self, doubt: Doubt) -> bool:
        """Whether nothing arrives any more of what is in doubt. One that ends far away is a wrong clock's."""
        left = doubt.until - self._now().timestamp()
        return bool(doubt.until) and not 0 < left <= 2 * self._late.total_seconds()

    # --- delivering ------------------------------------------------------------------------------

    async def _deliver(self, held: Held) -> Delivered:
        note, found, mark = await self._found()
        progress = _Progress(note, found or Position(), Sent(owed=dict(note.get("owed", {})) if found else {}), mark)
        async with self._settling(held, progress):
            if found is None:
                await self._empty(held, progress)
            await self._bring_up(held, progress)
        sent = progress.sent
        return Delivered(
            put=sent.put, deleted=sent.deleted, whole=progress.whole, refused=tuple(sent.refused.items())
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def _settling(self, held: Held, progress: _Progress) -> AsyncIterator[None]:
        """Note what is in doubt after a delivery, however it ends, and give the sink back. A doubt that is over is
        settled by sending from there."""
        began, doubt = progress.position, read_doubt(progress.note.get("doubt"))
        settled = False
        if doubt is not None:
            doubt = replace(doubt, since=doubt.since.earlier(began))
            settled = not held.work.left and self._over(doubt)
            if settled:
                began = progress.position = doubt.since
        if held.work.left:
            doubt = Doubt(since=began if doubt is None else doubt.since)
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                if held.wrote or doubt is not None:
                    began = Position() if progress.whole else began
                    doubt = Doubt(since=began if doubt is None else doubt.since.earlier(began))
                with contextlib.suppress(StoreError):  # then the claim runs out, which tells the next one the same
                    await self._give_back(held, progress, doubt)
        if settled:
            doubt = None
        elif doubt is not None and not doubt.until:
            doubt = replace(doubt, until=(self._now() + self._late).timestamp())
        await self._give_back(held, progress, doubt)

    async def _give_back(self, held: Held, progress: _Progress, doubt: Doubt | None) -> None:
        told = None if doubt is None else asdict(doubt)
        if told != progress.note.get("doubt"):
            await self._note(held, progress, {"doubt": told})
        await asyncio.to_thread(self._store.give_back, held.work)

    async def _bring_up(self, held: Held, progress: _Progress) -> None:
        owed = dict(progress.sent.owed)
        stamp = progress.position.stamp
        rest = ""  # within a revision that comes in parts; the mark stays before it until all of it has been sent
        while True:
            asked = progress.position
            changes = await asyncio.to_thread(self._store.changes, asked.revision, BATCH, asked.began, rest, stamp)
            follows = (changes.since, changes.after) == (asked.revision, rest)
            if not follows or asked.epoch not in ("", changes.epoch):
                owed, rest, stamp = {}, "", ""
                await self._empty(held, progress)
                continue
            await self._putting.send(held, changes.entries, progress.sent, asked.revision)
            rest, stamp = changes.rest, changes.stamp
            progress.position = Position(
                layout=self._layout.name, epoch=changes.epoch, revision=changes.revision, began=changes.began,
                stamp=changes.stamp,
            )  # fmt: skip
            last = changes.revision >= changes.newest
            if last and owed:
                await self._putting.send(held, await self._putting.owed(owed), progress.sent, changes.revision, owed)
            if not rest and progress.position != asked and not await self._kept(progress):
                owed, stamp = {}, ""
                await self._empty(held, progress)
                continue
            if not rest and (progress.position != asked or progress.sent.owed != owed):
                await self._mark(held, progress, only_noted=progress.position == asked)
            if last:
                return

    async def _kept(self, progress: _Progress) -> bool:
        """Whether the sink still has what it was sent; raises :class:`SinkForgot` where it lost that once more."""
        if read_document(await self._sink.get(MARK)) == progress.mark:
            return True
        if progress.begun > 1:
            raise SinkForgot(
                f"{self.name} loses documents while it is sent more: it is restarted again and again, or several "
                "servers answer at this address; name each of them by an address of its own"
            )
        return False

    async def _empty(self, held: Held, progress: _Progress) -> None:
        """Begin anew: the position goes first, and then the mark gives way to one that stands for nothing. Whoever dies
        here is known not to have come to the end, even where a mark that was sent before arrives after that."""
        roots = [*(tuple(root) for root in progress.note.get("roots", ())), *self._layout.roots]
        findings = {tuple(root) for root in progress.note.get("clair", ())} | {self._layout.clair_root}
        progress.position, progress.sent = Position(), replace(progress.sent, owed={}, ahead={}, refused={})
        progress.begun += 1
        if progress.note.get("position"):
            await self._note(held, progress, {"position": None, "owed": {}})
        progress.mark = {"begun": f"{held.work.claim.token} {progress.begun}"}
        await held.put(MARK, json.dumps(progress.mark).encode())
        # Findings go last: an image that is known without them would look clean meanwhile.
        for root in sorted(dict.fromkeys(roots), key=lambda root: (root in findings, root)):
            await held.delete(root)

    async def _mark(self, held: Held, progress: _Progress, *, only_noted: bool) -> None:
        position = asdict(progress.position)
        if not only_noted:
            await held.put(MARK, json.dumps(position, sort_keys=True).encode())
            progress.mark = position
        changed = {
            "position": position, "owed": dict(progress.sent.owed), "roots": self._layout.roots,
            "clair": [self._layout.clair_root],
        }  # fmt: skip
        await self._note(held, progress, changed)

    async def _note(self, held: Held, progress: _Progress, changed: Mapping[str, Any]) -> None:
        note = {**progress.note, **changed}
        await asyncio.to_thread(self._store.note_sent, held.work, json.dumps(note, sort_keys=True))
        progress.note = note
