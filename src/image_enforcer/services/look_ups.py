"""Looking up images for those who wait for them.

Only what is followed is looked up, or what the settings allow to be followed from then on; with the share of a
registry's rate that is left to what is urgent; and within bounds, whoever asks.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ..domain.reference import ImageReference, Repository
from ..domain.watched import TagLook
from ..ports.registry import NotFound, RateLimited, RegistryError
from ..ports.store import Store, StoreError
from .allowance import BOUNDS, Allowance, Bounds, Kept
from .looking import Choice, Looking
from .told import Told

_MISSING: Final = 5.0
_FAILED: Final = 30.0
_DONE: Final = 5.0
"""Seconds for which the outcome of a look-up stands: no such tag, another trouble, or success."""
_LONGEST_PAUSE: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a look-up came to: why there is nothing, or nothing; ``more`` says that a look was started besides."""

    code: str = ""
    text: str = ""
    more: bool = False
    keep: float = _DONE


class LookUps:
    """Those that are under way, and what the last ones came to. ``clock`` gives seconds that only grow."""

    def __init__(
        self, store: Store, looking: Looking, choices: Mapping[Repository, Choice],
        allowed: Callable[[Repository], bool], *, now: Callable[[], datetime], clock: Callable[[], float], told: Told,
        bounds: Bounds = BOUNDS,
    ) -> None:  # fmt: skip
        """``choices`` are followed, others as ``allowed`` says."""
        self._store = store
        self._looking = looking
        self._choices = choices
        self._allowed = allowed
        self._now = now
        self._told = told
        self._bounds = bounds
        self._allowance = Allowance(bounds, clock)
        self._kept: Kept[Outcome] = Kept(bounds.remembered, clock)
        self._under_way: dict[str, asyncio.Task[Outcome]] = {}
        self._busy: Counter[str] = Counter()

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def of(self, reference: ImageReference) -> Outcome | asyncio.Task[Outcome]:
        """The look-up of a reference that is under way, or has just been, or begins now; or why there is none."""
        name, home = str(reference), reference.home
        followed = home in self._choices
        if not followed and not self._allowed(home):
            return Outcome(code="not-followed", text=_not_followed(home))
        if reference.tag is not None and not self._choices.get(home, Choice()).wants(reference.tag):
            return Outcome(code="not-followed", text=f"the tag {reference.tag} of {home} is not followed")
        known = self._under_way.get(name) or self._kept.get(name)
        if known is not None:
            return known
        bounds = self._bounds
        if len(self._under_way) >= bounds.at_once or self._busy[home.registry] >= bounds.at_once_each:
            return Outcome(code="overload", text=f"too many images are being looked up at {home.registry}")
        if not self._allowance.take(str(home) if followed else home.registry):
            return Outcome(code="overload", text=f"{home} was asked about too often")
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

    async def _look_up(self, name: str, reference: ImageReference) -> Outcome:
        try:
            async with asyncio.timeout(self._bounds.longest):
                outcome = await self._outcome(reference)
        except TimeoutError:
            outcome = Outcome(code="unreachable", text=f"{reference.registry} did not answer in time", keep=_FAILED)
        except RegistryError as e:
            pause = e.retry_after if isinstance(e, RateLimited) else 0.0
            outcome = Outcome(code=e.code, text=str(e), keep=min(max(_FAILED, pause), _LONGEST_PAUSE))
        except StoreError as e:
            outcome = Outcome(code="store-unreachable", text=str(e), keep=_DONE)
        self._kept.put(name, outcome, outcome.keep)
        self._told.asked(name, outcome.code)
        return outcome

    async def _outcome(self, reference: ImageReference) -> Outcome:
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
        return Outcome(more=True, keep=_FAILED)

    async def _recorded(self, found: TagLook) -> Outcome:
        """Record what a tag points to; why that helps nobody, where it does not."""
        revision = await asyncio.to_thread(self._store.record_tag, found)
        if found.digest is None:
            return Outcome(code=NotFound.code, text=f"there is no tag {found.tag} in {found.repository}", keep=_MISSING)
        if revision is None:
            if not await self._follow(found.repository):
                return _full(found.repository)
            await asyncio.to_thread(self._store.record_tag, found)
        if found.trouble is not None:
            return Outcome(code=found.trouble.code, text=found.trouble.text, keep=_FAILED)
        return Outcome()

    async def _follow(self, home: Repository) -> bool:
        """Follow a repository from now on, that was found to hold what was asked for; False where there are enough."""
        return await asyncio.to_thread(self._store.follow, home, self._now(), self._bounds.followed)


def _not_followed(home: Repository) -> str:
    if home.registry != home.registry.lower():
        return f"{home} is not followed; write its registry {home.registry.lower()}, the name by which it may be"
    return f"{home} is not followed, and the worker's settings allow no more"


def _absent(reference: ImageReference) -> Outcome:
    return Outcome(code=NotFound.code, text=f"{reference.home} holds no {reference.digest}", keep=_MISSING)


def _full(home: Repository) -> Outcome:
    return Outcome(code="overload", text=f"{home} is not followed: too many are already", keep=_FAILED)
