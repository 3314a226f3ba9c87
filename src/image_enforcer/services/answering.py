"""Answering those who decide and ask about images that they do not know: the worker's side of it.

What is looked up for them becomes facts like any other: the answer only says as of which revision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..analysis import digest as digests
from ..domain.facts import Kind
from ..domain.manifest import Platform
from ..domain.reference import ImageReference
from ..ports.facts import State
from ..ports.store import Publishing, Store
from .allowance import BOUNDS, Kept
from .gather import gather
from .informing import Require, counting, may_come
from .look_ups import LookUps, Outcome

LOOK: Final = 0.2
"""Seconds between two looks at whether something became known."""
WAITING: Final = "waiting"
"""The code of what may still become known: it takes longer than was waited for."""
_HURRIED: Final = 30.0
"""Seconds for which it need not be said again that an image is to be scanned first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of asking about one reference: with no code, all is known that was asked for."""

    reference: str
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of asking. Whoever has the facts of this revision has what is known."""

    epoch: str
    revision: int
    found: tuple[Found, ...]


class Answering:
    """Answers by what the store has, and looks up what it does not. ``clock`` gives seconds that only grow."""

    def __init__(
        self, store: Store, look_ups: LookUps, *, scans: bool, now: Callable[[], datetime],
        clock: Callable[[], float], nodes: tuple[Platform, ...] = (),
    ) -> None:  # fmt: skip
        """``scans`` says whether anybody scans images, and ``nodes`` which of them count."""
        self._store = store
        self._facts = _Published(store)
        self._look_ups = look_ups
        self._scans = scans
        self._nodes = nodes
        self._now = now
        self._clock = clock
        self._hurried: Kept[bool] = Kept(BOUNDS.remembered, clock)
        self.draining = False
        """Whether the worker is about to stop: nobody is kept waiting any longer."""

    async def close(self) -> None:
        """End what is under way."""
        self.draining = True
        await self._look_ups.close()

    async def answer(self, asked: Sequence[ImageReference], require: Require, seconds: float) -> Answer:
        """What is known after at most so many seconds. Raises a :class:`StoreError`."""
        until = self._clock() + seconds
        by_name = {str(reference): reference for reference in asked}
        outcomes: dict[str, Outcome | asyncio.Task[Outcome]] = {}
        settled: set[str] = set()  # those whose look-up had ended before what is known was read
        known, since, head = await asyncio.to_thread(self._read, list(by_name))
        while True:
            for name, reference in by_name.items():
                if name not in outcomes and _unresolved(known[name], require):
                    outcomes[name] = self._look_ups.of(reference)
            found = [
                self._found(name, known[name], require, outcomes.get(name), settled=name in settled) for name in by_name
            ]
            waiting = [known[f.reference] for f in found if f.code == WAITING]
            left = until - self._clock()
            if not waiting or left <= 0 or self.draining:
                return Answer(epoch=head[0], revision=head[1], found=tuple(found))
            await self._hurry(waiting)
            if _ended(outcomes) == settled:
                tasks = [outcome for outcome in outcomes.values() if isinstance(outcome, asyncio.Task)]
                await _pause([task for task in tasks if not task.done()], min(LOOK, left))
            ended = _ended(outcomes)
            if ended != settled or since != await asyncio.to_thread(self._store.head):
                settled = ended
                known, since, head = await asyncio.to_thread(self._read, list(by_name))

    def _read(self, names: Collection[str]) -> tuple[dict[str, dict[str, Any]], tuple[str, int], tuple[str, int]]:
        """What is known, a revision of which it has all, and one that has all of it."""
        since = self._store.head()
        return gather(names, self._facts, self._now(), nodes=self._nodes), since, self._store.head()

    def _found(
        self, name: str, known: Mapping[str, Any], require: Require,
        outcome: Outcome | asyncio.Task[Outcome] | None, *, settled: bool,
    ) -> Found:  # fmt: skip
        """What one reference has come to by now. Unless ``settled``, what was found may not have been read yet."""
        reasons = counting(known["unknown"], require)
        if not reasons:
            return Found(reference=name)
        if isinstance(outcome, asyncio.Task):
            if not outcome.done() or outcome.cancelled():
                return Found(reference=name, code=WAITING, text="its registry is being asked")
            outcome = outcome.result()
        if outcome is not None and outcome.code:
            return Found(reference=name, code=outcome.code, text=outcome.text)
        if outcome is not None and not settled:
            return Found(reference=name, code=WAITING, text="what its registry said is being read")
        started = outcome is not None and outcome.more
        for reason in reasons:
            comes = self._scans if reason["code"] == "not-scanned" else started and may_come(reason)
            if not comes:
                return Found(reference=name, code=reason["code"], text=reason["text"])
        return Found(reference=name, code=WAITING, text=reasons[0]["text"])

    async def _hurry(self, known: Sequence[Mapping[str, Any]]) -> None:
        """Have those scanned first of which nothing else is missing, unless that was said already."""
        waiting = {
            digests.parse(facts["digest"])
            for facts in known
            if facts.get("digest") and all(reason["code"] == "not-scanned" for reason in facts["unknown"])
        }
        fresh = [digest for digest in waiting if not self._hurried.get(digest)]
        if fresh and self._scans:
            for digest in fresh:
                self._hurried.put(digest, True, _HURRIED)
            await asyncio.to_thread(self._store.scan_first, fresh, self._now())


class _Published:
    """The store's facts, as they are for those who hold a copy of them."""

    def __init__(self, store: Publishing) -> None:
        self._store = store

    def at_once(self) -> AbstractContextManager[None]:
        """What is not known yet is looked for again, so the revisions need not be one."""
        return nullcontext()

    def state(self) -> State:
        """See the port."""
        epoch, revision = self._store.head()
        return State(epoch=epoch, revision=revision, as_of=None)

    def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
        """See the port. A store reads all that it is asked for."""
        del most
        found = self._store.entries(kind, keys)
        return {key: entry.value for key, entry in found.items() if entry.value is not None}

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """None are asked for here."""
        del kind, start, most
        return ()


def _ended(outcomes: Mapping[str, Outcome | asyncio.Task[Outcome]]) -> set[str]:
    """Those that are not being looked up any more."""
    return {name for name, outcome in outcomes.items() if not isinstance(outcome, asyncio.Task) or outcome.done()}


async def _pause(tasks: Collection[asyncio.Task[Outcome]], seconds: float) -> None:
    """Wait until one of these has ended, or a little."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    else:
        await asyncio.sleep(seconds)


def _unresolved(known: Mapping[str, Any], require: Require) -> bool:
    """Whether a look at the registry may say more about what is known."""
    return any(may_come(r) and r["code"] != "not-scanned" for r in counting(known["unknown"], require))
