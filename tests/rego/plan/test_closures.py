"""Comprehensions that OPA evaluates apart, with its index: of equal keys of an object the last one wins there.

Outcomes as OPA 1.22.2 gives them.
"""

import pytest

from image_enforcer import rego

INPUT = rego.from_json(
    '{"a": ["p"], "n": 1, "rows": [{"owner": "p", "name": "n"}, {"owner": "p", "name": "n"}, {"owner": "q"}]}'
)
CONFLICT = "object keys must be unique"


def outcome(body: str) -> str:
    query = rego.compile_modules({"t.rego": f"package t\np := m if {{ {body} }}\ng(x) := x\n"}).prepare("data.t.p")
    try:
        return rego.to_json(query.value(input=INPUT))
    except rego.EvalError as error:
        return error.message


@pytest.mark.parametrize(
    "body",
    [
        "x = input.a[_]; m = {k: v | input.rows[v].owner = x; k = input.rows[v].name}",
        "some x in input.a; m := {r.name: v | some v, r in input.rows; r.owner == x}",
        "some x in input.a; m := {k: v | some v; input.rows[v].owner == x; k := input.rows[v].name}",
        "some x in input.a; {k: v | input.rows[v].owner == x; k := input.rows[v].name} = m",
        "some x in input.a; some o in input.rows; o.owner == x; m := {r.name: v | r := input.rows[v]; r.owner == x}",
        "some x in input.a; m := [{k: v | input.rows[v].owner == x; k := input.rows[v].name} | true][0]",
    ],
)
def test_the_last_of_equal_keys_wins(body: str) -> None:
    assert outcome(body) == '{"n":1}'


@pytest.mark.parametrize(
    "body",
    [
        "m := {k: v | k := input.rows[v].name}",
        "m := {k: v | input.rows[v].owner == input.a[0]; k := input.rows[v].name}",
        "some x in input.a; m := {k: v | k := input.rows[v].name; g(x)}",
        "some x in input.a; m := {k: v | input.rows[v].owner == x; k := input.rows[v].name} with input.n as 2",
        "some x in input.a; m := {k: v | input.rows[v].owner == x; k := input.rows[v].name; count([x | x]) > 0}",
        "x = input.rows[_].owner; m := {k: v | not x = 1; x = input.rows[v].owner; k = input.rows[v].name}",
        "x := 0; m := {k: v | input.rows[x].owner = o; input.rows[v].owner = o; k := input.rows[v].name}",
    ],
)
def test_without_an_index_they_conflict(body: str) -> None:
    assert outcome(body) == CONFLICT
