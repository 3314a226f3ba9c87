"""Facts with tags as their registries have them now: for decisions that somebody waits for, not for a server's.

What a tag points to is asked; what is known of that digest comes from the facts. A tag that cannot be resolved is in
trouble, whatever the facts say of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final

import msgspec

from ..analysis import facts as published
from ..analysis import reference
from ..domain.facts import Kind
from ..domain.reference import ImageReference
from ..ports.facts import Facts, State
from ..ports.registry import Registry, RegistryError

AT_ONCE: Final = 8
"""Tags that are asked about at a time."""


class Resolving:
    """See :class:`image_enforcer.ports.facts.Facts`. ``wait`` runs what has to be awaited; each tag is asked about
    once."""

    def __init__(
        self, facts: Facts, registry: Registry, now: Callable[[], datetime],
        wait: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:  # fmt: skip
        self._facts = facts
        self._registry = registry
        self._now = now
        self._wait = wait
        self._found: dict[str, bytes] = {}

    def at_once(self) -> AbstractContextManager[None]:
        """See the port. Registries have no revisions."""
        return self._facts.at_once()

    def state(self) -> State:
        """See the port."""
        return self._facts.state()

    def find(self, kind: Kind, keys: Collection[str]) -> Mapping[str, bytes]:
        """See the port."""
        known = self._facts.find(kind, keys)
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

        async def one(key: str) -> None:
            async with turns:
                self._found[key] = await self._tag(reference.parse(key), known.get(key))

        await asyncio.gather(*(one(key) for key in keys))

    async def _tag(self, found: ImageReference, known: bytes | None) -> bytes:
        """The fact about one tag, as it would be published."""
        at = self._now().isoformat()
        before: dict[str, Any] = {}
        if known is not None:
            with contextlib.suppress(published.BadFact):  # then there is only what the registry says
                before = published.read(Kind.TAG, known)
        assert found.tag is not None, "only tags are resolved"
        try:
            digest = (await self._registry.head(found.home, found.tag, urgent=True)).digest
        except RegistryError as e:
            trouble = {"code": e.code, "text": str(e), "at": at}
            return msgspec.json.encode({"digest": None} | before | {"trouble": trouble})
        since = before.get("since") if before.get("digest") == digest else at
        return msgspec.json.encode({"digest": digest, "since": since, "looked_at": at})
