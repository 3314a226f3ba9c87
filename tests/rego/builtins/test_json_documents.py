"""Documents by path: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'json.filter({"a": [1, 2]}, [["a", 0]])': '{"a": []}',
    'json.filter({"a": "x"}, ["a/b"])': '{"a": "x"}',
    'json.filter({"d": {[1, 2]}}, [["d", [1, 2], "0"]])': '{"d": {[1]}}',
    'json.remove({"a": [1, 2]}, [["a", 0]])': '{"a": [1, 2]}',
    'json.remove({"d": {1, [2]}}, [["d", [2], "0"]])': '{"d": {1, []}}',
    'json.filter({"a": {"b": 1, "c": 2}, "d": 3}, ["a/b", "d"])': '{"a": {"b": 1}, "d": 3}',
    'json.remove({"a": {"b": 1, "c": 2}}, ["a/b"])': '{"a": {"c": 2}}',
    (
        'json.patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}, {"op": "move", "from": '
        '"/a/0", "path": "/b"}])'
    ): '{"a": [2], "b": 1}',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
