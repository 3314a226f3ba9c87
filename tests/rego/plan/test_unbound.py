"""Built-ins that meet an unbound variable in a comprehension that is evaluated apart. Outcomes as OPA 1.22.2's."""

import re

import pytest

from image_enforcer import rego

INPUT = rego.from_json('{"l": [1, 2, "a", 1], "o": {"a": 1, "b": [1, 2]}, "m": [[1, 2], [1, 3]], "n": 2, "e": []}')
FUNCTIONS = """
f(a) if a > 0
h(a) if f(a)
in_list(a) if { a in input.l }
nowhere(a) if { input.nope; a > 0 }
second([a, b]) if a > b
one(1)
asks_one(a) if one(a)
chosen(a) := 1 if a == 2 else := 2 if a > 2
either(a) if { some i; input.l[i] == a }
either(a) if a > 7
same(a) if g(a) == 1
g(_) := 1
"""


def outcome(body: str) -> str:
    query = rego.compile_modules({"t.rego": f"package t\np contains m if {{ {body} }}\n{FUNCTIONS}"})
    try:
        return rego.to_json(query.prepare("data.t.p").value(input=INPUT))
    except rego.EvalError as error:
        return re.sub(r"__local\d+__", "_", f"{error.location.row}:{error.location.col}: {error.message}")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("x = input.l[_]; m = [v | x > 1; x = input.l[v]]", "2:44: built-in function gt called with operand 1 {}: x"),
        ("x = input.l[_]; m = {v | 1 < x; x = input.l[v]}", "2:44: built-in function lt called with operand 2 {}: x"),
        ("some x in input.l; m := {v: 1 | not x > 1; x = input.l[v]}",
         "2:51: built-in function gt called with operand 1 {}: _"),
        ("some x in input.l; m := [v | f(x); x = input.l[v]]",
         "4:9: built-in function gt called with operand 1 {}: _"),
        ("some x in input.l; m := [v | h(x); x = input.l[v]]",
         "4:9: built-in function gt called with operand 1 {}: _"),
        ("some x in input.l; m := [v | in_list(x); x = input.l[v]]",
         "6:17: built-in function internal.member_2 called with operand 1 {}: _"),
        ("some x in input.l; m := [v | second([x, 1]); x = input.l[v]]",
         "8:19: built-in function gt called with operand 1 {}: _"),
        ("x = input.l[_]; m = [v | [x, 1] > [0]; x = input.l[v]]",
         "2:44: built-in function gt called with operand 1 {}: [x, 1]"),
        ('x = input.l[_]; m = [v | y = input.o; 0 < {"k": [x, y]}; x = input.l[v]]',
         '2:57: built-in function lt called with operand 2 {}: {{"k": [x, {{"a": 1, "b": [1, 2]}}]}}'),
        ("x = input.l[_]; m = [v | input.l[_] < {x}; x = input.l[v]]",
         "2:44: built-in function lt called with operand 2 {}: {{x}}"),
        ("some x in input.l; m := [v | chosen(x); x = input.l[v]]",
         "11:26: built-in function gt called with operand 1 {}: _"),
        ("some x in input.l; m := [v | not h(x); x > 1; x = input.l[v]]",
         "4:9: built-in function gt called with operand 1 {}: _"),
        ("x = input.l[_]; m = [v | every q in input.l { q != x }; x = input.l[v]]",
         "2:65: built-in function neq called with operand 2 {}: x"),
    ],
)  # fmt: skip
def test_a_built_in_meets_it(body: str, error: str) -> None:
    assert outcome(body) == error.format("that requires evaluation")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("some x in input.l; m := [v | x = input.l[v]; x == 2]", "[[],[1]]"),
        ("x = input.l[_]; m = [v | x = input.l[v]; count([x]) > 1]", "[[]]"),
        ("some x in input.l; m := [v | input.nope; x > 1; x = input.l[v]]", "[[]]"),
        ("some x in input.l; m := [v | nowhere(x); x = input.l[v]]", "[[]]"),
        ("some x in input.l; m := [v | not nowhere(x); x = input.l[v]]", "[[0,3],[1],[2]]"),
        ("some x in input.l; m := [v | some e in input.e; x > e; x = input.l[v]]", "[[]]"),
        ("some x in input.l; m := [v | asks_one(x); x > 0; x = input.l[v]]", "[[],[0,3]]"),
        ("some x in input.l; m := [v | either(x); x = input.l[v]]", "[[0,3],[1],[2]]"),
        ("some x in input.l; m := [v | not same(x); x > 1; x = input.l[v]]", "[[]]"),
        ("input.e[_]; x = input.l[_]; m = [v | x > 1; x = input.l[v]]", "[]"),
        ("x = input.l[_]; x != \"a\"; m = [v | v = input.l[_]; x > v]", "[[],[1,1]]"),
        ("some x in input.l; m := [v | x in [1]; x = input.l[v]] with input.n as 1", "[[],[0,3]]"),
    ],
)  # fmt: skip
def test_none_meets_it(body: str, found: str) -> None:
    assert outcome(body) == found


def test_only_what_may_meet_one_is_planned_twice() -> None:
    def plan(body: str) -> str:
        policy = f"package t\np contains m if {{ some x in input.l; m := [v | {body}; x = input.l[v]] }}\n{FUNCTIONS}"
        return rego.compile_modules({"t.rego": policy}).prepare("data.t.p").plan()

    assert "not" not in plan("input.n > 1")
    assert "not" not in plan("nowhere(1)")
    assert "error: gt would need the value of its operand 1" in plan("nowhere(x)")


def test_no_more_rules_are_followed_than_there_is_room_for() -> None:
    """Forty rules that call forty more, and so on, would be followed some two million times."""
    names = ("f", "g", "h", "k")
    calls = zip(names, (*names[1:], "last"), strict=True)
    rules = [f"{a}(x) := 1 if {{ input.n == {i}; {b}(x) }}" for a, b in calls for i in range(40)]
    policy = "package t\np := x if { some y in input.l; x := [input.q[y] | f(y); input.z[y]] }\nlast(x) := 1 if x > 3\n"
    plan = rego.compile_modules({"t.rego": policy + "\n".join(rules)}).prepare("data.t.p").plan()
    assert "error: gt would need the value of its operand 1" in plan
    assert plan.count("error: ") <= 300


def test_many_rules_and_many_calls_are_not_nested_without_end() -> None:
    numbers = range(120)
    rules = "\n".join(f"f(x) if {{ input.l[x] == {i}; input.n == {i} }}" for i in numbers)
    calls = "; ".join(f"g{i}(y)" for i in numbers)
    called = "\n".join(f"g{i}(_) if input.n" for i in numbers)
    for body in ("not f(y); input.e[y]", f"{calls}; y = 2"):
        policy = f"p contains m if {{ some y in input.l; m := [v | {body}; y = input.l[v]] }}"
        query = rego.compile_modules({"t.rego": f"package t\n{policy}\n{rules}\n{called}"}).prepare("data.t.p")
        assert rego.to_json(query.value(input=INPUT)) in ("[[]]", "[[],[1]]")
