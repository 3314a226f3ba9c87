"""Names that are declared in one place and used in another; the words and the order are OPA's."""

from __future__ import annotations

import pytest

from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(n) := {n: 1 | n := input[n]}", ["1: compile_error: var n referenced above"]),
        ("p := [x | x := 1] if { x := 2 }", []),
        ("p := [1 | z := z] if { walk(input, [z, [z]]) }", ["1: compile_error: var z referenced above"]),
        ("f(x) := [y | y := x[_]]", []),
        ("p := {x | some x} if { true }", ["1: unsafe_var_error: var x is unsafe"]),
        (
            "p if { some x; input.y == 1 }\nq := z",
            ["1: compile_error: declared var x unused", "2: unsafe_var_error: var z is unsafe"],
        ),
        (
            "p if { some x; input.y == 1 }\nq := lower(1)",
            ["1: compile_error: declared var x unused", "2: type_error: lower: invalid argument(s)"],
        ),
        (
            "p if { some x; input.y == 1 }\nq if { some y }",
            ["1: compile_error: declared var x unused", "2: compile_error: declared var y unused"],
        ),
        (
            "p if { every x in [1] { every x in [2] { x > 1 } with input as x } }",
            ["1: compile_error: declared var x unused", "1: unsafe_var_error: var x is unsafe"],
        ),
        ("p if { x = input.a; every x in x { x > 1 } }", ["1: unsafe_var_error: var x is unsafe"]),
        ("p contains x if { every y in input[x] { y > x } }", []),
    ],
)
def test_problems(text: str, expected: list[str]) -> None:
    assert sorted(problems(text)) == sorted(expected)
