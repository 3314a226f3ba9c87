"""Clair's first interface: its layer documents as our reports, and any report of ours as parts of such documents.

Sources: quay/clair v2.1 ``api/v1/models.go`` (field names; every field is left out where it is empty), ``database/
severity.go``, ``ext/featurefmt/dpkg`` (a dpkg feature stands under its source's name and version).

This Clair knows dpkg, rpm and apk alone, never packages of languages. Its gaps are ``no-distribution``,
``no-packages``, ``several-distributions``, ``not-matched`` (a distribution that its updaters do not know), ``unplaced``
(a feature of no layer) and ``inconsistent`` (one of a layer that is not the image's).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from ..domain.digest import Digest
from ..domain.report import Finding, Gap, Package, Report
from . import clair, text
from .clair import BadReport

MATCHED: Final = frozenset({"alpine", "amzn", "centos", "debian", "ol", "ubuntu"})
"""Distributions that its updaters know; Red Hat's own is called ``centos``."""
_DPKG: Final = "dpkg"
_FORMATS: Final = {
    "alpine": _DPKG, "debian": _DPKG, "ubuntu": _DPKG, "amzn": "rpm", "centos": "rpm", "fedora": "rpm", "ol": "rpm",
    "opensuse": "rpm", "opensuse-leap": "rpm", "photon": "rpm", "rhel": "rpm", "rocky": "rpm", "almalinux": "rpm",
    "sles": "rpm",
}  # fmt: skip
"""The ``VersionFormat`` of a distribution's features. Alpine's packages are compared as Debian's."""


