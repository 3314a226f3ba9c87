"""Members of sets and pairs of objects are evaluated in OPA's order of terms, whatever the order in the text."""

from __future__ import annotations

import pytest

from image_enforcer import rego


@pytest.mark.parametrize(
    ("term", "first"),
    [
        ('{"b": to_number("x"), "a": to_number("y")}', "y"),
        ('{"b": to_number("x"), 1: to_number("y"), null: to_number("z")}', "z"),
        ('{input.b: to_number("x"), "z": to_number("y"), data.x: to_number("z")}', "y"),
        ('{to_number("y"), to_number("x")}', "x"),
        ('{{"b": to_number("x")}, [to_number("z")], {to_number("y")}}', "z"),
        ('[to_number("z"), {"b": to_number("x"), "a": to_number("y")}]', "z"),
    ],
)
def test_the_first_fault(term: str, first: str) -> None:
    query = rego.compile_modules({"a.rego": f"package a\np := {term}"}).prepare("data.a.p", strict_builtin_errors=True)
    with pytest.raises(rego.EvalError, match=f'parsing "{first}"'):
        query.value(input={"b": 1}, data={"x": 2})
