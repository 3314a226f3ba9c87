"""Documents by path: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    # An element that nothing reached into is looked up where it stood before the first was removed.
    (
        'json.patch([1, [2], [3]], [{"op": "remove", "path": "/0"}, {"op": "add", "path": "/1/0", "value": 9}])'
    ): "[[2], [9, 2]]",
    'json.patch(1.0, [{"op": "move", "path": "", "from": ""}])': "1.0",
    'json.patch([1], [{"op": "add", "path": "/1.0", "value": 2}])': "[1, 2]",
    'json.patch([1], [{"op": "add", "path": "/01", "value": 2}])': (
        "fault: json.patch: leading zeros are not allowed in JSON paths"
    ),
    'json.patch([1], [{"op": "add", "path": "/x", "value": 2}])': "fault: json.patch: invalid string for indexing",
    'json.patch([1], [{"op": "remove", "path": "/1"}])': "fault: json.patch: index for array delete out of bounds",
    'json.patch({}, [{"op": "add", "path": "/a"}])': "fault: json.patch: missing required attribute 'value'",
    'json.patch(true, [{"op": "add", "path": "/a/b", "value": 1}])': (
        'fault: json.patch: expected composite type for path "a", found value: true (type: ast.Boolean)'
    ),
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
