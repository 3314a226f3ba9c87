"""Graphs and walks: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'graph.reachable({"a": ["b"], "b": ["c"], "c": [], "d": []}, ["a"])': '{"a", "b", "c"}',
    'graph.reachable_paths({"a": ["b", "c"], "b": ["a"], "c": []}, {"a"})': '{["a", "b"], ["a", "c"]}',
    '[p | walk({"a": [1]}, [p, _])]': '[[], ["a"], ["a", 0]]',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