class Vulnerability(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """What a feature suffers from."""

    name: str = ""
    namespace_name: str | None = ""
    description: str | None = ""
    link: str | None = ""
    severity: str | None = ""
    fixed_by: str | None = ""


class Feature(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A package."""

    name: str = ""
    namespace_name: str | None = ""
    version_format: str | None = ""
    version: str | None = ""
    vulnerabilities: tuple[Vulnerability, ...] | None = ()
    added_by: str | None = ""


class Layer(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A layer with all that is in it and below it."""

    name: str = ""
    namespace_name: str | None = ""
    parent_name: str | None = ""
    indexed_by_version: int | None = 0
    features: tuple[Feature, ...] | None = ()


class _Error(msgspec.Struct, frozen=True, rename="pascal"):
    message: str | None = ""


class _Envelope(msgspec.Struct, frozen=True, rename="pascal"):
    layer: Layer | None = None
    error: _Error | None = None


class _Part(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    namespace_name: str = ""
    features: tuple[Feature, ...] = ()


def names(layers: Sequence[Digest]) -> tuple[str, ...]:
    """The names under which Clair knows an image's layers, the base's first.

    A name says what a layer stands on: the same content on another parent is another layer to this Clair.
    """
    found: list[str] = []
    parent = ""
    for layer in layers:
        parent = hashlib.sha256(f"{parent}{layer}".encode()).hexdigest()
        found.append(parent)
    return tuple(found)


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""


def layer(content: bytes) -> Layer:
    """The layer out of an answer; raises :class:`BadReport`."""
    if len(content) > clair.MAX_SIZE:
        raise BadReport(f"it is larger than {clair.MAX_SIZE} bytes")
    try:
        read = _ENVELOPE.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise BadReport(f"it cannot be read: {text.name(str(e), 200)}") from None
    if read.error is not None:
        raise BadReport(f"it is an error: {text.safe(read.error.message or '', 500)}")
    if read.layer is None:
        raise BadReport("no layer is in it")
    return read.layer


def error(content: bytes) -> str:
    """The message of an error, made safe to show; empty where there is none."""
    try:
        read = _ENVELOPE.decode(content)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    return text.safe((read.error.message if read.error is not None else "") or "", 1000)


def report(
    top: Layer, expected: Digest, layers: Sequence[Digest], *, made_at: datetime, gaps: Sequence[Gap] = ()
) -> Report:
    """Our report from the topmost layer of an image of so many layers, the base first; raises :class:`BadReport`.

    ``gaps`` are those that the caller knows of.
    """
    chain = names(layers)
    if not chain or top.name != chain[-1]:
        raise BadReport(f"it is about {text.name(top.name, 100) or 'no layer'}, not about the topmost one")
    if (top.parent_name or "") != (chain[-2] if len(chain) > 1 else ""):
        raise BadReport("it stands on another layer than the image's")
    features = top.features or ()
    if len(features) > clair.MAX_PACKAGES:
        raise BadReport(f"it lists more than {clair.MAX_PACKAGES} features")
    if sum(len(feature.vulnerabilities or ()) for feature in features) > clair.MAX_FINDINGS:
        raise BadReport(f"it lists more than {clair.MAX_FINDINGS} vulnerabilities")
    known: Mapping[str, Digest] = dict(zip(chain, layers, strict=True))
    placed = [(feature, _package(feature, known)) for feature in features]
    distribution = clair.namespace_of(clair.named(top.namespace_name))
    return Report(
        digest=expected, scanner="clair-v1", scanner_version=str(top.indexed_by_version or ""), made_at=made_at,
        distribution=distribution, packages=tuple(sorted({package for _, package in placed})),
        findings=tuple(sorted({
            _finding(vulnerability, package)
            for feature, package in placed for vulnerability in feature.vulnerabilities or ()
        })),
        gaps=tuple(sorted({*gaps, *_gaps(distribution, placed, known)})),
    )  # fmt: skip


def _package(feature: Feature, known: Mapping[str, Digest]) -> Package:
    namespace = clair.namespace_of(clair.named(feature.namespace_name))
    kind = clair.named(feature.version_format)
    is_source = kind == _DPKG and not namespace.startswith("alpine")
    return Package(
        name=clair.named(feature.name), version=clair.named(feature.version), namespace=namespace,
        kind="source" if is_source else "binary", layer=known.get(feature.added_by or "", ""), version_format=kind,
    )  # fmt: skip


def _finding(read: Vulnerability, package: Package) -> Finding:
    word = clair.named(read.severity)
    return Finding(
        vulnerability=clair.named(read.name), package=package, severity=clair.severity(word),
        rated_by=clair.namespace_of(clair.named(read.namespace_name)) or package.namespace, rating=word,
        fixed_in=clair.named(read.fixed_by), description=clair.described(read.description),
        links=clair.links(read.link),
    )  # fmt: skip


def _gaps(distribution: str, placed: Sequence[tuple[Feature, Package]], known: Mapping[str, Digest]) -> Iterator[Gap]:
    systems = {package.namespace for _, package in placed if package.namespace} | ({distribution} - {""})
    if not distribution:
        yield Gap(
            code="no-distribution", text="Clair recognised no distribution in it, so that it knows no system packages"
        )
    elif not placed:
        yield Gap(code="no-packages", text=f"Clair found none of the packages of {text.name(distribution, 60)} in it")
    if len(systems) > 1:
        yield clair.counted("several-distributions", "more than one distribution is in it", systems)
    unmatched = [p.name for _, p in placed if p.namespace.partition(":")[0] not in MATCHED]
    if unmatched:
        yield clair.counted("not-matched", "Clair compares these packages with nothing", unmatched)
    if any(not feature.added_by for feature, _ in placed):
        yield clair.counted(
            "unplaced", "Clair says of no layer that it brought these packages",
            [package.name for feature, package in placed if not feature.added_by],
        )  # fmt: skip
    strangers = [package.name for feature, package in placed if feature.added_by and feature.added_by not in known]
    if strangers:
        yield clair.counted("inconsistent", "these packages are said to be of layers that it does not have", strangers)


# --- the other way round ------------------------------------------------------------------------


def parts(found: Report, layers: Sequence[Digest]) -> dict[Digest, bytes] | None:
    """The ``NamespaceName`` and ``Features`` of a v1 document for each of an image's layers, as JSON.

    A layer's features are the packages that it brought; one that brought none has an empty part, which says that it
    was looked at. None where the report has gaps, or packages that belong to no layer of the image: there the absence
    of a finding says nothing, so that no layer may pass for clean.

    As with Clair itself, what dpkg installed stands under its *source's* name and version: binaries of one source are
    one feature, with what any of them suffers from. Packages of languages, which that Clair never had, are features
    without namespace and format. Where two images say different things of one layer, that is for the caller to join.
    """
    known = set(layers)
    if found.gaps or any(package.layer not in known for package in found.packages):
        return None
    if any(finding.package.layer not in known for finding in found.findings):
        return None
    suffering: dict[Package, list[Finding]] = defaultdict(list)
    for finding in found.findings:
        suffering[finding.package].append(finding)
    gathered: dict[str, dict[tuple[str, str, str, str], set[Vulnerability]]] = {layer: {} for layer in layers}
    for package in {*found.packages, *suffering}:
        vulnerabilities = gathered[package.layer].setdefault(_identity(package), set())
        vulnerabilities.update(_vulnerability(finding) for finding in suffering.get(package, ()))
    encoder = msgspec.json.Encoder()
    namespace = clair.v1_namespace(found.distribution)
    return {
        layer: encoder.encode(_Part(namespace, tuple(_features(gathered[layer], layer)))) for layer in layers
    }  # fmt: skip


def _identity(package: Package) -> tuple[str, str, str, str]:
    """The name, version, namespace and format of the feature that a package is part of."""
    kind = "" if not package.namespace else _FORMATS.get(package.namespace.partition(":")[0], package.version_format)
    by_source = _DPKG in (package.version_format, kind) and not package.namespace.startswith("alpine")
    name, version = package.name, package.version
    if by_source and package.namespace:
        name, version = package.source or name, package.source_version or version
    return name, version, clair.v1_namespace(package.namespace), kind


def _features(gathered: Mapping[tuple[str, str, str, str], set[Vulnerability]], layer: Digest) -> Iterator[Feature]:
    for (name, version, namespace, kind), vulnerabilities in sorted(gathered.items()):
        yield Feature(
            name=name, namespace_name=namespace, version_format=kind, version=version, added_by=layer,
            vulnerabilities=tuple(sorted(vulnerabilities, key=msgspec.structs.astuple)),
        )  # fmt: skip


def _vulnerability(finding: Finding) -> Vulnerability:
    return Vulnerability(
        name=finding.vulnerability, namespace_name=clair.v1_namespace(finding.package.namespace),
        description=finding.description, link=finding.links[0] if finding.links else "",
        severity=finding.severity.word, fixed_by=finding.fixed_in,
    )  # fmt: skip
