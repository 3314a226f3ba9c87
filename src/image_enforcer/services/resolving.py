"""Facts with tags as their registries have them now: for decisions that somebody waits for, not for a server's.

What a tag points to is asked; what is known of that digest comes from the facts. A tag that cannot be resolved is in
trouble, whatever the facts say of it; one that is not there any more points to nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final

import msgspec

from ..analysis import facts as published
from ..analysis import reference
from ..domain.facts import Kind
from ..domain.reference import ImageReference
from ..ports.facts import Facts, FactsError, State
from ..ports.registry import NotFound, Registry, RegistryError, Unreachable

AT_ONCE: Final = 64
"""Tags that are asked about at a time."""
AT_ONCE_EACH: Final = 8
"""Those of them at one registry."""
SECONDS: Final = 30.0
"""Seconds that all tags may take together, where nothing else is said."""


class Resolving:
    """See :class:`image_enforcer.ports.facts.Facts`. ``wait`` runs what has to be awaited; each tag is asked about
    once, and all of them take ``seconds`` at most."""

    def __init__(
        self, facts: Facts, registry: Registry, now: Callable[[], datetime],
        wait: Callable[[Coroutine[Any, Any, None]], None], *, seconds: float = SECONDS,
    ) -> None:  # fmt: skip
        self._facts = facts
        self._registry = registry
        self._now = now
        self._wait = wait
        self._seconds = self._left = seconds
        self._found: dict[str, bytes] = {}
        self._answered: set[str] = set()
        self._silent: set[str] = set()
        self.resolved = Resolved(facts, self._found)
        """The facts with what was asked so far, for whoever must not wait."""

    def ask(self, images: Iterable[str]) -> None:
        """Ask about the tags of all these images, side by side, since somebody will."""
        tags: set[str] = set()
        for image in images:
            with contextlib.suppress(reference.BadReference):  # which is said where it is judged
                found = reference.parse(image)
                if found.digest is None:
                    tags.add(str(found))
        with contextlib.suppress(FactsError):  # the same
            self.find(Kind.TAG, sorted(tags))

    def at_once(self) -> AbstractContextManager[None]:
        """See the port. Registries have no revisions."""
        return self._facts.at_once()

    def state(self) -> State:
        """See the port."""
        return self._facts.state()

    def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
        """See the port."""
        known = self._facts.find(kind, keys, most)
        if kind is not Kind.TAG:
            return known
        missing = [key for key in keys if key not in self._found]
        if missing:
            self._wait(self._resolve(missing, known))
        return {key: self._found[key] for key in keys}

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """See the port."""
        return self._facts.keys(kind, start, most)

    async def _resolve(self, keys: Sequence[str], known: Mapping[str, bytes]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        each: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE_EACH))
        clock = asyncio.get_running_loop().time
        began = clock()

        async def one(key: str) -> None:
            found = reference.parse(key)
            try:
                async with asyncio.timeout(self._left), each[found.registry], turns:
                    self._found[key] = await self._tag(found, known.get(key))
            except TimeoutError:
                self._heard_nothing(found.registry)
                why = f"{found.registry} had not said what {found} points to when {self._seconds:g} s were over"
                self._found[key] = self._in_trouble(known.get(key), Unreachable.code, why)

        await asyncio.gather(*(one(key) for key in keys))
        self._left = max(0.0, self._left - (clock() - began))

    async def _tag(self, found: ImageReference, known: bytes | None) -> bytes:
        """The fact about one tag, as it would be published."""
        assert found.tag is not None, "only tags are resolved"
        if found.registry in self._silent:
            why = f"{found.registry} did not answer when it was asked about another image"
            return self._in_trouble(known, Unreachable.code, why)
        try:
            digest = (await self._registry.head(found.home, found.tag, urgent=True)).digest
        except RegistryError as e:
            if not isinstance(e, Unreachable):
                self._answered.add(found.registry)
            else:
                self._heard_nothing(found.registry)
            return self._in_trouble(None if isinstance(e, NotFound) else known, e.code, str(e))
        self._answered.add(found.registry)
        at = self._now().isoformat()
        before = _before(known)
        since = before.get("since") if before.get("digest") == digest else at
        return msgspec.json.encode({"digest": digest, "since": since, "looked_at": at})

    def _heard_nothing(self, registry: str) -> None:
        """A registry that never answered is not asked again; one that did may have a fault of its own."""
        if registry not in self._answered:
            self._silent.add(registry)

    def _in_trouble(self, known: bytes | None, code: str, why: str) -> bytes:
        trouble = {"code": code, "text": why, "at": self._now().isoformat()}
        return msgspec.json.encode({"digest": None} | _before(known) | {"trouble": trouble})


class Resolved:
    """Facts with the tags that were resolved by now: see :class:`image_enforcer.ports.facts.Facts`. Nobody is asked.

    A repository in which a tag was resolved is one of those that there are.
    """

    def __init__(self, facts: Facts, tags: Mapping[str, bytes]) -> None:
        """``tags`` are the facts about tags that come before the others, by key; there may be more of them later."""
        self._facts = facts
        self._tags = tags
        self._known: tuple[int, frozenset[str]] = (0, frozenset())

    def at_once(self) -> AbstractContextManager[None]:
        """See the port."""
        return self._facts.at_once()

    def state(self) -> State:
        """See the port."""
        return self._facts.state()

    def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
        """See the port."""
        known = self._facts.find(kind, keys, most)
        match kind:
            case Kind.TAG:
                return {**known, **{key: self._tags[key] for key in keys if key in self._tags}}
            case Kind.REPOSITORY:
                return {**dict.fromkeys(self._homes() & set(keys), b'{"looked_at":null}'), **known}
            case _:
                return known

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """See the port."""
        known = self._facts.keys(kind, start, most)
        match kind:
            case Kind.TAG:
                more: Collection[str] = self._tags
            case Kind.REPOSITORY:
                more = self._homes()
            case _:
                return known
        return sorted({*known, *(key for key in more if key.startswith(start))})[:most]

    def _homes(self) -> frozenset[str]:
        """The repositories in which a tag was found to point to something."""
        if self._known[0] != len(self._tags):
            found = [key for key, value in self._tags.items() if "trouble" not in msgspec.json.decode(value)]
            self._known = len(self._tags), frozenset(str(reference.parse(key).home) for key in found)
        return self._known[1]


def _before(known: bytes | None) -> dict[str, Any]:
    """What the facts say of a tag; nothing where they cannot be read."""
    if known is not None:
        with contextlib.suppress(published.BadFact):  # then there is only what the registry says
            return published.read(Kind.TAG, known)
    return {}
