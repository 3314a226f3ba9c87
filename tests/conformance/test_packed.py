"""Policies as people write them answer from packed documents what they answer from plain ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.json_text import packed_from_json
from image_enforcer.rego.packed import Packed, branched


def outcome(case: Any, data: Any) -> str:
    """What a case comes to, as text."""
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.get("modules") or [])}
    try:
        query = rego.compile_modules(modules, version=case.get("rego_version", 1)).prepare(case["query"])
        found = query.run(input=rego.from_json(json.dumps(case.get("input"))), data=data)
    except rego.RegoError as error:
        return str(error)
    return rego.to_json([dict(solution.bindings) for solution in found])


@pytest.mark.parametrize("file", ["idioms/idiom-clair1", "idioms/idiom-datadriven", "fuzz/fuzz-with"])
def test_answers(shared_cases: Path, file: str) -> None:
    path = shared_cases / "rego-suite" / f"{file}.json"
    cases = [case for case in json.loads(path.read_text(encoding="utf-8")) if case.get("data")]
    for case in cases:
        text = json.dumps(case["data"])
        some = packed_from_json(text, least=1)
        root = branched(dict(some.items())) if isinstance(some, Packed) else some
        assert outcome(case, root) == outcome(case, rego.from_json(text)), case["id"]
