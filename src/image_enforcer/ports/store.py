"""The store: what the worker knows and has to do. Work is derived from it, so that whoever dies loses nothing.

Each method is one transaction: it happened as a whole or not at all, and once it has returned it outlives the process
and the machine's power. Times are passed in, in UTC. A claim holds until its lease ends, and then is anybody's again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

from ..domain.digest import Digest
from ..domain.errors import EnforcerError
from ..domain.facts import Changes, Entry, Kind
from ..domain.manifest import ImageManifest, Manifest, Platform
from ..domain.reference import Repository
from ..domain.report import Report
from ..domain.watched import Look, Tag, TagLook, Trouble, Watched

PART: Final = 16 << 20
"""Bytes of entries that are read at a time, about. A single entry may be more."""


class StoreError(EnforcerError):
    """Root of what goes wrong with the store."""


class StoreUnreachable(StoreError):
    """The database cannot be reached, or has no room: nothing was recorded. Try again later."""


class StoreUnusable(StoreError):
    """The database is damaged, of another version, or not ours; the text says what to do."""


class ClaimLost(StoreError):
    """The work is somebody else's by now, since the lease ended first, or nobody's any more: nothing was recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Work that belongs to ``owner`` until ``until``. ``token`` is another for each claim."""

    owner: str
    until: datetime
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookWork:
    """A repository that is to be looked at."""

    watched: Watched
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanWork:
    """An image that is to be scanned. ``home`` is a repository that holds it; ``attempts`` failed before."""

    manifest: ImageManifest
    home: Repository
    attempts: int
    indexed: bool
    """Whether this scanner has already looked at its layers in this version: then its report is asked for again."""
    claim: Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """What came of a scan: a report, or why there is none. ``final`` says that trying again cannot help."""

    digest: Digest
    scanner: str
    scanner_version: str
    at: datetime
    report: Report | None = None
    trouble: Trouble | None = None
    final: bool = False
    next_at: datetime
    """When it is to be asked again, or tried again."""
    parts: Mapping[Digest, bytes] | None = None
    """What the report says about each layer, as JSON text; None where it is too incomplete to say anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkWork:
    """A sink that nobody else writes to meanwhile."""

    name: str
    """The reader whose position it is about."""
    claim: Claim
    left: bool
    """Whether its claim before this one ran out: what was sent under that may still be on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTroubles:
    """Images that have no report, or whose report grows old, for one reason: how many, and one of them."""

    code: str
    count: int
    digest: Digest
    text: str
    """What was said about that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagTroubles:
    """Tags that could not be resolved, or whose manifest could not be had, for one reason: how many, and some."""

    code: str
    count: int
    tags: tuple[str, ...]
    """Some of them, as images name them, in the order in which repositories and tags are kept."""
    text: str
    """What was said about the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """How far the work has come."""

    revision: int
    repositories: int
    failing: int
    """Repositories whose last look failed."""
    looks_due: int
    tag_troubles: tuple[TagTroubles, ...] = ()
    """Of tags at which the last look failed; the most frequent first."""
    oldest_look: datetime | None
    """When the repository was looked at that nobody has looked at for the longest; None before each has been."""
    scanner: str
    """The one that the rest is about; empty where there is none."""
    images: int
    """Images that could run."""
    scanned: int
    """Those that have a report."""
    incomplete: int = 0
    """Those of them whose report has gaps."""
    incomplete_one: Digest | None = None
    """One of these."""
    scans_due: int
    under_way: int = 0
    """Repositories and images that some worker is at."""
    scans_failed: int = 0
    """Images whose last scan failed, and where trying again may help."""
    scan_troubles: tuple[ScanTroubles, ...] = ()
    """The most frequent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What somebody wants to know about a store who looks after it."""

    kind: str
    """``sqlite`` or ``postgresql``."""
    place: str
    """Where it is, without secrets."""
    schema: str
    """The revision of its tables; ``""`` where there are none yet."""
    epoch: str
    revision: int
    counts: Mapping[str, int]
    """Rows by table."""
    size: int
    """Bytes."""


class Watching(Protocol):
    """Which repositories are followed, and what their tags point to."""

    def watch(
        self, repositories: Collection[Repository], now: datetime, stays: Callable[[Repository], bool] | None = None
    ) -> Sequence[Repository]:
        """Follow these, and no others but those that are followed and of which ``stays`` is true. New ones are due at
        once; what is not followed any more is forgotten, and given back, in order."""

    def follow(self, repository: Repository, now: datetime, most: int) -> bool:
        """Follow this one too, which is then due at once; False where so many are followed already."""

    def watched(self) -> Sequence[Watched]:
        """All that are followed, in order."""

    def weight(self, repository: Repository) -> int:
        """The bytes of all stored manifests that a repository's tags reach."""

    def hint(self, repository: Repository, now: datetime) -> bool:
        """Somebody says that a followed repository changed: it is due now, or again after the look that is under way.

        False where it is not followed.
        """

    def look_now(self, now: datetime, spared: str) -> Sequence[Watched]:
        """Let all that are followed be due now, and those that somebody is at when they are.

        Those that are not due and in trouble of the kind ``spared``, or a tag of which is, are left alone: these.
        """

    def claim_looks(
        self, owner: str, now: datetime, lease: timedelta, most: int, spared: Collection[str] = ()
    ) -> Sequence[LookWork]:
        """Take repositories that are due, the longest first; none at the registries ``spared``.

        A claim that ran out counts among the ``failures``: the look may be what its owner died of. Where there are any,
        the repository is due again ever later, should this claim run out too.
        """

    def extend_looks(self, works: Collection[LookWork], until: datetime) -> None:
        """Let claims hold until another time. What is somebody else's by now, or being written, stays as it is."""

    def release_looks(self, works: Collection[LookWork], now: datetime) -> None:
        """Give claims back without a word: they are due now and anybody's, and that is no failure."""

    def tags(self, repository: Repository) -> Mapping[str, Tag]:
        """What is known of a repository's tags, by name; one that could never be resolved is not among them."""

    def missing(self, digests: Collection[Digest], nodes: tuple[Platform, ...] = ()) -> frozenset[Digest]:
        """Those of which no manifest is stored whose digest was verified: one of schema 1 is asked for each time.

        Indexes are among them that list an image which is not stored, and which one of ``nodes`` may run (without any
        named, any image).
        """

    def record_manifests(self, work: LookWork, manifests: Collection[Manifest], at: datetime) -> int:
        """Record what a look that is under way has fetched, and publish what tags reach of it; the newest revision.

        Raises :class:`ClaimLost`.
        """

    def record_look(self, work: LookWork, look: Look, next_look: datetime) -> int:
        """Record what a look found, publish what changed by it, and give the claim back; the newest revision.

        What was recorded meanwhile of a tag alone stays, where it was seen after the look began. Raises
        :class:`ClaimLost`.
        """

    def record_tag(self, look: TagLook) -> int | None:
        """Record what one tag points to, of a repository that anybody may be looking at, and publish what changed by
        it; the newest revision. None where the repository is not followed: nothing was recorded.

        A tag that there is none of is forgotten. What was seen later stays. Where something changed during a look,
        another look is due after it.
        """

    def record_trouble(self, work: LookWork, trouble: Trouble, next_look: datetime) -> int:
        """Record that a look failed: what is known stays and grows old. Raises :class:`ClaimLost`."""


