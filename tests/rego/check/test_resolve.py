"""Terms as they are read first: of a key that is written twice the last value counts, and no other is evaluated."""

from __future__ import annotations

import json

import pytest

from image_enforcer import rego


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("{x: input.z, 1: x, x: x}", {"1": "a", "a": "a"}),
        ('{"a": input.z, "a": 1}', {"a": 1}),
        ("{1: input.z, 1.0: 2}", {"1": 2}),
        ("{lower(x): input.z, lower(x): 2}", {"a": 2}),
    ],
)
def test_repeated_keys(term: str, expected: dict[str, object]) -> None:
    query = rego.compile_modules({"t.rego": f'package t\np := {term} if {{ x := "a" }}'}).prepare("data.t.p")
    answer = query.value(input={})
    assert rego.to_json(answer) == rego.to_json(rego.from_json(json.dumps(expected)))


def test_iterating_over_no_input_at_all_is_undefined() -> None:
    query = rego.compile_modules({"t.rego": "package t\np if { input[n] = 1 }"}).prepare("data.t.p")
    assert query.value() is rego.UNDEFINED
