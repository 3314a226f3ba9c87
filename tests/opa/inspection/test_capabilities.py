"""Capabilities beside the recording of OPA's: what there is here is declared as there."""

import json
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.opa.inspection.capabilities import current


@pytest.fixture(scope="module")
def recorded(shared_cases: Path) -> Any:
    path = shared_cases / "opa-golden" / "capabilities.json"
    if not path.is_file():
        pytest.skip("the shared cases hold no capabilities")
    return json.loads(path.read_text(encoding="utf-8"))


def without_texts(node: Any) -> Any:
    """Without descriptions and categories, which are left out here."""
    if isinstance(node, dict):
        return {k: without_texts(v) for k, v in node.items() if k not in ("description", "categories")}
    return [without_texts(v) for v in node] if isinstance(node, list) else node


def test_built_ins_are_declared_as_in_opa(recorded: Any) -> None:
    theirs = {b["name"]: without_texts(b) for b in recorded["builtins"]}
    ours = {b["name"]: b for b in current()["builtins"]}
    assert set(ours) <= set(theirs)
    assert [n for n in ours if json.dumps(ours[n]) != json.dumps(theirs[n])] == []


def test_keywords_and_features(recorded: Any) -> None:
    assert {k: v for k, v in current().items() if k != "builtins"} == {
        k: v for k, v in recorded.items() if k != "builtins"
    }
    assert "contains" in current(0)["future_keywords"]
