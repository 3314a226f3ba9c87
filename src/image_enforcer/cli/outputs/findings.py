"""Findings of ``lint``: lines for people, JSON, and SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ... import __version__
from ...opa.lint import SEVERITIES, Finding, Rule
from ...opa.presentation import harmless
from .sarif import SCHEMA, artifact


def render(form: str, found: Sequence[Finding], modules: int) -> str:
    """The findings in one form: ``text``, ``json`` or ``sarif``."""
    match form:
        case "json":
            return json.dumps({"modules": modules, "findings": [_json(f) for f in found]}, indent=2) + "\n"
        case "sarif":
            return _sarif(found)
        case _:
            return _text(found, modules)


def listing(rules: Sequence[Rule]) -> str:
    """A line for each rule."""
    return "".join(f"{r.code}  {r.severity:7}  {r.name}: {r.summary}\n" for r in rules)


def _text(found: Sequence[Finding], modules: int) -> str:
    lines: list[str] = []
    for f in found:
        place = f"{f.location.file}:{f.location.row}:{f.location.col}"
        lines.append(harmless(f"{place}: {f.rule.code} {f.message} [{f.rule.severity}, {f.rule.name}]"))
        lines.append(f"  hint: {f.rule.remedy}")
    counts = Counter(f.rule.severity for f in found)
    said = ", ".join(_counted(counts[s], s) for s in SEVERITIES if counts[s]) or "nothing found"
    return "\n".join([*lines, f"{said} in {_counted(modules, 'module')}"]) + "\n"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _json(finding: Finding) -> dict[str, Any]:
    rule, location = finding.rule, finding.location
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity,
        "message": finding.message,
        "why": rule.why,
        "remedy": rule.remedy,
        "file": location.file,
        "row": location.row,
        "col": location.col,
    }


# --- SARIF ---------------------------------------------------------------------------------------


def _sarif(found: Sequence[Finding]) -> str:
    rules = {f.rule.code: f.rule for f in found}
    order = {code: i for i, code in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "image-enforcer",
                "version": __version__,
                "rules": [_described(r) for r in rules.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, order[f.rule.code]) for f in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _described(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    location = finding.location
    lines = location.text.split("\n")
    region: dict[str, Any] = {"startLine": max(location.row, 1), "startColumn": max(location.col, 1)}
    if lines[0] or len(lines) > 1:
        region["endLine"] = region["startLine"] + len(lines) - 1
        region["endColumn"] = (region["startColumn"] if len(lines) == 1 else 1) + len(lines[-1])
    # The same finding keeps its identity when lines move.
    identity = f"{finding.rule.code}\0{location.file}\0{' '.join(location.text.split())}"
    return {
        "ruleId": finding.rule.code,
        "ruleIndex": index,
        "level": finding.rule.severity,
        "message": {"text": finding.message},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": artifact(location.file)}, "region": region}},
        ],
        "partialFingerprints": {"policyRule/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }
