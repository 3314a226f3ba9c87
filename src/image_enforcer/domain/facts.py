"""Facts as they are published: entries under a kind and a key, each with the revision in which it last changed.

Whatever decides (a replica, a running OPA) holds a copy of the entries and asks for those behind the revision it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an entry is about, and what its key is."""

    REPOSITORY = "repository"
    """How the last look at ``registry/path`` went, and when."""
    TAG = "tag"
    """What ``registry/path:tag`` points to."""
    MANIFEST = "manifest"
    """What the manifest or index of a digest is made of."""
    SCAN = "scan"
    """What a scanner found in the image of a digest, or why nobody knows."""
    LAYER = "layer"
    """What was found in a layer, by its digest, in the shape of Clair's v1 documents."""
    HELD = "held"
    """That tags of ``registry/path`` reach the image of a digest: ``registry/path@digest``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A fact. ``value`` is JSON text; None says that there is no such fact any more."""

    kind: Kind
    key: str
    value: bytes | None
    revision: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The entries behind a revision, the oldest change first, one for each kind and key.

    Of one revision, what goes is told first, then findings of layers, then what they are about; findings that go are
    last: whoever takes them one by one never holds an image without its findings.

    ``epoch`` names the store: revisions of two stores do not compare. ``revision`` is what a reader has once it has
    taken these; where that is less than ``newest``, there are more. ``since`` is the revision that they follow: where
    it is 0, everything is told anew, and what a reader holds and is not told again is gone.
    """

    epoch: str
    since: int
    began: int
    """To be handed back with ``revision``: the newest one when the reader was last told everything anew, from 0."""
    revision: int
    newest: int
    entries: tuple[Entry, ...]
    stamp: str = ""
    """To be handed back too: a word that only this history of the store has at ``revision``, or at ``began`` where that
    is the newer one. A store that was put back to an older copy of itself has another there, or none."""
    after: str = ""
    """The ``rest`` that was asked with, where these follow it; empty where they begin with a revision."""
    rest: str = ""
    """To be handed back too: where these end within a revision that is too large for one answer. Whoever has taken them
    has still not more than ``revision``, and must not be asked about that one half. Empty where they end with it."""
