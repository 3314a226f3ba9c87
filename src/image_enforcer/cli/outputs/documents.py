"""The report as one document, ``verify/v1``: always whole, also where nothing could be checked."""

from __future__ import annotations

import json
from typing import Any

from .report import Place, Report, Result, Trouble, Verdict

SCHEMA = "verify/v1"


def document(report: Report) -> dict[str, Any]:
    """The document. Fields are added in later versions, never given another meaning."""
    return {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "exit": report.exit_code,
        "summary": {
            "images": len(report.results),
            "allowed": report.count(Verdict.ALLOW),
            "denied": report.count(Verdict.DENY),
            "undecided": report.count(Verdict.UNDECIDED),
            "errors": len(report.troubles),
            "others": dict(sorted(report.others.items())),
        },
        "policy": {"revision": report.policy, "data": report.data},
        "results": [_result(r) for r in report.results],
        "errors": [_error(t) for t in report.troubles],
    }


def as_json(report: Report) -> str:
    """Only ASCII characters, so that nothing in it acts on a terminal."""
    return json.dumps(document(report), indent=2) + "\n"


def as_yaml(report: Report) -> str:
    """The same document as YAML."""
    import yaml

    return str(yaml.safe_dump(document(report), sort_keys=False, allow_unicode=False, width=4096))


def _result(result: Result) -> dict[str, Any]:
    return {
        "image": result.image,
        "verdict": result.verdict.value,
        "workload": result.workload.value,
        "where": _where(result.place),
        "reasons": [{"rule": r.rule, "msg": r.text} for r in result.reasons],
        "cause": result.cause,
        "timing": {"ms": round(result.seconds * 1000, 3)},
    }


def _error(trouble: Trouble) -> dict[str, Any]:
    return {"code": trouble.code, "msg": trouble.text, "where": _where(trouble.place), "hint": trouble.hint}


def _where(place: Place) -> dict[str, Any]:
    return {
        "file": place.file,
        "doc": place.document,
        "line": place.line,
        "path": place.path,
        "resource": place.resource,
        "container": place.name,
        "namespace": place.namespace,
    }