class Scanning(Protocol):
    """Which images are to be scanned, and what came of it."""

    def claim_scans(
        self, scanner: str, version: str, owner: str, now: datetime, lease: timedelta, most: int
    ) -> Sequence[ScanWork]:
        """Take images behind tags that this version of the scanner has not seen, or whose report is due.

        First those that it has never seen in any version. What stands in an index under an unknown platform is none.
        A claim that ran out counts among the ``attempts``.
        """

    def scan_again(self, scanner: str, now: datetime, spared: Collection[str]) -> int:
        """Let images be due now whose last scan failed, and of which nobody has said that trying again cannot help; how
        many. Those in trouble of the kinds ``spared`` wait until they are due."""

    def extend_scans(self, works: Collection[ScanWork], until: datetime) -> None:
        """Let claims hold until another time. What is somebody else's by now, or being written, stays as it is."""

    def scan_first(self, digests: Collection[Digest], now: datetime) -> int:
        """Somebody waits for these: those that no scanner has been asked about yet, and images like that in indexes
        among them, are taken before all others. How many those are."""

    def record_scan(self, work: ScanWork, result: ScanResult) -> int:
        """Record a result, publish what changed by it, and give the claim back; the newest revision.

        A report stays, and grows old, when asking again fails, unless that is final. A report without ``parts`` takes
        back what the one before said about layers. Raises :class:`ClaimLost`.
        """

    def use(self, scanner: str, now: datetime) -> int:
        """Let this scanner's word count, and no other's, on every image that it has come to an end with.

        Until then another's counts that has, the last one; the newest revision.
        """

    def report(self, digest: Digest, scanner: str) -> Report | None:
        """The last report on an image."""

    def images(self, scanner: str, after: str, most: int) -> Sequence[ImageManifest]:
        """Images that a scanner is asked about, in the order of their digests, from behind one on."""

    def due_now(self, scanner: str, digests: Collection[Digest] | None, now: datetime) -> int:
        """Somebody says that reports changed (None: any of them): they are due now. How many those are."""


