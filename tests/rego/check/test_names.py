"""Names: what they stand for, what hides what, and what may not be declared twice."""

from __future__ import annotations

from typing import Any

import pytest

from image_enforcer import rego
from tests.rego.check.compiling import problems


def value(text: str, query: str = "data.a.p", **given: Any) -> Any:
    return rego.compile_modules({"a.rego": f"package a\n{text}"}).prepare(query).value(**given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("q := 1\np := q", 1),
        ("import data.a.q as r\nq := 2\np := r", 2),
        ("import input.user\np := user", "kim"),
        ("q := 1\np := q if { q := 3 }", 3),
        ("q := 1\nf(q) := q\np := f(4)", 4),
        ("q := 1\np := [q | q := [5, 6][_]]", [5, 6]),
        ("q := 1\np := x if { some q in [7]; x := q }", 7),
        ("q := 1\np := [x, q] if { x := [q | q := 9][0] }", [9, 1]),
        ("p := x if { x := 1; y := [x | x := 2]; y == [2] }", 1),
    ],
)
def test_what_a_name_stands_for(text: str, expected: Any) -> None:
    assert value(text, input={"user": "kim"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p if { x := 1; x := 2 }", ["1: compile_error: var x assigned above"]),
        ("p if { some x; x := 2 }", ["1: compile_error: var x declared above"]),
        ("p if { x == 1; x := 2 }", ["1: compile_error: var x referenced above"]),
        ("f(x) if { x := 2 }", ["1: compile_error: arg x redeclared"]),
        ("p if { not x := 1 }", ["1: compile_error: cannot assign vars inside negated expression"]),
        ("p if { 1 := 1 }", ["1: compile_error: cannot assign to number"]),
        ("q := [8]\np if { every q in q { q == 8 } }", ["2: unsafe_var_error: var q is unsafe"]),
        ("p if { some x; true }", ["1: compile_error: declared var x unused"]),
        ("p if { f := 1; f(2) }\nf(x) := x", ["1: type_error: undefined function f"]),
        ("p if { f := 1; x := f(2); x }\nf(x) := x", ["1: compile_error: called function f shadowed"]),
        ("p if { x := f(2); f := 1; x }\nf(x) := x", ["1: compile_error: var f referenced above"]),
        ("p if { 2 > 1; gt := 1; gt }", ["1: compile_error: var gt referenced above"]),
        ('p contains lower("a") if { lower := 1 }', ["1: type_error: undefined function lower"]),
        ("f(count) := count([1])", ["1: type_error: undefined function count"]),
        ('f(x, [lower("A")]) := x', ["1: compile_error: rule arguments cannot contain calls"]),
        ("f(x, 1 + 1) := x", ["1: compile_error: rule arguments cannot contain calls"]),
        ('p if { $"{input[x]}"; x := 1 }', ["1: compile_error: var x referenced above"]),
        ("p := f(1) if { f := 1 }\nf(x) := x", ["1: type_error: undefined function f"]),
        ("input := 1", ["1: compile_error: rules must not shadow input (use a different rule name)"]),
        ("f([data]) := 1", ["1: compile_error: args must not shadow data (use a different variable name)"]),
        ("p if { input := 1 }", ["1: compile_error: variables must not shadow input (use a different variable name)"]),
        ("import data.x\nimport data.y.x", ["2: compile_error: import must not shadow import data.x"]),
        ("p := print(1)", ["1: type_error: print(1) used as value"]),
        ("p if { all([true]) }", ["1: type_error: deprecated built-in function calls in expression: all"]),
    ],
)
def test_problems(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import data.x\np := 1", ["1: compile_error: import data.x unused"]),
        ("p if { x := 1 }", ["1: compile_error: assigned var x unused"]),
        ("f(x) := 1", ["1: compile_error: unused argument x. (hint: use _ (wildcard variable) instead)"]),
        ("f(x) := 1 if false else := x", []),
        ("p := x if { x := 1 }", []),
    ],
)
def test_strict_problems(text: str, expected: list[str]) -> None:
    assert problems(text, strict=True) == expected
    assert problems(text) == []


def test_version_0_allows_what_version_1_refuses() -> None:
    text = "import data.x\nimport data.y.x\np { all([true]); input := 1 }"
    assert problems(text, version=0) == []


def test_problems_are_in_the_order_of_the_text_and_limited() -> None:
    found = problems("\n".join(f"r{i} := x{i}" for i in range(15)))
    assert found[:2] == ["1: unsafe_var_error: var x0 is unsafe", "2: unsafe_var_error: var x1 is unsafe"]
    assert len(found) == 11
    assert found[-1].endswith("error limit reached")
