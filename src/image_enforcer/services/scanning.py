"""Having an image scanned: its layers are named to the scanner, and what it says becomes a result to be recorded.

Whatever goes wrong is a trouble with a name. Nothing here takes the absence of a report for the absence of findings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from ..domain.digest import Digest
from ..domain.manifest import Descriptor, ImageManifest
from ..domain.report import Report
from ..domain.watched import Trouble
from ..ports.registry import RateLimited, RegistryError
from ..ports.scanner import (
    Failed,
    Layer,
    Outcome,
    Pending,
    Scanned,
    Scanner,
    ScannerBusy,
    ScannerError,
    Subject,
    Unknown,
    Unscannable,
)
from ..ports.store import ScanResult, ScanWork
from .handing import Locating

SLOWEST_RETRY: Final = timedelta(hours=6)
SOONEST_RETRY: Final = timedelta(seconds=1)
"""Also where somebody says that no time at all is to pass."""
Parts = Callable[[Report, Sequence[Digest]], Mapping[Digest, bytes] | None]
"""What a report says about each layer of an image, as documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often images are looked at again."""

    recheck: timedelta = timedelta(minutes=15)
    """How long a report is taken for current: vulnerabilities become known without anybody being told."""
    retry: timedelta = timedelta(seconds=30)
    """How long after a first failure it is tried again; twice as long after each further one."""
    hopeless: timedelta = timedelta(days=1)
    """How long what cannot be scanned is left alone."""


class Scanning:
    """Has images scanned by one scanner."""

    def __init__(
        self, scanner: Scanner, registry: Locating, parts: Parts, now: Callable[[], datetime], pace: Pace = Pace()
    ) -> None:
        self._scanner = scanner
        self._registry = registry
        self._parts = parts
        self._now = now
        self._pace = pace

    @property
    def longest(self) -> timedelta:
        """How long an image is left alone at most."""
        return max(self._pace.recheck, self._pace.hopeless, SLOWEST_RETRY)

    @property
    def name(self) -> str:
        """The scanner's name."""
        return self._scanner.name

    async def version(self) -> str:
        """What the scanner looks with; raises a :class:`ScannerError`."""
        return await self._scanner.version()

    async def scan(self, work: ScanWork, version: str) -> ScanResult:
        """What comes of it, whatever that is."""
        try:
            outcome = await self._outcome(work)
        except (ScannerError, RegistryError) as e:
            pause = _left_alone(e.retry_after) if isinstance(e, ScannerBusy | RateLimited) else None
            return self._trouble(work, version, e.code, str(e), pause)
        match outcome:
            case Scanned(report):
                return self._scanned(work, version, report)
            case Unscannable(code, text):
                found = self._trouble(work, version, code, text, self._pace.hopeless)
                return replace(found, final=True)
            case Failed(code, text):
                return self._trouble(work, version, code, text)
            case Pending(text):
                return self._trouble(work, version, "scan-pending", text, self._pace.retry)
            case Unknown():
                return self._trouble(work, version, "scan-lost", "the scanner knows nothing of what it was told")
        assert_never(outcome)

    async def _outcome(self, work: ScanWork) -> Outcome:
        manifest = work.manifest
        if work.indexed:
            told = await self._scanner.report(subject(manifest))
            if not isinstance(told, Unknown):
                return told
        located = [await self._located(work, layer) for layer in manifest.layers]
        return await self._scanner.scan(Subject(digest=manifest.digest, layers=tuple(located)))

    async def _located(self, work: ScanWork, described: Descriptor) -> Layer:
        layer = _layer(described)
        if layer.foreign:
            return layer
        place = await self._registry.location(work.home, described)
        return replace(layer, url=place.url, headers=place.headers)

    def _scanned(self, work: ScanWork, version: str, report: Report) -> ScanResult:
        if report.digest != work.manifest.digest:
            return self._trouble(work, version, "scanner-lying", f"the report is about {report.digest}")
        if work.indexed and not report.scanner_version:
            # Who looked at the layers may have been a worker before this one: the store knows what it looked with.
            report = replace(report, scanner_version=version)
        at = self._now()
        layers = [layer.digest for layer in work.manifest.layers]
        return ScanResult(
            digest=report.digest, scanner=self.name, scanner_version=version, at=at, report=report,
            next_at=at + self._pace.recheck, parts=self._parts(report, layers),
        )  # fmt: skip

    def _trouble(
        self, work: ScanWork, version: str, code: str, text: str, pause: timedelta | None = None
    ) -> ScanResult:
        at = self._now()
        if pause is None:
            pause = min(self._pace.retry * 2 ** min(work.attempts, 20), SLOWEST_RETRY)
        pause = max(pause, SOONEST_RETRY)
        return ScanResult(
            digest=work.manifest.digest, scanner=self.name, scanner_version=version, at=at,
            trouble=Trouble(code=code, text=text, at=at), next_at=at + pause,
        )  # fmt: skip


def _left_alone(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, SLOWEST_RETRY.total_seconds()))


def subject(manifest: ImageManifest) -> Subject:
    """An image as scanners know it that need not fetch its layers."""
    return Subject(digest=manifest.digest, layers=tuple([_layer(described) for described in manifest.layers]))


def _layer(described: Descriptor) -> Layer:
    """A layer as scanners know it. One that is said to be outside of registries is *foreign* (OCI, layer.md)."""
    foreign = "foreign" in described.media_type or "nondistributable" in described.media_type
    return Layer(digest=described.digest, size=described.size, media_type=described.media_type, foreign=foreign)
