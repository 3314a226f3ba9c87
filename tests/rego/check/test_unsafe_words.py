"""What OPA says of variables without a value, and of which of them."""

from __future__ import annotations

import pytest

from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p if { _ == 1; x > 1 }", ["1: unsafe_var_error: var _ is unsafe", "1: unsafe_var_error: var x is unsafe"]),
        (
            "p if { x := y; z := x; a > 1 }",
            ["1: unsafe_var_error: var y is unsafe", "1: unsafe_var_error: var a is unsafe"],
        ),
        (
            "p if { x := y; y := z; z := x }",
            ["1: compile_error: var y referenced above", "1: compile_error: var z referenced above"],
        ),
        ("p if { [x, {y}] = input.a; y == 1 }", []),
        ("p if { x = {x} }", []),
        ("p if { [x, y] := {k: v | some k, v in input}; x == 1 }", ["1: type_error: match error"]),
        ("p if { print(x) }", ["1: compile_error: var x is undeclared"]),
        ('p if { some q; q = {"b": q}; print(q) }', ["1: unsafe_var_error: var q is unsafe"]),
        ("p contains {1 | print(x)} if { x := 1 }", ["1: compile_error: var x is undeclared"]),
        ("p if { x = [y | y = x] }", ["1: unsafe_var_error: var x is unsafe"]),
        ("p[x] := y if { z := x }", ["1: unsafe_var_error: var y is unsafe"]),
    ],
)
def test_version_1(text: str, expected: list[str]) -> None:
    assert sorted(problems(text)) == sorted(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "p { x > 1; every }",
            [
                "1: unsafe_var_error: var x is unsafe",
                (
                    "1: unsafe_var_error: var every is unsafe (hint: `import future.keywords.every` to import "
                    "a future keyword)"
                ),
            ],
        ),
        (
            "p { contains > 1; contains }",
            [
                (
                    "1: unsafe_var_error: var contains is unsafe (hint: `import future.keywords.contains` to "
                    "import a future keyword)"
                )
            ],
        ),
    ],
)
def test_version_0(text: str, expected: list[str]) -> None:
    assert sorted(problems(text, version=0)) == sorted(expected)
