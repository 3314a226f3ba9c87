"""The recordings of a real Clair v4, as the reports that were sent: what was trimmed from a recording is taken out."""

import json
from pathlib import Path
from typing import Any

import pytest

MARK = "__trimmed__"


def folder(shared_cases: Path) -> Path:
    """The folder of recordings; skips where there is none."""
    found = shared_cases / "clair/recorded"
    if not found.is_dir():
        pytest.skip("the shared cases hold no recordings of Clair")
    return found


def reports(shared_cases: Path, key: str) -> dict[str, dict[str, Any]]:
    """All documents that hold a key (``package_vulnerabilities``, ``success``), by the names of their files."""
    found = {}
    for path in sorted(folder(shared_cases).glob("*.json")):
        read = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(read, dict):
            body = read.get("response", {}).get("body", read)
            if isinstance(body, dict) and key in body and "manifest_hash" in body:
                found[path.name] = whole(body)
    return found


def whole(body: dict[str, Any]) -> dict[str, Any]:
    """A document without marks of what was trimmed, and without what spoke of that."""
    kept: dict[str, Any] = _unmarked(body)
    if MARK in body["environments"]:
        placed = kept["environments"]
        kept["packages"] = {key: value for key, value in kept["packages"].items() if key in placed}
    packages, known = kept["packages"], kept.get("vulnerabilities", {})
    kept["environments"] = {key: value for key, value in kept["environments"].items() if key in packages}
    if "package_vulnerabilities" in kept:
        kept["package_vulnerabilities"] = {
            key: [name for name in names if name in known]
            for key, names in kept["package_vulnerabilities"].items()
            if key in packages
        }
    return kept


def _unmarked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unmarked(item) for key, item in value.items() if MARK not in key}
    if isinstance(value, list):
        return [_unmarked(item) for item in value if not (isinstance(item, str) and MARK in item)]
    return value


def encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
