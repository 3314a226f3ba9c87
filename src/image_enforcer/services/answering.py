"""Answering those who decide and ask about images that they do not know: the worker's side of it.

Only what is followed is looked up, or what the settings allow to be followed from then on; with the share of a
registry's rate that is left to what is urgent; and within bounds, whoever asks. What is found becomes facts like any
other: the answer only says as of which revision.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..analysis import digest as digests
from ..domain.facts import Kind
from ..domain.manifest import Platform
from ..domain.reference import ImageReference, Repository
from ..domain.watched import TagLook
from ..ports.facts import State
from ..ports.registry import NotFound, RateLimited, RegistryError
from ..ports.store import Publishing, Store, StoreError
from .allowance import BOUNDS, Allowance, Bounds, Kept
from .gather import gather
from .informing import Require, counting, may_come
from .looking import Choice, Looking
from .syncing import Told

LOOK: Final = 0.2
"""Seconds between two looks at whether something became known."""
WAITING: Final = "waiting"
"""The code of what may still become known: it takes longer than was waited for."""
_MISSING: Final = 5.0
_FAILED: Final = 30.0
_DONE: Final = 5.0
"""Seconds for which the outcome of a look-up stands: no such tag, another trouble, or success."""
_LONGEST_PAUSE: Final = 300.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a look-up came to: why there is nothing, or nothing; ``more`` says that a look was started besides."""

    code: str = ""
    text: str = ""
    more: bool = False
    keep: float = _DONE


