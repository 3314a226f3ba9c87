"""What is published under each kind, as JSON: compact, keys in order, so that equal facts are equal bytes.

Times are RFC 3339 in UTC with a ``Z``. Every ``trouble`` is ``{"code", "text", "at"}``, and stands only where there
is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, assert_never

import msgspec

from ...analysis import cautions
from ...domain.manifest import Descriptor, ImageIndex, ImageManifest, LegacyManifest, Manifest
from ...domain.report import Finding, Report, Severity
from ...domain.watched import Tag, Trouble
from .columns import clean

MOST_FINDINGS: Final = 200
"""Findings of an image that are published, the worst; the counts are of all."""

_encoder: Final = msgspec.json.Encoder(order="sorted")


def repository(looked_at: datetime | None, failures: int, trouble: Trouble | None) -> bytes:
    """REPOSITORY ``registry/path``: ``{"looked_at", "failures", "trouble"?}``.

    ``looked_at`` is when a look last came to its end, null where none did; all its tags are as old as that.
    """
    return _encode({"looked_at": _time(looked_at), "failures": failures}, trouble)


def tag(known: Tag | None, trouble: Trouble | None, asked_at: datetime | None = None) -> bytes:
    """TAG ``registry/path:tag``: ``{"digest", "since", "looked_at"?, "trouble"?}``, or ``{"digest": null, "trouble"}``.

    ``since`` is when it was first seen to point there. ``looked_at`` is when it was asked about alone, where that is
    how this was found; it may be longer ago than the repository's. With a trouble, what is known may no longer be so.
    """
    if known is None:
        return _encode({"digest": None}, trouble)
    looked_at = {} if asked_at is None else {"looked_at": _time(asked_at)}
    return _encode({"digest": known.digest, "since": _time(known.since)} | looked_at, trouble)


def held(digest: str) -> bytes:
    """HELD ``registry/path@digest``: ``{"digest"}``. For images that are named by their digest in a repository."""
    return _encode({"digest": digest}, None)


def manifest(value: Manifest) -> bytes:
    """MANIFEST digest, by ``"kind"``.

    - ``image``: ``{"media_type", "size", "config", "layers", "runnable", "artifact_type"?}``; ``config`` and each of
      ``layers``, the base first, are ``{"digest", "size", "media_type"}``; the size is that of all of them, in bytes.
    - ``index``: ``{"media_type", "children"}``, each ``{"digest", "media_type", "platform"?, "artifact_type"?}`` with
      the platform ``{"os", "architecture", "variant"?, "os_version"?}``.
    - ``legacy``: ``{"media_type"}``, which says too little to be judged.
    """
    match value:
        case ImageManifest():
            size = value.config.size + sum([layer.size for layer in value.layers])
            document: dict[str, Any] = {
                "kind": "image", "media_type": value.media_type, "size": size, "config": _content(value.config),
                "layers": [_content(layer) for layer in value.layers], "runnable": value.runnable,
            }  # fmt: skip
            if value.artifact_type:
                document["artifact_type"] = value.artifact_type
        case ImageIndex():
            document = {
                "kind": "index", "media_type": value.media_type, "children": [_child(c) for c in value.children]
            }  # fmt: skip
        case LegacyManifest():
            document = {"kind": "legacy", "media_type": value.media_type}
        case _:
            assert_never(value)
    return _encoder.encode(document)


def scan(
    scanner: str, version: str, state: str, at: datetime, confirmed_at: datetime, report: Report | None,
    trouble: Trouble | None,
) -> bytes:  # fmt: skip
    """SCAN digest: what the image's last report says, and how far it can be relied on.

    ``{"scanner", "version", "state", "at", "confirmed_at", "trouble"?}``, where ``state`` is ``scanned``,
    ``unscannable`` (no try can help) or ``failed`` (there has been no report yet). ``at`` is since when it has said the
    same, ``confirmed_at`` when the scanner last said it, or last failed. A trouble beside ``scanned`` says that asking
    again failed: the report grows old. With a report there are:

    - ``distribution``, ``packages`` (how many), ``gaps`` (``[{"code", "text"}]``: what the report leaves open), and
      ``cautions`` (``[{"code", "text", "packages"}]``: what the scanner may have got wrong, see the module
      ``cautions``);
    - ``counts``: findings by severity (``Unknown`` … ``Defcon1``), ``total``, and ``fixable`` ones;
    - ``findings``: at most 200, the worst first: ``{"vulnerability", "severity", "package", "version", "fixed_in",
      "layer", "rated_by", "link"?}``; ``findings_total`` says how many there are.
    """
    document: dict[str, Any] = {
        "scanner": scanner, "version": version, "state": state, "at": _time(at), "confirmed_at": _time(confirmed_at)
    }  # fmt: skip
    if report is not None:
        worst = sorted(report.findings, key=_badness)
        document |= {
            "distribution": report.distribution, "packages": len(report.packages),
            "gaps": [{"code": gap.code, "text": gap.text} for gap in report.gaps],
            "cautions": [
                {"code": told.code, "text": told.text, "packages": told.packages} for told in cautions.of(report)
            ],
            "counts": _counts(report.findings),
            "findings": [_finding(found) for found in worst[:MOST_FINDINGS]], "findings_total": len(worst),
        }  # fmt: skip
    return _encode(document, trouble)


def layer(digest: str, parts: Iterable[bytes]) -> bytes:
    """LAYER digest: ``{"Layer": {"Name", "NamespaceName", "IndexedByVersion", "Features"?}}``, Clair's v1 document.

    It is the union of what the reports on all images say about that layer, ``parts``, the last one last: features by
    name, namespace, version and layer, their vulnerabilities by name; where two differ, the last says what holds.
    """
    namespace = ""
    features: dict[tuple[str, ...], dict[str, Any]] = {}
    flaws: dict[tuple[str, ...], dict[str, Any]] = {}
    for part in parts:
        read = msgspec.json.decode(part)
        namespace = read.get("NamespaceName") or namespace
        for feature in read.get("Features") or ():
            key = tuple([feature.get(name) or "" for name in ("Name", "NamespaceName", "Version", "AddedBy")])
            features[key] = feature
            known = flaws.setdefault(key, {})
            known.update({flaw.get("Name") or "": flaw for flaw in feature.get("Vulnerabilities") or ()})
    shown = []
    for key in sorted(features):
        feature = {name: value for name, value in features[key].items() if name != "Vulnerabilities"}
        if flaws[key]:
            feature["Vulnerabilities"] = [flaws[key][name] for name in sorted(flaws[key])]
        shown.append(feature)
    document: dict[str, Any] = {"Name": digest, "NamespaceName": namespace, "IndexedByVersion": 3}
    if shown:
        document["Features"] = shown
    return _encoder.encode({"Layer": document})


def _counts(findings: Sequence[Finding]) -> Mapping[str, int]:
    by = Counter([found.severity for found in findings])
    counts = {severity.word: by[severity] for severity in Severity}
    return counts | {"total": len(findings), "fixable": len([1 for found in findings if found.fixed_in])}


def _badness(found: Finding) -> tuple[Any, ...]:
    return (-found.severity, found.vulnerability, found.package.name, found.package.version, found)


def _finding(found: Finding) -> Mapping[str, str]:
    document = {
        "vulnerability": found.vulnerability, "severity": found.severity.word, "package": found.package.name,
        "version": found.package.version, "fixed_in": found.fixed_in, "layer": found.package.layer,
        "rated_by": found.rated_by,
    }  # fmt: skip
    return document | {"link": found.links[0]} if found.links else document


def _content(descriptor: Descriptor) -> Mapping[str, Any]:
    return {"digest": descriptor.digest, "size": descriptor.size, "media_type": descriptor.media_type}


def _child(child: Descriptor) -> Mapping[str, Any]:
    document: dict[str, Any] = {"digest": child.digest, "media_type": child.media_type}
    if child.platform is not None:
        document["platform"] = {"os": child.platform.os, "architecture": child.platform.architecture}
        if child.platform.variant:
            document["platform"]["variant"] = child.platform.variant
        if child.platform.os_version:
            document["platform"]["os_version"] = child.platform.os_version
    if child.artifact_type:
        document["artifact_type"] = child.artifact_type
    return document


def _encode(document: Mapping[str, Any], trouble: Trouble | None) -> bytes:
    if trouble is None:
        return _encoder.encode(document)
    told = {"code": clean(trouble.code), "text": clean(trouble.text), "at": _time(trouble.at)}
    return _encoder.encode({**document, "trouble": told})


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
