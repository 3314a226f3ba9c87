"""SARIF 2.1.0, as code scanning takes it: a rule for each code, a result for each reason, at the image's true line."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from ... import __version__
from .report import Place, Report, Result, Verdict

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_UNNAMED: Final = {Verdict.DENY: "denied", Verdict.UNDECIDED: "undecided", Verdict.ALLOW: "workload-denied"}


def as_sarif(report: Report) -> str:
    """One run. An image without a file stands for its own place, since every result must have one."""
    rules: dict[str, int] = {}
    results: list[dict[str, Any]] = []
    for result in report.results:
        for rule, text in _findings(result):
            index = rules.setdefault(rule, len(rules))
            results.append(_result(result, rule, index, text))
    run = {
        "tool": {
            "driver": {
                "name": "image-enforcer",
                "version": __version__,
                "rules": [
                    {
                        "id": rule,
                        "name": rule,
                        "shortDescription": {"text": f"The policy's rule {rule}"},
                        "defaultConfiguration": {"level": "error"},
                    }
                    for rule in rules
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.troubles,
                "exitCode": report.exit_code,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": f"{trouble.code}: {trouble.text}"},
                        "locations": [_location(trouble.place, trouble.place.file or "verify")],
                    }
                    for trouble in report.troubles
                ],
            }
        ],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _findings(result: Result) -> list[tuple[str, str]]:
    if result.held:
        return []  # nothing is wrong with this image; the one that is to blame has results of its own
    found = [(r.rule or _UNNAMED[result.verdict], r.text) for r in result.reasons]
    if result.verdict is not Verdict.ALLOW and not found:
        found = [(_UNNAMED[result.verdict], f"{result.verdict.value}, without a reason")]
    return found


def _result(result: Result, rule: str, index: int, text: str) -> dict[str, Any]:
    # The same finding keeps its identity when lines move or the tag changes.
    repository = result.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    identity = f"{rule}\0{result.place.resource}\0{result.place.part}\0{repository}"
    return {
        "ruleId": rule,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": f"{result.image}: {text}"},
        "locations": [_location(result.place, result.image)],
        "partialFingerprints": {"imageRule/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }


def _location(place: Place, otherwise: str) -> dict[str, Any]:
    uri = artifact(place.file or otherwise)
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": max(place.line, 1)}}
    }
    logical = " ".join(part for part in (place.resource, place.part) if part)
    if logical:
        location["logicalLocations"] = [{"fullyQualifiedName": logical, "kind": "resource"}]
    return location


def artifact(file: str) -> str:
    """A file as a URI, relative where its path is."""
    path = PurePath(file)
    return ("file://" if path.is_absolute() else "") + quote(path.as_posix(), safe="/@")
