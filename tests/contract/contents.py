"""Small images, indexes and reports to put into stores."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from image_enforcer.analysis import manifest
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    SIGNED_SCHEMA_1,
    ImageIndex,
    ImageManifest,
    LegacyManifest,
    Manifest,
)
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.report import Finding, Gap, Package, Report, Severity
from image_enforcer.domain.watched import Trouble
from image_enforcer.ports.store import ScanResult, ScanWork

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(name: str) -> Digest:
    """A digest of something that nobody has to have."""
    return Digest("sha256:" + hashlib.sha256(name.encode()).hexdigest())


def repository(path: str = "library/nginx", registry: str = "docker.io") -> Repository:
    return Repository(registry=registry, path=path)


def image(
    name: str, layers: Sequence[str] = ("base",), *, config_type: str = OCI_CONFIG, artifact_type: str = ""
) -> ImageManifest:
    """An image whose layers are called by these names."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": config_type, "digest": digest_of(f"config of {name}"), "size": 100},
        "layers": [{"mediaType": LAYER_TYPE, "digest": digest_of(layer), "size": 1000} for layer in layers],
    }
    if artifact_type:
        document["artifactType"] = artifact_type
    read = _parsed(document, OCI_MANIFEST)
    assert isinstance(read, ImageManifest)
    return read


def index(*children: Manifest, attestations: Sequence[Manifest] = (), name: str = "") -> ImageIndex:
    """An index of these, each for a platform of its own; attestations stand under an unknown one."""
    listed = [
        {
            "mediaType": child.media_type, "digest": child.digest, "size": len(child.content),
            "platform": {"os": "linux", "architecture": f"arch{position}"},
        }
        for position, child in enumerate(children)
    ] + [
        {
            "mediaType": child.media_type, "digest": child.digest, "size": len(child.content),
            "platform": {"os": "unknown", "architecture": "unknown"},
        }
        for child in attestations
    ]  # fmt: skip
    document = {
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, "annotations": {"name": name}
    }  # fmt: skip
    read = _parsed(document, OCI_INDEX)
    assert isinstance(read, ImageIndex)
    return read


def legacy(name: str = "old") -> LegacyManifest:
    read = _parsed({"schemaVersion": 1, "name": name, "tag": "1"}, SIGNED_SCHEMA_1)
    assert isinstance(read, LegacyManifest)
    return read


def trouble(at: datetime = NOON, code: str = "registry-unreachable", text: str = "no answer") -> Trouble:
    return Trouble(code=code, text=text, at=at)


def finding(
    vulnerability: str, severity: Severity = Severity.HIGH, package: str = "openssl", fixed_in: str = "3.0.13",
    layer: str = "base", links: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    brought = Package(name=package, version="3.0.11", namespace="debian:12", layer=digest_of(layer))
    return Finding(
        vulnerability=vulnerability, package=brought, severity=severity, rated_by="debian", fixed_in=fixed_in,
        description="d" * 100, links=links,
    )  # fmt: skip


def report(
    digest: Digest, *findings: Finding, at: datetime = NOON, version: str = "1", gaps: tuple[Gap, ...] = ()
) -> Report:
    return Report(
        digest=digest, scanner="clair", scanner_version=version, made_at=at, distribution="debian:12",
        packages=tuple(sorted({found.package for found in findings})), findings=findings, gaps=gaps,
    )  # fmt: skip


def part(*flaws: str, package: str = "openssl", layer: str = "base", severity: str = "High") -> bytes:
    """What a report says about a layer: one package with these vulnerabilities."""
    feature = {
        "Name": package, "NamespaceName": "debian:12", "Version": "3.0.11", "AddedBy": digest_of(layer),
        "Vulnerabilities": [{"Name": flaw, "Severity": severity} for flaw in flaws],
    }  # fmt: skip
    return json.dumps({"NamespaceName": "debian:12", "Features": [feature]}).encode()


def result(work: ScanWork, *findings: Finding, at: datetime = NOON, version: str = "1", **more: Any) -> ScanResult:
    """A result with a report."""
    digest = work.manifest.digest
    made = ScanResult(
        digest=digest, scanner="clair", scanner_version=version, at=at, next_at=at + HOUR,
        report=report(digest, *findings, at=at, version=version),
    )  # fmt: skip
    return replace(made, **more)


def failure(
    work: ScanWork, at: datetime = NOON, *, final: bool = False, version: str = "1", code: str = "layer-unreadable"
) -> ScanResult:
    """A result without."""
    return ScanResult(
        digest=work.manifest.digest, scanner="clair", scanner_version=version, at=at, next_at=at + MINUTE, final=final,
        trouble=trouble(at, code, "it is no archive"),
    )  # fmt: skip


def _parsed(document: dict[str, Any], media_type: str) -> Manifest:
    return manifest.parse(json.dumps(document).encode(), media_type)
