"""A result that is written out is compared with the value in a rule's head before the rule's body, as by OPA 1.22.2."""

from __future__ import annotations

import pytest

from image_enforcer import rego

POLICY = """package t
first(x) := 1 if { print("one"); x == 0 } else := {1: 2} if { print("two"); x == 0 }
fallback(x) := 3 if x == 0
default fallback(_) := {1: 7}
pair(x) := [x, 2] if print("pair")
pair(x) := [x, y] if { print("other pair"); y := 2 }
whole(x) := x if print("whole")
named(x) := {"a": x, "b": y} if { print("named"); y := x + 1 }
several(x) := [x, y] if some y in [1, 2, 3]
"""


def answer(text: str) -> tuple[str | None, list[str]]:
    """The value of a rule and the lines that are printed."""
    printed: list[str] = []
    host = rego.Host(print=lambda line, _: printed.append(line))
    query = rego.compile_modules({"t.rego": f"{POLICY}{text}"}).prepare("data.t.p")
    found = query.value(input={"zero": 0}, host=host)
    return None if found is rego.UNDEFINED else rego.to_json(found), printed


@pytest.mark.parametrize(
    ("body", "found", "printed"),
    [
        ("first(0, {1: z})", "2", ["two"]),
        ("first(input.zero, {1: z})", "2", ["two"]),
        ("fallback(0, {1: z})", "7", []),
        ("pair(0, [1, z])", None, []),
        ("pair(0, [0, z])", "2", ["pair", "other pair"]),
        ("pair(2, [z, z])", "2", ["pair", "other pair"]),
        ("pair(0, [z, z])", None, ["other pair"]),
        ("whole(2, [z, z])", None, []),
        ("whole([1, 2], [z, 2])", "1", ["whole"]),
        ('named(9, {"a": z, "b": 10})', "9", ["named"]),
        ('named(9, {"a": z, "b": 11})', None, ["named"]),
        ('some w; k := "a"; named(8, {k: z, "b": w})', "8", ["named"]),
        ('some w; k := "c"; named(8, {k: z, "b": w})', None, []),
        ('k := "b"; l := "a"; named(8, {k: z, l: _})', "9", ["named"]),
        ("several(1, [z, 2])", "1", []),
        ("first(0, {1: z}) with data.t.first as {1: 5}", "5", []),
    ],
)
def test_only_rules_that_can_give_it_are_looked_at(body: str, found: str | None, printed: list[str]) -> None:
    assert answer(f"p := z if {{ {body} }}") == (found, printed)


def test_what_was_wanted_once_is_what_the_function_gives_from_then_on() -> None:
    assert answer("p := [z, first(0)] if first(0, {1: z})")[0] == '[2,{"1":2}]'
    assert answer("p := [first(0), z] if { first(0) == 1; first(0, {1: z}) }")[0] is None


def test_all_values_that_are_wanted_have_to_agree() -> None:
    with pytest.raises(rego.EvalError, match=r"function data\.t\.several produced conflicting values"):
        answer("p := z if several(1, [1, z])")


def test_a_function_that_takes_the_place_of_another_is_asked_for_the_same_value() -> None:
    assert answer("other(x) := 2 if x > 0\nelse := 3\np if first(1, 3) with data.t.first as other")[0] == "true"


def test_what_stands_for_a_pattern_is_wanted_of_the_next_function() -> None:
    assert answer("outer(x) := y if first(x, y)\np := z if outer(0, {1: z})") == ("2", ["two"])


def test_equal_operands_are_the_same_call() -> None:
    assert (
        answer("way(x) := 1 if x[0] > 0\nelse := 2 if x[1] > 0\np := y if { way([1, 2], 2); way([1, 2], y) }")[0] == "2"
    )


def test_forms_without_number_are_refused() -> None:
    rules = "".join(f"many(x) := [{i}, x] if x > {i}\n" for i in range(200))
    calls = "".join(f'p contains z if many({i}, [z, {{"k{i}": z}}])\n' for i in range(60))
    with pytest.raises(rego.CompileError, match="written out in so many ways that more than 10000 rules"):
        rego.compile_modules({"t.rego": f"package t\n{rules}{calls}"}).prepare("data.t.p")
