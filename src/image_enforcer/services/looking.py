"""Looking at a repository: which tags there are, what they point to, and the manifests that are not known yet.

A second look costs one request for the list of tags and one HEAD for each tag that may move.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from ..analysis.platforms import runs_on
from ..domain.digest import Digest
from ..domain.manifest import ImageIndex, Manifest, Platform
from ..domain.reference import Repository
from ..domain.watched import Look, Tag, TagLook, Trouble
from ..ports.registry import NotFound, RateLimited, Registry, RegistryError

AT_ONCE: Final = 8
"""Requests to one registry at a time for one repository."""
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which tags of a repository are followed. Patterns are globs (``*``, ``?``, ``[…]``) over whole names."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    """Tags that never move once they are known, so that they need not be asked about again."""

    def wants(self, tag: str) -> bool:
        """Whether a tag is followed."""
        return _any(tag, self.include) and not _any(tag, self.exclude)

    def settled(self, tag: str, known: Mapping[str, Tag]) -> bool:
        """Whether what is known of a tag holds for ever."""
        return tag in known and _any(tag, self.immutable)


def allowing(globs: Collection[str]) -> Callable[[Repository], bool]:
    """Whether a repository is one of these, ``registry/path``: a glob for the registry, and one for the path, in which
    ``*`` stands for slashes too.

    Registries are known by their names in lower case alone. Every spelling would be a repository of its own.
    """
    pairs = [(registry.lower(), path) for registry, _, path in (glob.partition("/") for glob in globs)]

    def allowed(repository: Repository) -> bool:
        if repository.registry != repository.registry.lower():
            return False
        return any(fnmatchcase(repository.registry, r) and fnmatchcase(repository.path, p) for r, p in pairs)

    return allowed


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, p) for p in patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found, and how long the registry wants to be left alone, where it does."""

    look: Look
    pause: float = 0.0


@dataclass(slots=True)
class _Findings:
    """What one look gathers while it goes on."""

    tags: dict[str, Digest] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    manifests: dict[Digest, Manifest] = field(default_factory=dict)
    broken: dict[Digest, Trouble] = field(default_factory=dict)
    limited: Trouble | None = None
    pause: float = 0.0
    urgent: bool = False
    """Whether somebody waits for it."""


class Looking:
    """Looks at repositories. ``missing`` says which manifests the store does not have."""

    def __init__(
        self, registry: Registry, missing: Callable[[Collection[Digest]], Awaitable[frozenset[Digest]]],
        now: Callable[[], datetime], nodes: tuple[Platform, ...] = (),
    ) -> None:  # fmt: skip
        """``nodes`` are the platforms whose images are fetched; without any named, all that an index lists."""
        self._nodes = nodes
        self._registry = registry
        self._missing = missing
        self._now = now

    async def look(self, repository: Repository, known: Mapping[str, Tag], choice: Choice) -> Found:
        """What there is now. Raises a :class:`RegistryError` where not even the tags can be listed.

        What fails for one tag is that tag's trouble. A registry that wants to be left alone is: what is not resolved by
        then keeps what is known of it, in trouble.
        """
        at = self._now()
        listed = [tag async for page in self._registry.tags(repository) for tag in page if choice.wants(tag)]
        listed = list(dict.fromkeys(listed))
        found = _Findings()
        found.tags = {tag: known[tag].digest for tag in listed if choice.settled(tag, known)}
        await _side_by_side(
            [tag for tag in listed if tag not in found.tags], lambda tag: self._resolve(repository, tag, found)
        )
        await self._fetch(repository, set(found.tags.values()), found)
        await self._fetch_children(repository, found)
        for tag, digest in found.tags.items():
            if digest in found.broken:
                found.troubles.setdefault(tag, found.broken[digest])
        gone = {
            tag for tag, trouble in found.troubles.items() if trouble.code == NotFound.code and tag not in found.tags
        }
        # An index without one of its images is asked for again, and the image with it: nothing else would ask.
        whole = [m for d, m in sorted(found.manifests.items()) if d not in found.broken]
        look = Look(
            repository=repository, at=at, tags=tuple(sorted(found.tags.items())), listed=frozenset(listed) - gone,
            manifests=tuple(whole),
            troubles=tuple(sorted((t, trouble) for t, trouble in found.troubles.items() if t not in gone)),
        )  # fmt: skip
        return Found(look=look, pause=found.pause)

    async def look_at_tag(self, repository: Repository, tag: str) -> TagLook:
        """What one tag points to now, for somebody who waits for it. Raises a :class:`RegistryError` where that cannot
        be told; that there is no such tag can."""
        at = self._now()
        found = _Findings(urgent=True)
        try:
            digest = (await self._registry.head(repository, tag, urgent=True)).digest
        except NotFound:
            return TagLook(repository=repository, tag=tag, at=at, digest=None)
        await self._fetch(repository, {digest}, found)
        await self._fetch_children(repository, found)
        whole = tuple(m for d, m in sorted(found.manifests.items()) if d not in found.broken)
        trouble = found.broken.get(digest)
        return TagLook(repository=repository, tag=tag, at=at, digest=digest, manifests=whole, trouble=trouble)

    async def has(self, repository: Repository, digest: str) -> bool:
        """Whether a repository has a digest, for somebody who waits for it. Raises a :class:`RegistryError`."""
        try:
            await self._registry.head(repository, digest, urgent=True)
        except NotFound:
            return False
        return True

    async def _resolve(self, repository: Repository, tag: str, found: _Findings) -> None:
        if found.limited is not None:
            found.troubles[tag] = found.limited
            return
        try:
            found.tags[tag] = (await self._registry.head(repository, tag)).digest
        except RegistryError as e:
            found.troubles[tag] = self._trouble(e, found)

    async def _fetch(self, repository: Repository, digests: Collection[Digest], found: _Findings) -> None:
        missing = await self._missing(digests)
        wanted = sorted(d for d in missing if d not in found.manifests and d not in found.broken)

        async def one(digest: Digest) -> None:
            if found.limited is not None:
                found.broken[digest] = found.limited
                return
            try:
                found.manifests[digest] = await self._registry.manifest(repository, digest, urgent=found.urgent)
            except RegistryError as e:
                found.broken[digest] = self._trouble(e, found)

        await _side_by_side(wanted, one)

    async def _fetch_children(self, repository: Repository, found: _Findings) -> None:
        """The images of new indexes. An index within an index is not followed: no runtime starts one by a tag."""
        indexes = [m for m in found.manifests.values() if isinstance(m, ImageIndex)]
        wanted = {index.digest: [c for c in index.platforms if runs_on(c.platform, self._nodes)] for index in indexes}
        await self._fetch(repository, {child.digest for listed in wanted.values() for child in listed}, found)
        for index in indexes:
            for child in wanted[index.digest]:
                if child.digest in found.broken:
                    found.broken.setdefault(index.digest, found.broken[child.digest])

    def _trouble(self, error: RegistryError, found: _Findings) -> Trouble:
        trouble = Trouble(code=error.code, text=str(error), at=self._now())
        if isinstance(error, RateLimited):
            found.pause = max(found.pause, error.retry_after)
            found.limited = trouble
        return trouble


async def _side_by_side(items: Sequence[_T], work: Callable[[_T], Awaitable[None]]) -> None:
    """Work on all of them, some at a time."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(AT_ONCE, len(items))):
            group.create_task(worker())
