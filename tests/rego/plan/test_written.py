"""Sets and objects written out with variables are scanned as they are written, as by OPA 1.22.2: in the order of the
terms, with members that turn out equal each in its turn."""

import pytest

from image_enforcer import rego

GIVEN = {"a": 2, "b": 1, "c": 1}


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("[x | some x in {input.a, input.b, input.c}]", "[2,1,1]"),
        ("[x | x := {input.a, input.b}[_]]", "[2,1]"),
        ("[x | s := {input.a, input.b}; some x in s]", "[2,1]"),
        ("[x | s := {input.a, input.b}; y := [z | some z in s]; x := y[_]]", "[2,1]"),
        ("[[x, y] | some x, y in {input.a: 1, input.b: 2, input.c: 3}]", "[[2,1],[1,2],[1,2]]"),
        ('[x | some x in {"z", input.a, 5, [input.b]}]', '[5,"z",2,[1]]'),
        ("[x | {input.a, input.b, 0}[x]]", "[0,2,1]"),
        ("[y | some x in [1, 2]; y := {x, input.a, 1}[_]]", "[1,1,2,1,2,2]"),
        ("[x | some x in {input.a, input.b, input.a}]", "[2,1]"),
        ("count({input.a, input.b, input.c})", "2"),
        ('{input.a: 1, "k": 2, input.a: 3}', '{"2":3,"k":2}'),
        ("{input.b: 1, 1: 2}", '{"1":1}'),
        ("{x | some x in {input.a, input.b, input.c}}", "[1,2]"),
        ("{input.a, input.b}[2]", "2"),
    ],
)
def test_order_and_number(term: str, found: str) -> None:
    query = rego.compile_modules({"t.rego": f"package t\np := {term}"}).prepare("data.t.p")
    assert rego.to_json(query.value(input=GIVEN)) == found
