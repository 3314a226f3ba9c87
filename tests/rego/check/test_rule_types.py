"""Types: what can never hold is refused, what may hold is not."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p if 1 == \"a\"", "match error"),
        ("p if { x := 1; x == \"a\" }", "match error"),
        ("p if { [1, x] = [\"a\", 2]; x }", "match error"),
        ("p if { {\"a\": 1} = {\"b\": 1} }", "match error"),
        ("p if count(1) == 1", "count: invalid argument(s)"),
        ("p := 1 + \"a\"", "plus: invalid argument(s)"),
        ("q := {\"a\": 1}\np := q.b", "undefined ref: data.a.q.b"),
        ("q := 1\np := q.b", "undefined ref: data.a.q.b"),
        ("q := [1, 2]\np := q.x", "undefined ref: data.a.q.x"),
        ("f(x) := \"a\"\np if f(1) + 1 == 2", "plus: invalid argument(s)"),
        ("p if { some x in [1, 2]; startswith(x, \"a\") }", "startswith: invalid argument(s)"),
        ("p if \"a\" in {1, 2}", "match error"),
        ("p := [x | x := 1 + \"a\"]", "plus: invalid argument(s)"),
        ("p if { every x in [1] { x; y := [1 | lower(1)]; y } }", "lower: invalid argument(s)"),
        ("q := 1\np if { every x in [1] { x; q.y } }", "undefined ref: data.a.q.y"),
        ("q := 1\np if { every x in [1] { x; q.y } with q as 2 }", "undefined ref: data.a.q.y"),
        ("q := 1\np if { lower(q) with input.x as 1 }", "lower: invalid argument(s)"),
        ("q := 1\nr := 2\np if { lower(q) with r as \"a\" }", "lower: invalid argument(s)"),
        ("q := 1\np if { lower(q) with time.now_ns as 1 }", "lower: invalid argument(s)"),
        ("q := {\"a\": 1}\np if { q.b with q as {\"c\": 1} }", "undefined ref: data.a.q.b"),
        ("p if { x := {input.z: 1, data.y: \"a\"}; y := x[_]; lower(y) }", "lower: invalid argument(s)"),
        ("p if { x := {upper(\"z\"): 1, lower(\"a\"): \"a\"}; y := x[_]; lower(y) }", "lower: invalid argument(s)"),
        ("p if { [x, y] = [set() | input.z]; x; y }", "match error"),
        ("q[null] := 1\np if { x := null; q[x] }", "undefined ref: data.a.q[x]"),
        ("p if { every x in [1] { x } with time.now_ns as 2 }", "function time.now_ns used as reference, not called"),
    ],
)  # fmt: skip
def test_refused(text: str, message: str) -> None:
    found = problems(text)
    assert len(found) == 1
    assert found[0].split(": ", 2)[1:] == ["type_error", message]


@pytest.mark.parametrize(
    "text",
    [
        "p if input.x == \"a\"",
        "p if { x := input.x; x == 1; x == \"a\" }",
        "q := 1 if input.a\nq := \"a\" if input.b\np if q == \"a\"",
        "q[x] := 1 if x := input.k\np := q.b",
        "q := {\"a\": input.b}\np := q.a.c.d",
        "p if { some x in [1, \"a\"]; startswith(x, \"a\") }",
        "q[[1]] := 1\np if { x := [1]; q[x] }",
        "p if data.other.x + 1 == 2",
        "q := {\"a\": 1}\np if { q.b == 1 with data.a.q as {\"b\": 1} }",
        "p if 1 in [1, \"a\"]",
        "p if { every x in [1] { x == \"a\" } }",
        "q := 1\np if { lower(q) with q as \"a\" }",
        "q := r\nr := 1\np if { lower(q) with r as 2 }",
        "q := f(1)\nf(x) := 1\np if { lower(q) with f as 2 }",
        "u := set()\np := lower(u)",
        "p if { some x in 1; lower(x) }",
        "f(a) := 1 if { every e in a { e }; lower(a) }\np := f(1)",
        "f(a) := 1 if { $\"{a}\" == \"a\"; lower(a) }\np := f(1)",
        "f(a) if { object.union({a: a | true}, {}) }",
        "s contains []\ns contains 1 if true\np if { some k; s[k][l]; l }",
        "p if { some x in {set()}; lower(x) }",
        "p if { every x in [1] { lower(x); y := [1 | lower(x)]; y } }",
    ],
)  # fmt: skip
def test_accepted(text: str) -> None:
    assert problems(text) == []


def test_details_show_both_types() -> None:
    with pytest.raises(rego.CompileError) as refused:
        rego.compile_modules({"a.rego": 'package a\np if [1, {"a": true}] == {2}'})
    (problem,) = refused.value.problems
    assert problem.extra == ("left  : array<number, object<a: boolean>>", "right : set[number]")


def test_details_of_a_reference_show_where_it_fails() -> None:
    with pytest.raises(rego.CompileError) as refused:
        rego.compile_modules({"a.rego": 'package a\nq := {"b": 1, "c": 2}\np := q.d'})
    (problem,) = refused.value.problems
    assert problem.extra[0] == "data.a.q.d"
    assert problem.extra[-1].strip() == 'want (one of): ["b" "c"]'


def test_a_query_is_checked_against_the_types_of_rules() -> None:
    policy = rego.compile_modules({"a.rego": "package a\np := 1"})
    with pytest.raises(rego.CompileError, match="match error"):
        policy.prepare('data.a.p = {"x"}')
