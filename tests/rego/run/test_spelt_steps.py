"""Rules whose names are one number, written in two ways, are two to OPA 1.22.2; so they are here."""

import pytest

from image_enforcer import rego


def answer(text: str, query: str = "data.t") -> str:
    value = rego.compile_modules({"t.rego": f"package t\n{text}"}).prepare(query).value(input={"i": 1})
    return "undefined" if value is rego.UNDEFINED else rego.to_json(value)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("g[1.0] := 5\na := g[1]\nb := g[1.0]", '{"b":5,"g":{"1.0":5}}'),
        ("g[1.0] := 5\na := [x | x := g[_]]", '{"a":[5],"g":{"1.0":5}}'),
        ("g[1] := 5\ng[2] := 6\na := g[input.i]", '{"a":5,"g":{"1":5,"2":6}}'),
        ("g[2e0] := 1\ng[2] := 3\na := 4", '{"a":4}'),
        ("g[2e0] := 1\ng[2] := 3 if input.i > 5\na := 4", '{"a":4}'),
        ("g[2] := 3 if input.i > 5\ng[2e0] := 1\na := 4", '{"a":4,"g":{}}'),
        ("g[2] := 3\ng[2e0] := 1\na := [g[2e0], g[2]]\nb := g[2]", '{"a":[1,1],"b":1}'),
        ("g[2e0].a := 1\ng[2].b := 3", '{"g":{"2e0":{"a":1,"b":3}}}'),
        ("g[2e0].a := 1\ng[2].a := 3\na := 4", '{"a":4}'),
    ],
)
def test_documents(text: str, whole: str) -> None:
    assert answer(text) == whole


def test_references() -> None:
    assert answer("g[1.0] := 5", "data.t.g[1]") == "undefined"
    assert answer("g[1.0] := 5", "data.t.g[1.0]") == "5"
