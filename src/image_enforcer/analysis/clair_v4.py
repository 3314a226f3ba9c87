"""Clair v4's reports as ours: its documents are taken as they are sent, not as their schemas have them.

Sources: claircore ``report.go``, ``indexreport.go``, ``environment.go``; what Clair 4.9.0 was seen to send: ``kind`` in
lower case, null for empty lists, an environment per coalescer (an rpm package has two, of which one names the
distribution), an Alpine without ``version_id``, OSV's fixed versions encoded like a query.

What it does not see is a gap, since the absence of a finding says nothing where nobody looked:

``not-finished``            the index report is not that of a finished, successful scan
``index-only``              packages were found, and not yet compared with what is known about vulnerabilities
``no-distribution``         no operating system was recognised. An image with packages of languages alone has this gap
                            too: Clair cannot tell an image without a system from one whose system it does not know
``several-distributions``   which package belongs to which system is guesswork
``no-packages``             a system, and none of its packages: its database was not read
``not-matched``             packages that Clair lists and compares with nothing
``unplaced``                packages of which no layer is known
``inconsistent``            the document speaks of things that it does not contain
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, UnsetType

from ..domain.digest import Digest
from ..domain.report import Finding, Gap, Package, Report, Severity
from . import clair, text
from .clair import BadReport

MAX_SIZE: Final = clair.MAX_SIZE
MAX_VULNERABILITIES: Final = 100_000
MAX_PLACES: Final = 1000
"""Environments of one package."""
FINISHED: Final = "IndexFinished"
FAILED: Final = "IndexError"
MATCHED: Final = frozenset(
    {"alpine", "amzn", "debian", "ol", "opensuse", "opensuse-leap", "photon", "rhel", "sles", "ubuntu"}
)
"""Distributions for which Clair has a matcher and an updater. Rocky, AlmaLinux, Wolfi and others it only lists."""
MATCHED_LANGUAGES: Final = frozenset({"go", "maven", "pypi", "rubygems"})
"""Repositories of languages for which it has them."""
_RED_HAT: Final = ("rhel-cpe-repository", "rhcc")
"""How the keys of repositories begin by which Red Hat's packages are matched; without one they are not."""
_RPM: Final = frozenset({"sqlite", "bdb", "ndb"})
_RANGES: Final = frozenset({"fixed", "introduced", "lastAffected"})


_Rated: TypeAlias = tuple[Severity, str, str, str, str, tuple[str, ...]]


class _Source(msgspec.Struct, frozen=True):
    name: str | None = None
    version: str | None = None


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str | None = None
    kind: str | None = None
    source: _Source | None = None


class _Environment(msgspec.Struct, frozen=True):
    package_db: str | None = None
    introduced_in: str | None = None
    distribution_id: str | None = None
    repository_ids: tuple[str, ...] | None = None


class _Distribution(msgspec.Struct, frozen=True):
    did: str | None = None
    version: str | None = None
    version_id: str | None = None


class _Repository(msgspec.Struct, frozen=True):
    name: str | None = None
    key: str | None = None


class _Vulnerability(msgspec.Struct, frozen=True):
    name: str
    updater: str | None = None
    description: str | None = None
    links: str | None = None
    severity: str | None = None
    normalized_severity: str | None = None
    fixed_in_version: str | None = None


class _Document(msgspec.Struct, frozen=True):
    manifest_hash: str
    packages: dict[str, _Package] | None = None
    environments: dict[str, tuple[_Environment, ...] | None] | None = None
    distributions: dict[str, _Distribution] | None = None
    repository: dict[str, _Repository] | None = None
    vulnerabilities: dict[str, _Vulnerability] | UnsetType | None = UNSET
    package_vulnerabilities: dict[str, tuple[str, ...] | None] | UnsetType | None = UNSET
    state: str | UnsetType | None = UNSET
    success: bool | UnsetType | None = UNSET
    err: str | UnsetType | None = UNSET


class Index(msgspec.Struct, frozen=True):
    """How far an image's indexing is: the state's name, whether it ended well, and the error if it did not."""

    manifest_hash: str
    state: str | None = None
    success: bool | None = None
    err: str | None = None

    @property
    def finished(self) -> bool:
        """Whether every layer has been looked at."""
        return self.state == FINISHED and self.success is True

    @property
    def error(self) -> str:
        """Why it ended badly, made safe to show."""
        return text.safe(self.err or "", 1000) or "no reason is given"


def index(content: bytes, expected: Digest) -> Index:
    """The state out of an index report about an image; raises :class:`BadReport`."""
    read = _read(content, Index)
    _about(read.manifest_hash, expected)
    return read


