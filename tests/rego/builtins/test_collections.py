"""Arrays, sets and objects: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'object.get({"a": [1, {"b": 2}]}, ["a", 1, "b"], "d")': "2",
    'object.union({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})': '{"a": {"b": 3, "c": 2}}',
    'object.filter({"a": 1, "b": 2}, ["a"])': '{"a": 1}',
    'object.subset({"a": {"b": [1, 2, 3]}}, {"a": {"b": [2, 3]}})': "true",
    "array.slice([1, 2, 3], -1, 2)": "[1, 2]",
    "array.flatten([[1, [2]], 3])": "[1, [2], 3]",
    "union({{1}, {2}})": "{1, 2}",
    "intersection({{1, 2}, {2, 3}})": "{2}",
    # the smaller set says how a number is spelt
    "intersection({{1.0, 2}, {1}})": "{1}",
    "intersection({{1, 2}, {1.0}})": "{1.0}",
    "{1.0, 2} & {1}": "{1}",
    "{1.0} & {1}": "{1.0}",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@pytest.mark.parametrize("name", ["union", "intersection"])
def test_what_is_no_set_among_sets_is_told_by_its_own_kind(name: str) -> None:
    asked = f"{name}({{x | some x in input.items}})"
    assert outcome(asked, items=["a", {}]) == f"fault: {name}: operand 1 must be set but got string"
    assert outcome(asked, items=[{}, [1]]) == f"fault: {name}: operand 1 must be set but got array"
