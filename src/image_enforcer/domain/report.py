"""What a scanner says about an image: its packages, their known vulnerabilities, and how much of the image it saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from .digest import Digest


class Severity(IntEnum):
    """How bad a vulnerability is, in Clair's words; they compare. *Unknown* is the least, and says nothing at all."""

    UNKNOWN = 0
    NEGLIGIBLE = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5
    DEFCON1 = 6

    @property
    def word(self) -> str:
        """As Clair writes it: ``High``."""
        return self.name.capitalize()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Package:
    """Something installed. ``layer`` is the one that brought it; empty where the scanner does not say."""

    name: str
    version: str
    namespace: str = ""
    """The distribution, ``debian:12``; empty for packages of a language."""
    kind: str = "binary"
    """``binary`` or ``source``, for what is built and what it is built from."""
    source: str = ""
    """The name of the source package, where it is another."""
    source_version: str = ""
    database: str = ""
    """The file that lists it, ``var/lib/dpkg/status``."""
    layer: str = ""
    version_format: str = ""
    """``dpkg``, ``rpm``, ``apk`` or another ordering of versions, where the scanner says."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """A known vulnerability in a package of an image."""

    vulnerability: str
    """Its name in the source that reports it: ``CVE-2024-0001``, ``GHSA-…``."""
    package: Package
    severity: Severity
    rated_by: str
    """Whose severity that is."""
    rating: str = ""
    """The word of the source itself, which the severity was made from."""
    fixed_in: str = ""
    """The version that mends it; empty where nobody has."""
    description: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Gap:
    """Something that a report leaves open: a code that policies can name, and a text for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Caution:
    """Something that the scanner is known to get wrong, and may have got wrong here. The report is complete all the
    same; policies may heed it."""

    code: str
    text: str
    packages: tuple[str, ...] = ()
    """The names of those that it is about, not necessarily all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One scan of one image. ``gaps`` says what the scanner did not see."""

    digest: Digest
    scanner: str
    scanner_version: str
    """What the scanner looked with, empty where that is not known any more. Another may find other packages."""
    made_at: datetime
    distribution: str = ""
    """``debian:12``; empty where the scanner recognised none."""
    packages: tuple[Package, ...] = ()
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the absence of a finding says anything."""
        return not self.gaps