def report(
    content: bytes, expected: Digest, *, scanner_version: str, made_at: datetime, gaps: Sequence[Gap] = ()
) -> Report:
    """Our report from a vulnerability report, or from an index report, about an image; raises :class:`BadReport`.

    ``gaps`` are those that the caller knows of. Packages and findings that are alike in all that we keep (those of two
    architectures) are one. Order does not depend on Clair's.
    """
    read = _read(content, _Document)
    _about(read.manifest_hash, expected)
    return _Reading(read).report(expected, scanner_version, made_at, gaps)


class _Reading:
    """One document being translated: what it says is gathered, and what it leaves open."""

    def __init__(self, read: _Document) -> None:
        self._read = read
        self._packages = read.packages or {}
        self._environments = read.environments or {}
        self._repositories = read.repository or {}
        if len(self._packages) > clair.MAX_PACKAGES:
            raise BadReport(f"it lists more than {clair.MAX_PACKAGES} packages")
        self._namespaces = {key: _namespace(d) for key, d in (read.distributions or {}).items() if d.did}
        self._dangling: set[str] = set()
        self._unmatched: set[str] = set()
        self._unplaced: set[str] = set()

    def report(self, digest: Digest, scanner_version: str, made_at: datetime, gaps: Sequence[Gap]) -> Report:
        placed = {key: self._placed(key, package) for key, package in self._packages.items()}
        self._dangling.update(key for key in self._environments if key not in self._packages)
        packages = sorted({package for some in placed.values() for package in some})
        if len(packages) > clair.MAX_PACKAGES:
            raise BadReport(f"it places packages more than {clair.MAX_PACKAGES} times")
        findings = self._findings(placed, packages)
        systems = sorted(set(self._namespaces.values()))
        return Report(
            digest=digest, scanner="clair-v4", scanner_version=scanner_version, made_at=made_at,
            distribution=systems[0] if len(systems) == 1 else "", packages=tuple(packages), findings=findings,
            gaps=tuple(sorted({*gaps, *self._gaps(systems, packages)})),
        )  # fmt: skip

    def _placed(self, key: str, read: _Package) -> tuple[Package, ...]:
        """A package, once for every layer and database that it stands in."""
        environments = self._environments.get(key) or ()
        if len(environments) > MAX_PLACES:
            raise BadReport(f"it says of a package more than {MAX_PLACES} times where it is")
        places: dict[tuple[str, str], str] = {}
        for environment in environments:
            place = (clair.layer(environment.introduced_in), clair.named(environment.package_db))
            namespace = self._namespace_of(environment)
            places[place] = places.get(place) or namespace
        if not self._matched(environments):
            self._unmatched.add(read.name)
        if not places or any(not layer for layer, _ in places):
            self._unplaced.add(read.name)
        source = read.source or _Source()
        other = (source.name or "") not in ("", read.name) or (source.version or "") not in ("", read.version)
        return tuple([
            Package(
                name=clair.named(read.name), version=clair.named(read.version), namespace=namespace,
                kind=clair.named(read.kind).lower() or "binary",
                source=clair.named(source.name) if other else "",
                source_version=clair.named(source.version) if other else "",
                database=database, layer=layer, version_format=_format(database),
            )
            for (layer, database), namespace in (places or {("", ""): ""}).items()
        ])  # fmt: skip

    def _namespace_of(self, environment: _Environment) -> str:
        key = environment.distribution_id
        if not key:
            return ""
        if key not in self._namespaces:
            self._dangling.add(f"distribution {key}")
        return self._namespaces.get(key, "")

    def _matched(self, environments: Sequence[_Environment]) -> bool:
        """Whether Clair compares a package with anything."""
        systems = {self._namespace_of(e).partition(":")[0] for e in environments}
        repositories = [self._repositories.get(key) for e in environments for key in e.repository_ids or ()]
        if None in repositories:
            self._dangling.add("a repository")
        known = [repository for repository in repositories if repository is not None]
        if any(repository.name in MATCHED_LANGUAGES for repository in known):
            return True
        if any((repository.key or "").startswith(_RED_HAT) for repository in known):
            return True
        return bool(systems & (MATCHED - {"rhel"}))

    def _findings(self, placed: dict[str, tuple[Package, ...]], packages: list[Package]) -> tuple[Finding, ...]:
        """All findings in order. They are sorted as tuples, with a number for a package: there may be very many."""
        known = self._read.vulnerabilities or {}
        if len(known) > MAX_VULNERABILITIES:
            raise BadReport(f"it lists more than {MAX_VULNERABILITIES} vulnerabilities")
        rated = {key: _rated(vulnerability) for key, vulnerability in known.items()}
        ranks = {package: rank for rank, package in enumerate(packages)}
        rows: set[tuple[str, int, _Rated]] = set()
        count = 0
        for key, names in (self._read.package_vulnerabilities or {}).items():
            if key not in placed:
                self._dangling.add(f"package {key}")
            places = [ranks[package] for package in placed.get(key, ())]
            for name in names or ():
                rating = rated.get(name)
                if rating is None:
                    self._dangling.add(f"vulnerability {name}")
                    continue
                count += len(places)
                if count > clair.MAX_FINDINGS:
                    raise BadReport(f"it finds vulnerabilities more than {clair.MAX_FINDINGS} times")
                rows.update((known[name].name, rank, rating) for rank in places)
        return tuple([
            Finding(
                vulnerability=name, package=packages[rank], severity=severity, rated_by=whose, rating=rating,
                fixed_in=fixed, description=description, links=links,
            )
            for name, rank, (severity, whose, rating, fixed, description, links) in sorted(rows)
        ])  # fmt: skip

    def _gaps(self, systems: list[str], packages: list[Package]) -> Iterator[Gap]:
        read = self._read
        indexed = not isinstance(read.state, UnsetType) or not isinstance(read.success, UnsetType)
        if (indexed and (read.state != FINISHED or read.success is not True)) or (read.err or "") != "":
            yield Gap(code="not-finished", text="Clair has not finished looking at its layers, or could not")
        if isinstance(read.package_vulnerabilities, UnsetType) or isinstance(read.vulnerabilities, UnsetType):
            yield Gap(
                code="index-only", text="its packages have not been compared with what is known about vulnerabilities"
            )
        if not systems:
            yield Gap(
                code="no-distribution",
                text="Clair recognised no distribution in it, so that it knows no system packages",
            )
        elif len(systems) > 1:
            yield clair.counted("several-distributions", "more than one distribution is in it", systems)
        if systems and not any(package.namespace for package in packages):
            yield Gap(code="no-packages", text=f"Clair found none of the packages of {text.name(systems[0], 60)} in it")
        if self._unmatched:
            yield clair.counted("not-matched", "Clair compares these packages with nothing", self._unmatched)
        if self._unplaced:
            yield clair.counted("unplaced", "Clair says of no layer that it brought these packages", self._unplaced)
        if self._dangling:
            yield clair.counted("inconsistent", "the report speaks of what is not in it", self._dangling)


