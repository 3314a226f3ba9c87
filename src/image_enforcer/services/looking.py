"""Looking at a repository: which tags there are, what they point to, and the manifests that are not known yet.

A second look costs one request for the list of tags and one HEAD for each tag that may move. However much a repository
has, a look holds little of it at a time, fetches so many bytes at most and takes so long at most; the next one goes on
with what is missing.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, TypeVar

from ..analysis.platforms import runs_on
from ..domain.digest import Digest
from ..domain.manifest import ImageIndex, Manifest, Platform
from ..domain.reference import Repository
from ..domain.watched import Look, Tag, TagLook, Trouble
from ..ports.registry import NotFound, RateLimited, Registry, RegistryError, Unreachable

AT_ONCE: Final = 8
"""Requests to one registry at a time for one repository."""
BUDGET: Final = 64 << 20
"""Bytes of manifests that one look fetches, some more where several are under way at the end."""
ASKED_BUDGET: Final = 16 << 20
"""The same for a tag that somebody asks about."""
PART: Final = 4 << 20
"""Bytes of manifests that are held before they are handed on."""
LONGEST: Final = timedelta(minutes=10)
"""How long a look takes at most."""
_RESOLVING: Final = 2 / 3
"""The part of that time after which no more tags are resolved: else nothing might ever be fetched."""
TOO_SLOW: Final = "too-slow"
"""The trouble of a tag that a look had no time left for."""
HEAVIEST: Final = 4 << 30
"""Bytes of manifests that the store holds for one repository."""
FULL: Final = "repository-full"
"""The trouble of a tag whose manifest the store has no room for."""
TOO_MUCH: Final = "too-many-bytes"
"""The trouble of a tag whose manifest a look had no bytes left for."""
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
    fetched: int = 0
    """Manifests that were fetched, those among them that were handed on before the end."""


Keep = Callable[[Sequence[Manifest]], Awaitable[None]]
"""Takes manifests that a look has found, while it goes on."""


@dataclass(slots=True)
class _Findings:
    """What one look gathers while it goes on."""

    left: int
    """Bytes that may still be fetched."""
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    """When it began, in seconds of the loop."""
    longest: float = math.inf
    """Seconds that it may take."""
    keep: Keep | None = None
    tags: dict[str, Digest] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    named: set[Digest] = field(default_factory=set)
    """What tags point to: of an index among them, the images are fetched too."""
    asked: dict[Digest, asyncio.Event] = field(default_factory=dict)
    """What has been asked for, and whether that came to its end."""
    manifests: list[Manifest] = field(default_factory=list)
    """Those that were not handed on yet, whole ones."""
    held: int = 0
    """Their bytes."""
    fetched: int = 0
    broken: dict[Digest, Trouble] = field(default_factory=dict)
    room: int | None = None
    """Bytes that the store still has room for; None before that was asked."""
    spent: Trouble | None = None
    full: Trouble | None = None
    slow: Trouble | None = None
    limited: Trouble | None = None
    pause: float = 0.0
    urgent: bool = False
    """Whether somebody waits for it."""
    requests: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    handing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def within(self, part: float = 1.0) -> asyncio.Timeout:
        """Ends what is done in it when that part of the time is over."""
        end = self.began + self.longest * part
        return asyncio.timeout_at(end if math.isfinite(end) else None)


class Looking:
    """Looks at repositories. ``missing`` says which manifests the store does not have."""

    def __init__(
        self, registry: Registry, missing: Callable[[Collection[Digest]], Awaitable[frozenset[Digest]]],
        now: Callable[[], datetime], nodes: tuple[Platform, ...] = (), budget: int = BUDGET,
        longest: timedelta = LONGEST, weight: Callable[[Repository], Awaitable[int]] | None = None,
        heaviest: int = HEAVIEST,
    ) -> None:  # fmt: skip
        """``nodes`` are the platforms whose images are fetched; without any named, all that an index lists.
        ``budget`` are the bytes of manifests that a look fetches, ``longest`` is how long it takes at most. ``weight``
        says how many bytes of manifests the store holds for a repository: of one that has ``heaviest`` or more, nothing
        is fetched. Without it there is always room."""
        self._nodes = nodes
        self._registry = registry
        self._missing = missing
        self._now = now
        self._budget = budget
        self._longest = longest
        self._weight = weight
        self._heaviest = heaviest

    async def look(
        self, repository: Repository, known: Mapping[str, Tag], choice: Choice, keep: Keep | None = None
    ) -> Found:
        """What there is now. Raises a :class:`RegistryError` where not even the tags can be listed.

        ``keep`` is given manifests while the look goes on, in parts, and may raise what ends it; without, all are held
        until the end. What fails for one tag is that tag's trouble. A registry that wants to be left alone is: what is
        not resolved by then keeps what is known of it, in trouble.
        """
        at = self._now()
        found = _Findings(left=self._budget, longest=self._longest.total_seconds(), keep=keep)
        try:
            async with found.within(_RESOLVING):
                listed = [tag async for page in self._registry.tags(repository) for tag in page if choice.wants(tag)]
        except TimeoutError:
            seconds = f"{self._longest.total_seconds() * _RESOLVING:g} s"
            raise Unreachable(f"the list of tags of {repository} did not come to its end within {seconds}") from None
        # Those first that were never seen, or not for the longest: what one look does not reach is reached by the next.
        never = datetime.min.replace(tzinfo=UTC)
        listed = sorted(dict.fromkeys(listed), key=lambda tag: known[tag].seen_at if tag in known else never)
        found.tags = {tag: known[tag].digest for tag in listed if choice.settled(tag, known)}
        await _side_by_side(
            [tag for tag in listed if tag not in found.tags], lambda tag: self._resolve(repository, tag, found)
        )
        found.named = set(found.tags.values())
        await self._fetch(repository, found.named, found)
        for tag, digest in found.tags.items():
            if digest in found.broken:
                found.troubles.setdefault(tag, found.broken[digest])
        gone = {
            tag for tag, trouble in found.troubles.items() if trouble.code == NotFound.code and tag not in found.tags
        }
        look = Look(
            repository=repository, at=at, tags=tuple(sorted(found.tags.items())), listed=frozenset(listed) - gone,
            manifests=_in_order(found.manifests),
            troubles=tuple(sorted((t, trouble) for t, trouble in found.troubles.items() if t not in gone)),
        )  # fmt: skip
        return Found(look=look, pause=found.pause, fetched=found.fetched)

    async def look_at_tag(self, repository: Repository, tag: str) -> TagLook:
        """What one tag points to now, for somebody who waits for it. Raises a :class:`RegistryError` where that cannot
        be told; that there is no such tag can."""
        at = self._now()
        found = _Findings(left=min(self._budget, ASKED_BUDGET), urgent=True)
        try:
            digest = (await self._registry.head(repository, tag, urgent=True)).digest
        except NotFound:
            return TagLook(repository=repository, tag=tag, at=at, digest=None)
        found.named = {digest}
        await self._fetch(repository, found.named, found)
        whole, trouble = _in_order(found.manifests), found.broken.get(digest)
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
            async with found.within(_RESOLVING):
                found.tags[tag] = (await self._registry.head(repository, tag)).digest
        except TimeoutError:
            found.troubles[tag] = self._slow(found)
        except RegistryError as e:
            found.troubles[tag] = self._trouble(e, found)

    async def _fetch(self, repository: Repository, digests: Collection[Digest], found: _Findings) -> None:
        """Those of these that the store does not have, and the images of indexes among them."""
        missing = await self._missing(digests)
        if missing and found.room is None and self._weight is not None:
            found.room = self._heaviest - await self._weight(repository)
        await _side_by_side(sorted(missing), lambda digest: self._fetch_one(repository, digest, found))

    async def _fetch_one(self, repository: Repository, digest: Digest, found: _Findings) -> None:
        under_way = found.asked.get(digest)
        if under_way is not None:
            await under_way.wait()
            return
        ended = found.asked[digest] = asyncio.Event()
        try:
            manifest = await self._content(repository, digest, found)
            # An index within an index is not followed: no runtime starts one by a tag.
            if isinstance(manifest, ImageIndex) and digest in found.named:
                images = [c.digest for c in manifest.platforms if runs_on(c.platform, self._nodes)]
                await self._fetch(repository, images, found)
                failed = next((found.broken[image] for image in images if image in found.broken), None)
                if failed is not None:
                    # It is asked for again, and the image with it: nothing else would ask.
                    found.broken[digest] = failed
                    return
            if manifest is not None:
                await _hold(manifest, found)
        finally:
            ended.set()

    async def _content(self, repository: Repository, digest: Digest, found: _Findings) -> Manifest | None:
        async with found.requests:
            if found.limited is not None:
                found.broken[digest] = found.limited
                return None
            if found.room is not None and found.room <= 0:
                found.broken[digest] = self._full(found)
                return None
            if found.left <= 0:
                found.broken[digest] = self._spent(found)
                return None
            try:
                async with found.within():
                    manifest = await self._registry.manifest(repository, digest, urgent=found.urgent)
            except TimeoutError:
                found.broken[digest] = self._slow(found)
                return None
            except RegistryError as e:
                found.broken[digest] = self._trouble(e, found)
                return None
            found.left -= len(manifest.content)
            if found.room is not None:
                found.room -= len(manifest.content)
            return manifest

    def _full(self, found: _Findings) -> Trouble:
        if found.full is None:
            text = (
                f"the manifests of the repository's tags are more than {self._heaviest >> 20} MiB: no more are fetched"
            )
            found.full = Trouble(code=FULL, text=text, at=self._now())
        return found.full

    def _spent(self, found: _Findings) -> Trouble:
        if found.spent is None:
            text = "its manifests were more bytes than one look fetches: the next one goes on with what is missing"
            found.spent = Trouble(code=TOO_MUCH, text=text, at=self._now())
        return found.spent

    def _slow(self, found: _Findings) -> Trouble:
        if found.slow is None:
            text = f"the look took longer than {found.longest:g} s: the next one goes on with what it did not reach"
            found.slow = Trouble(code=TOO_SLOW, text=text, at=self._now())
        return found.slow

    def _trouble(self, error: RegistryError, found: _Findings) -> Trouble:
        trouble = Trouble(code=error.code, text=str(error), at=self._now())
        if isinstance(error, RateLimited):
            found.pause = max(found.pause, error.retry_after)
            found.limited = trouble
        return trouble


def _in_order(manifests: Collection[Manifest]) -> tuple[Manifest, ...]:
    return tuple(sorted(manifests, key=lambda manifest: manifest.digest))


async def _hold(manifest: Manifest, found: _Findings) -> None:
    """Hold a manifest until the end, or until there are enough of them to be handed on."""
    found.manifests.append(manifest)
    found.held += len(manifest.content)
    found.fetched += 1
    if found.keep is None or found.held < PART:
        return
    async with found.handing:  # who comes meanwhile waits, so that no more is held than is under way
        part, found.manifests, found.held = found.manifests, [], 0
        if part:
            await found.keep(_in_order(part))


async def _side_by_side(items: Sequence[_T], work: Callable[[_T], Awaitable[None]]) -> None:
    """Work on all of them, some at a time; raises what the first one does that fails."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(items))):
                group.create_task(worker())
    except ExceptionGroup as e:  # what was raised is what callers know
        raise e.exceptions[0] from None
