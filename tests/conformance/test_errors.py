"""Modules that OPA 1.22.2 was asked to check, most of them faulty: the same errors at the same places, all of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from image_enforcer import rego

FLOOR = 325
"""How many modules are answered with exactly OPA's errors: codes, messages, files, rows, columns and details."""


@pytest.fixture(scope="module")
def modules(shared_cases: Path) -> list[Any]:
    """The recorded modules."""
    file = shared_cases / "opa-golden" / "errors.json"
    if not file.is_file():
        pytest.skip("no recorded errors among the shared cases")
    read: list[Any] = json.loads(file.read_text("utf-8"))
    return read


def checked(module: Any) -> list[dict[str, Any]]:
    """The errors of a module, as OPA's ``check`` gives them as JSON."""
    texts = {"a.rego": module["module"], **(module.get("more") or {})}
    args = module["args"]
    try:
        rego.compile_modules(texts, version=0 if "--v0-compatible" in args else 1, strict="--strict" in args)
    except rego.CompileError as error:
        return [as_json(p) for p in error.problems]
    return []


def as_json(problem: rego.Problem) -> dict[str, Any]:
    """One error without the details of type errors, which :func:`wanted` leaves out as well."""
    place = problem.location
    made: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if place.row or place.file:
        made["location"] = {"file": place.file, "row": place.row, "col": place.col}
    if problem.line is not None:
        made["details"] = {"line": problem.line, "idx": problem.index}
    return made


def wanted(module: Any) -> list[dict[str, Any]]:
    """OPA's errors; details are compared where they are a line of source."""
    found = []
    for error in (module.get("check") or {}).get("errors") or []:
        kept = {k: v for k, v in error.items() if k in ("code", "message", "location", "details")}
        if "line" not in (kept.get("details") or {}):
            kept.pop("details", None)
        found.append(kept)
    return found


def test_errors_are_those_of_opa(modules: list[Any], record_property: Any) -> None:
    total: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    failed = []
    for module in modules:
        name = module["class"]
        total[name] += 1
        got, want = checked(module), wanted(module)
        if got == want:
            equal[name] += 1
        else:
            failed.append(f"{name}: {module['module']!r}\n  want {want}\n  got  {got}")
    record_property("figures", f"errors: {equal.total()} of {total.total()} modules with exactly OPA's errors")
    for name in sorted(total):
        record_property("category", f"  {name:<42} {equal[name]:>4} of {total[name]:>4}")
    assert equal.total() >= FLOOR, "\n".join(failed)