class Publishing(Protocol):
    """The facts, as those read them who decide."""

    def changes(
        self, since: int, most: int, began: int = 0, rest: str = "", stamp: str = "", size: int = PART
    ) -> Changes:
        """The entries behind a revision, about so many, of about so many bytes together.

        Those of one revision are parted only where they alone are more than ``size`` bytes. ``since``, ``began``,
        ``rest`` and ``stamp`` are ``revision`` and the others of the answer before. A revision and a stamp that
        the store never had together, or no more has, or that lie before gone entries which were pruned, give all from
        0; ``began`` tells a reader that stands there from one that is on its way through everything.
        """

    def head(self) -> tuple[str, int]:
        """The store's epoch, and the newest revision."""

    def entries(self, kind: Kind, keys: Collection[str]) -> Mapping[str, Entry]:
        """The entries of these keys that there are, in one look-up."""

    def revisions(self, kind: Kind, keys: Collection[str]) -> Mapping[str, int]:
        """With which revisions the entries of these keys came that there are, however large they are."""

    def manifests(self, digests: Collection[Digest]) -> Mapping[Digest, Manifest]:
        """The stored manifests of these digests, in one look-up."""

    def position(self, reader: str) -> str:
        """What a reader noted last; empty where it never did."""

    def note(self, reader: str, position: str) -> None:
        """Note how far a reader has come."""


class Sending(Protocol):
    """Who writes to which sink: one worker at a time."""

    def claim_sink(self, name: str, owner: str, now: datetime, lease: timedelta) -> SinkWork | None:
        """Take a sink; None while it is somebody else's. ``name`` is that of the reader whose position is noted."""

    def extend_sink(self, work: SinkWork, until: datetime) -> None:
        """Let a claim hold until another time. Raises :class:`ClaimLost`."""

    def note_sent(self, work: SinkWork, position: str) -> None:
        """Note how far a sink has come. Raises :class:`ClaimLost`."""

    def give_back(self, work: SinkWork) -> None:
        """Let a sink be anybody's at once. One that is somebody else's by now stays so."""


class Keeping(Protocol):
    """Looking after a store."""

    def info(self) -> Info:
        """What there is."""

    def backlog(self, now: datetime) -> Backlog:
        """What is done and what is due; takes a few milliseconds for each ten thousand images."""

    def backup(self, to: Path) -> None:
        """Write a copy of it as one new file, a SQLite store with an epoch of its own, consistent and durable.

        Restoring it is opening it. Raises :class:`StoreError`.
        """

    def doubt(self, now: datetime, looks: timedelta, scans: timedelta, lease: timedelta) -> int:
        """Let what is put off or claimed for longer than these from now be due and free; how much that was.

        Nobody who told the time rightly put it off so far: a clock was wrong then.
        """

    def crowded(self, most: int) -> datetime | None:
        """Since when the manifests that nothing points to are more than so many bytes: those are too many that nothing
        has pointed to since then or longer. None where they all have room."""

    def prune(self, now: datetime, keep: timedelta, crowded: datetime | None = None) -> int:
        """Forget manifests, reports and notices of gone entries that nothing has pointed to for so long; how many.

        Of manifests those too that nothing has pointed to since ``crowded``, or longer.

        No more than takes a moment: there may be more of them unless it was none.
        """

    def close(self) -> None:
        """Give connections up."""


class Store(Watching, Scanning, Publishing, Sending, Keeping, Protocol):
    """All of it. Safe to use from several threads."""
