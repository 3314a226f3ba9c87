"""How steps find their way in base documents, as OPA's store reads them: a text may name a place in an array."""

from __future__ import annotations

import pytest

from image_enforcer import rego

NAMED = '{"1": 7, "1.0": 8, "2.5": 9, "1e3": 10}'
DATA = rego.from_json(
    f'{{"l": [0, [1], {{"x": [5]}}], "m": {NAMED}, "k": "1", "d": {{"l": [0, [1]], "m": {{"1": 7}}}}}}'
)


def found(expression: str) -> str:
    query = rego.compile_modules({}).prepare(f"x := {expression}")
    solutions = query.run(data=DATA, input=rego.from_json('{"k": "1", "n": 1}'))
    return rego.to_json(solutions[0].bindings["x"]) if solutions else "undefined"


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('data.l["0"]', "0"), ('data.l["01"]', "[1]"), ('data.l["+1"]', "[1]"), ('data.l["1.00"]', "[1]"),
        ('data.l["."]', "0"), ('data.l["-0"]', "0"), ('data.l["2"].x["0"]', "5"), ("data.l[input.k]", "[1]"),
        ("data.l[data.k]", "[1]"), ('data.m["1"]', "7"), ("data.m[1]", "7"), ("data.m[input.n]", "7"),
        ('[y | y := data.d[_]["1"]]', "[[1],7]"),
        ("data.m[1.0]", "8"), ("data.m[2.5]", "9"), ("data.m[5 / 2]", "9"), ("data.m[1e3]", "10"),
        ("data.m[2.50]", "undefined"), ("data.m[1000]", "undefined"), ("data.d.m[1.0]", "undefined"),
        ('object.get(data.m, 2.5, "no")', '"no"'), ("[y | z := data.m; y := z[2.5]]", "[]"),
        ('data.l["-1"]', "undefined"), ('data.l["3"]', "undefined"), ('data.l[""]', "undefined"),
        ('data.l["1.5"]', "undefined"), ('data.l["x"]', "undefined"), ('data.l["00000000000000000001"]', "undefined"),
        ('data.l["١"]', "undefined"),
        ('[y | z := data.l; y := z["1"]]', "[]"),
    ],
)  # fmt: skip
def test_steps(expression: str, wanted: str) -> None:
    assert found(expression) == wanted


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('data.l["1"] with data.l as [1, 2]', "undefined"), ('data.l["1"] with data as {"l": [1, 2]}', "undefined"),
        ('data.l["1"] with data.other as 1', "[1]"), ("data.m[1] with data.other as 1", "7"),
    ],
)  # fmt: skip
def test_what_with_puts_there_is_no_base_document(expression: str, wanted: str) -> None:
    assert found(expression) == wanted
