"""A scanner of images: told of an image's layers, it answers with a report, or says why there is none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ..domain.digest import Digest
from ..domain.errors import EnforcerError
from ..domain.report import Report


class ScannerError(EnforcerError):
    """Root of what goes wrong with scanners. ``code`` is the reason's name in facts, logs and metrics."""

    code = "scanner-error"


class ScannerUnreachable(ScannerError):
    """No connection, no answer in time, or an answer that says that the scanner is out of order: try again later."""

    code = "scanner-unreachable"


class ScannerBusy(ScannerError):
    """The scanner has enough to do; ``retry_after`` are the seconds to leave it alone."""

    code = "scanner-busy"

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ScannerRefused(ScannerError):
    """The scanner wants other credentials."""

    code = "scanner-refused"


class ScannerLying(ScannerError):
    """The scanner's answer is about something else, or cannot be read."""

    code = "scanner-lying"


class BadNotification(ValueError):
    """A message that is no notification of the scanner's; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer that a scanner fetches itself, from ``url``, which is needed to scan and not to ask for a report."""

    digest: Digest
    size: int
    media_type: str
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    foreign: bool = False
    """Whether the registry does not hold it: scanners leave it out, and reports have the gap ``foreign-layer``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An image to be scanned: its manifest's digest, and its layers, the base first."""

    digest: Digest
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Scanned:
    """The scanner's report."""

    report: Report


@dataclass(frozen=True, slots=True)
class Unscannable:
    """The scanner can say nothing about this image, now or later, unless it becomes another version."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The scanner tried, and could not: a layer that could not be fetched or read. It may be tried again."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The scanner has never been told of this image, or has forgotten it."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The scanner is at it, or its knowledge is not loaded yet; ask again."""

    text: str


Outcome: TypeAlias = Scanned | Unscannable | Failed | Unknown | Pending


class Scanner(Protocol):
    """Every method raises a :class:`ScannerError` and nothing else. May be used for several images at once."""

    @property
    def name(self) -> str:
        """``clair-v1``, ``clair-v4``, ``embedded``: part of what facts are stored under."""

    async def version(self) -> str:
        """What it looks with. Another version means that every image has to be told anew."""

    async def scan(self, subject: Subject) -> Outcome:
        """Tell the scanner of an image, wait until it has looked at its layers, and give its report."""

    async def report(self, subject: Subject) -> Outcome:
        """The report on an image that it was told of: with what is known about vulnerabilities now.

        An image that stays :class:`Pending` here for longer than a scan takes may have been given up halfway: scan it.
        """

    async def forget(self, subject: Subject) -> None:
        """Have it drop what it knows of an image. Whether it knew any is not told."""

    async def close(self) -> None:
        """Give connections up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """What a notification is about. Whatever it says of it, the reports on these images are to be asked for again."""

    images: frozenset[Digest] = frozenset()
    layers: frozenset[str] = frozenset()
    """The scanner's own names of layers: every image that has one of them is meant."""


class Notifier(Protocol):
    """What a scanner says by itself. Methods that ask it raise a :class:`ScannerError` and nothing else."""

    def identifier(self, message: bytes) -> str:
        """The notification that a message is about, which anybody may have sent; raises :class:`BadNotification`."""

    async def affected(self, identifier: str) -> Affected:
        """What a notification is about, as the scanner says. One that it does not have is about nothing."""

    async def read(self, identifier: str) -> None:
        """Mark a notification as read; one that the scanner does not have is as good as read."""

    def names(self, subject: Subject) -> Collection[str]:
        """The scanner's own names of an image's layers, where :class:`Affected` may hold such."""
