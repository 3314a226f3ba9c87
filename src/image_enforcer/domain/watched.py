"""Repositories that are watched, and what a look at one of them found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .digest import Digest
from .manifest import Manifest
from .reference import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why something could not be had: a code for policies and metrics, a text for people, and when that was."""

    code: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A repository whose tags are followed, and how its last looks went."""

    repository: Repository
    next_look: datetime
    looked_at: datetime | None = None
    """When a look last came to its end without trouble."""
    failures: int = 0
    """Looks in a row that did not."""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """What a tag points to. ``seen_at`` is when a registry last said so, ``since`` when it first did."""

    name: str
    digest: Digest
    since: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a repository found; it is recorded as a whole or not at all.

    ``tags`` are those that were resolved, ``listed`` all that exist: a tag that is stored and no longer listed is gone.
    ``troubles`` are the tags that could not be resolved: they keep what is known of them, which grows old.
    """

    repository: Repository
    at: datetime
    tags: tuple[tuple[str, Digest], ...]
    listed: frozenset[str]
    manifests: tuple[Manifest, ...] = ()
    """Those that the store did not have."""
    troubles: tuple[tuple[str, Trouble], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLook:
    """What asking about one tag alone found. ``digest`` is None where the registry says that there is no such tag.

    A ``trouble`` stands beside a digest whose manifest could not be had.
    """

    repository: Repository
    tag: str
    at: datetime
    digest: Digest | None
    manifests: tuple[Manifest, ...] = ()
    """Those that the store did not have."""
    trouble: Trouble | None = None
