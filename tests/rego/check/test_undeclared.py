"""What ``print`` and template strings may use, as OPA has it."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from image_enforcer.rego.check import undeclared
from image_enforcer.rego.check.safety import Arity, expression_outputs
from image_enforcer.rego.syntax.nodes import Expr
from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    "text",
    [
        'p := $"{input.x[_]}"',
        'p := $"{[x]}"',
        'p := $"{lower(input[_])}"',
        'p if { x > 1; $"{input[x]}" }',
        'p if { y = x; x = 1; $"{input[y]}" }',
        'p if { [1 | x = 1]; $"{input[x]}" }',
        'p if { not $"{input[x]}" == "a" }',
        'p := 1 if { input.y[x]; x == 5 } else := $"{input[x]}" if { true }',
        "p if { print(x); x = 1 }",
        "p if { print(input.x[_]) }",
        "p if { y = x; x = 1; print(y) }",
        "p if { [1 | print(x)]; x = 1 }",
        "p if { every y in [1] { y; print(z) } }",
    ],
)
def test_refused(text: str) -> None:
    (problem,) = problems(text)
    assert problem.endswith("is undeclared")


@pytest.mark.parametrize(
    "text",
    [
        'p if { $"{input[x]}"; x = 1 }',
        'p := $"{input[x]}" if { input.y[x] }',
        'p := [1 | y := [2 | $"{input[x]}"]; input.y[x]]',
        'p if { every y in [1] { $"{input[y]}" == "a" } }',
        'f(x) := $"{input[x]}"',
        'p := $"{[y | y := input[_]]}"',
        "p if { x = 1; print(x, [y | y := input[_]]) }",
        "p if { x = 1; [1 | print(x)] }",
        "p if { walk(input, [x, y]); print(x, y) }",
    ],
)
def test_accepted(text: str) -> None:
    assert problems(text) == []


def test_a_relation_is_no_part_of_a_template_string() -> None:
    assert problems('p := $"{walk(input)}"') == [
        "-1: compile_error: illegal call to relation built-in 'walk' that may cause multiple outputs"
    ]


def test_a_lone_variable_is_unsafe() -> None:
    assert problems('p := $"{x}"') == ["1: unsafe_var_error: var x is unsafe"]


def test_a_long_body_with_prints_is_read_from_the_front_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(expr: Expr, arity: Arity, safe: set[str], *, functions: bool = False) -> set[str]:
        nonlocal asked
        asked += 1
        return expression_outputs(expr, arity, safe, functions=functions)

    monkeypatch.setattr(undeclared, "expression_outputs", counted)
    many = 200
    lines = "\n".join(f"x{i + 1} := x{i} + 1\nprint(x{i})\ny{i} := [z | z := x{i}; print(z)]" for i in range(many))
    rego.compile_modules({"t.rego": f"package t\np if {{\nx0 := 1\n{lines}\n}}"})
    assert 0 < asked < 20 * many