def _namespace(distribution: _Distribution) -> str:
    version = distribution.version_id or (distribution.version or "").partition(" ")[0]
    return clair.named(f"{distribution.did}:{version}" if version else distribution.did)


def _format(database: str) -> str:
    """How versions are ordered in a database, by its path: ``var/lib/dpkg/status``, ``sqlite:var/lib/rpm``."""
    kind, colon, _ = database.partition(":")
    if colon:
        return "rpm" if kind in _RPM else ""
    if "/dpkg/" in database:
        return "dpkg"
    return "apk" if "/apk/" in database else ""


def _rated(read: _Vulnerability) -> _Rated:
    """What a finding says beside the vulnerability's name and the package, in the order of its fields."""
    clair.named(read.name)
    return (
        clair.severity(read.normalized_severity), clair.named(read.updater), clair.named(read.severity),
        fixed_in(read.fixed_in_version), clair.described(read.description), clair.links(read.links),
    )  # fmt: skip


def fixed_in(told: str | None) -> str:
    """The version that mends something, empty where none does.

    OSV's updaters write ``fixed=3.2.2&introduced=3.0`` or ``lastAffected=2.19.0``, which names no fix.
    """
    told = clair.named(told)
    if "=" not in told:
        return told
    try:
        fields = dict(parse_qsl(told, keep_blank_values=True, strict_parsing=True, max_num_fields=8))
    except ValueError:
        return told
    return fields.get("fixed", "") if fields.keys() <= _RANGES else told


def _about(told: str, expected: Digest) -> None:
    if told != expected:
        raise BadReport(f"it is about {text.name(told, 160)}, not about {expected}")


_T = TypeVar("_T")
_DECODERS: Final[dict[type, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Index, _Document)
}
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""


def _read(content: bytes, kind: type[_T]) -> _T:
    if len(content) > MAX_SIZE:
        raise BadReport(f"it is larger than {MAX_SIZE} bytes")
    try:
        read: _T = _DECODERS[kind].decode(content)
        return read
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise BadReport(f"it cannot be read: {text.name(str(e), 200)}") from None
