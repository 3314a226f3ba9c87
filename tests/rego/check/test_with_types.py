"""Types below ``with``, of functions with a clause that has a fault, and of what only looks like either."""

from __future__ import annotations

import pytest

from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('p if { some x in {"b": 1}; input[x].d with input.z as 1 }', ["1: type_error: undefined ref: input[x].d"]),
        ("p if input.o[null][2] with input.o.a as 1", ["1: type_error: undefined ref: input.o[null][2]"]),
        ("p if { data.d = v; data.d = [n] with data.d.new as 1 }", ["1: type_error: match error"]),
        ('q := 1\np if { q == "a" with data.a.q as "a" }', []),
        ('q := 1\np if { q == "a" with data.a.q as true }', ["2: type_error: match error"]),
        ('q := data.b + 1\np if { q == "a" with data.b as "a" }', ["2: type_error: match error"]),
        ('q := input.b + 1\nr := q + 1\np if { r == "a" with data.a.q as "a" }', []),
        (
            "f(x) := lower(1)\nf(x) := x\np := f(1)",
            ["1: type_error: lower: invalid argument(s)", ("3: type_error: undefined function data.a.f")],
        ),
        ("f(x) := x\nf(x) := lower(1)\np := f(1)", ["2: type_error: lower: invalid argument(s)"]),
        ("f(x) := lower(1)\nf(x) := x\nf(x) := 2\np := f(1)", ["1: type_error: lower: invalid argument(s)"]),
        ('p if { count({1}) == "a" with input as 1 }', ["1: type_error: match error"]),
        (
            'h if input.a\no[h] := 1\no[input.c[input.k]] := lower(1)\ns if { some q in ["a"]; q in o["a"] }',
            ["3: type_error: lower: invalid argument(s)", "4: type_error: undefined ref: data.a.o.a"],
        ),
        ("p if { every k in [1] { k != 3 } with input as [v] }", ["1: unsafe_var_error: var v is unsafe"]),
        (
            ('p if { [k, m] := null with input as [input.o[k] | {"a": b} := m] }'),
            [
                "1: unsafe_var_error: var k is unsafe",
                "1: unsafe_var_error: var m is unsafe",
                "1: unsafe_var_error: var b is unsafe",
                "1: unsafe_var_error: var m is unsafe",
            ],
        ),
        (
            ("p if { [[k | print(1, data.d[k]); k = _] | [z, k] := data.d] == 1 }"),
            ["1: compile_error: var k is undeclared"],
        ),
        (
            ("q := 1\np if { 1 < count([1 | input.x with data.a.q.b as 1]); 1 with data.a.q.a as [] }"),
            ["2: compile_error: with keyword cannot partially replace virtual document(s)"],
        ),
    ],
)
def test_problems(text: str, expected: list[str]) -> None:
    assert sorted(problems(text)) == sorted(expected)