class Answering:
    """Answers by what the store has, and looks up what it does not. ``clock`` gives seconds that only grow."""

    def __init__(
        self, store: Store, looking: Looking, choices: Mapping[Repository, Choice],
        allowed: Callable[[Repository], bool], *, scans: bool, now: Callable[[], datetime],
        clock: Callable[[], float], told: Told, nodes: tuple[Platform, ...] = (), bounds: Bounds = BOUNDS,
    ) -> None:  # fmt: skip
        """``choices`` are followed, others as ``allowed`` says; ``scans`` says whether anybody scans images, and
        ``nodes`` which of them count."""
        self._store = store
        self._facts = _Published(store)
        self._looking = looking
        self._choices = choices
        self._allowed = allowed
        self._scans = scans
        self._nodes = nodes
        self._now = now
        self._clock = clock
        self._told = told
        self._bounds = bounds
        self._allowance = Allowance(bounds, clock)
        self._kept: Kept[_Outcome] = Kept(bounds.remembered, clock)
        self._under_way: dict[str, asyncio.Task[_Outcome]] = {}
        self._busy: Counter[str] = Counter()
        self._hurried: Kept[bool] = Kept(bounds.remembered, clock)
        self.draining = False
        """Whether the worker is about to stop: nobody is kept waiting any longer."""

    async def close(self) -> None:
        """End what is under way."""
        self.draining = True
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def answer(self, asked: Sequence[ImageReference], require: Require, seconds: float) -> Answer:
        """What is known after at most so many seconds. Raises a :class:`StoreError`."""
        until = self._clock() + seconds
        by_name = {str(reference): reference for reference in asked}
        outcomes: dict[str, _Outcome | asyncio.Task[_Outcome]] = {}
        known, since, head = await asyncio.to_thread(self._read, list(by_name))
        while True:
            for name, reference in by_name.items():
                if name not in outcomes and _unresolved(known[name], require):
                    outcomes[name] = self._looked_up(name, reference)
            found = [self._found(name, known[name], require, outcomes.get(name)) for name in by_name]
            waiting = [known[f.reference] for f in found if f.code == WAITING]
            left = until - self._clock()
            if not waiting or left <= 0 or self.draining:
                return Answer(epoch=head[0], revision=head[1], found=tuple(found))
            await self._hurry(waiting)
            tasks = [o for o in outcomes.values() if isinstance(o, asyncio.Task) and not o.done()]
            if tasks:
                await asyncio.wait(tasks, timeout=min(LOOK, left), return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(min(LOOK, left))
            if since != await asyncio.to_thread(self._store.head):
                known, since, head = await asyncio.to_thread(self._read, list(by_name))

    def _read(self, names: Collection[str]) -> tuple[dict[str, dict[str, Any]], tuple[str, int], tuple[str, int]]:
        """What is known, a revision of which it has all, and one that has all of it."""
        since = self._store.head()
        return gather(names, self._facts, self._now(), nodes=self._nodes), since, self._store.head()

    def _found(
        self, name: str, known: Mapping[str, Any], require: Require,
        outcome: _Outcome | asyncio.Task[_Outcome] | None,
    ) -> Found:  # fmt: skip
        """What one reference has come to by now."""
        reasons = counting(known["unknown"], require)
        if not reasons:
            return Found(reference=name)
        if isinstance(outcome, asyncio.Task):
            if not outcome.done() or outcome.cancelled():
                return Found(reference=name, code=WAITING, text="its registry is being asked")
            outcome = outcome.result()
        if outcome is not None and outcome.code:
            return Found(reference=name, code=outcome.code, text=outcome.text)
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
                self._hurried.put(digest, True, _FAILED)
            await asyncio.to_thread(self._store.scan_first, fresh, self._now())

    # --- look-ups --------------------------------------------------------------------------------

    def _looked_up(self, name: str, reference: ImageReference) -> _Outcome | asyncio.Task[_Outcome]:
        """The look-up of a reference that is under way, or has just been, or begins now; or why there is none."""
        home = reference.home
        followed = home in self._choices
        if not followed and not self._allowed(home):
            return _Outcome(
                code="not-followed", text=f"{home} is not followed, and the worker's settings allow no more"
            )
        if reference.tag is not None and not self._choices.get(home, Choice()).wants(reference.tag):
            return _Outcome(code="not-followed", text=f"the tag {reference.tag} of {home} is not followed")
        known = self._under_way.get(name) or self._kept.get(name)
        if known is not None:
            return known
        bounds = self._bounds
        if len(self._under_way) >= bounds.at_once or self._busy[home.registry] >= bounds.at_once_each:
            return _Outcome(code="overload", text=f"too many images are being looked up at {home.registry}")
        if not self._allowance.take(str(home) if followed else home.registry):
            return _Outcome(code="overload", text=f"{home} was asked about too often")
        self._busy[home.registry] += 1
        task = asyncio.create_task(self._look_up(name, reference))
        self._under_way[name] = task
        task.add_done_callback(lambda _: self._ended(name, home.registry))
        return task

    def _ended(self, name: str, registry: str) -> None:
        self._under_way.pop(name, None)
        self._busy[registry] -= 1
        if not self._busy[registry]:
            del self._busy[registry]

    async def _look_up(self, name: str, reference: ImageReference) -> _Outcome:
        try:
            async with asyncio.timeout(self._bounds.longest):
                outcome = await self._outcome(reference)
        except TimeoutError:
            outcome = _Outcome(code="unreachable", text=f"{reference.registry} did not answer in time", keep=_FAILED)
        except RegistryError as e:
            pause = e.retry_after if isinstance(e, RateLimited) else 0.0
            outcome = _Outcome(code=e.code, text=str(e), keep=min(max(_FAILED, pause), _LONGEST_PAUSE))
        except StoreError as e:
            outcome = _Outcome(code="store-unreachable", text=str(e), keep=_DONE)
        self._kept.put(name, outcome, outcome.keep)
        self._told.asked(name, outcome.code)
        return outcome

    async def _outcome(self, reference: ImageReference) -> _Outcome:
        """Look a reference up and record it. Raises :class:`RegistryError` and :class:`StoreError`.

        What a digest names is published where some tag reaches it: that is for a look at the whole repository to find
        out, which is started only where the digest is there.
        """
        home = reference.home
        if reference.digest is None:
            assert reference.tag is not None, "a reference has a tag where it has no digest"
            return await self._recorded(await self._looking.look_at_tag(home, reference.tag))
        if not await self._looking.has(home, reference.digest):
            return _absent(reference)
        if not await asyncio.to_thread(self._store.hint, home, self._now()) and not await self._follow(home):
            return _full(home)
        return _Outcome(more=True, keep=_FAILED)

    async def _recorded(self, found: TagLook) -> _Outcome:
        """Record what a tag points to; why that helps nobody, where it does not."""
        revision = await asyncio.to_thread(self._store.record_tag, found)
        if found.digest is None:
            return _Outcome(
                code=NotFound.code, text=f"there is no tag {found.tag} in {found.repository}", keep=_MISSING
            )
        if revision is None:
            if not await self._follow(found.repository):
                return _full(found.repository)
            await asyncio.to_thread(self._store.record_tag, found)
        if found.trouble is not None:
            return _Outcome(code=found.trouble.code, text=found.trouble.text, keep=_FAILED)
        return _Outcome()

    async def _follow(self, home: Repository) -> bool:
        """Follow a repository from now on, that was found to hold what was asked for; False where there are enough."""
        return await asyncio.to_thread(self._store.follow, home, self._now(), self._bounds.followed)


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

    def find(self, kind: Kind, keys: Collection[str]) -> Mapping[str, bytes]:
        """See the port."""
        found = self._store.entries(kind, keys)
        return {key: entry.value for key, entry in found.items() if entry.value is not None}

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """None are asked for here."""
        del kind, start, most
        return ()


def _unresolved(known: Mapping[str, Any], require: Require) -> bool:
    """Whether a look at the registry may say more about what is known."""
    return any(may_come(r) and r["code"] != "not-scanned" for r in counting(known["unknown"], require))


def _absent(reference: ImageReference) -> _Outcome:
    return _Outcome(code=NotFound.code, text=f"{reference.home} holds no {reference.digest}", keep=_MISSING)


def _full(home: Repository) -> _Outcome:
    return _Outcome(code="overload", text=f"{home} is not followed: too many are already", keep=_FAILED)
