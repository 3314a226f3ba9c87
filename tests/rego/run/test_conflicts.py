"""Conflicts name every value that differs from the first one, and where the rules stand; OPA's words."""

import pytest

from image_enforcer import rego


def message(text: str, query: str = "data.a.p", **given: object) -> str:
    policy = rego.compile_modules({"a.rego": "package a\n" + text})
    with pytest.raises(rego.EvalError) as caught:
        policy.prepare(query).run(input=given)
    assert caught.value.code == "eval_conflict_error"
    return caught.value.message


def test_rules() -> None:
    text = "p := 1\np := 2 if true\np := 3 if input.x\np := 2 if { 1 == 1 }\np := 1 if true"
    assert message(text) == (
        "rule data.a.p produced conflicting values:\n  1 at a.rego:2\n  2 at a.rego:3\n  2 at a.rego:5"
    )


def test_one_rule() -> None:
    assert message("p := x if { some x in [1, 1, 2, 3] }") == (
        "rule data.a.p produced conflicting values:\n  1 at a.rego:2\n  2 at a.rego:2"
    )


def test_functions() -> None:
    text = "f(x) := y if { some y in [x, x + 1] }\nf(x) := 7 if x == 1\nf(x) := 1 if { x == 1 } else := 9"
    head = "function data.a.f produced conflicting values for the same inputs:\n"
    assert message(text, "data.a.f(1)") == head + "  1 at a.rego:2\n  2 at a.rego:2\n  7 at a.rego:3"
    assert message(text, "data.a.f(2)") == head + "  2 at a.rego:2\n  3 at a.rego:2\n  9 at a.rego:4"


def test_of_what_a_rule_needs() -> None:
    text = "q := 1\nq := 2\np if q\np if not q"
    assert message(text) == "rule data.a.q produced conflicting values:\n  1 at a.rego:2\n  2 at a.rego:3"


def test_many_and_long() -> None:
    text = "\n".join(f'p := "{i}{"x" * 100}"' for i in range(20))
    lines = message(text).split("\n")
    assert len(lines) == 12
    assert lines[1] == f'  "0{"x" * 78}... at a.rego:2'
    assert lines[-1] == "  ..."


def test_what_goes_wrong_while_they_are_listed() -> None:
    """A further rule beyond the limits does not hide the conflict that there is."""
    text = "p := 1\np := 2\np := count([x | some x in numbers.range(1, 100000); x > 1])"
    policy = rego.compile_modules({"a.rego": "package a\n" + text})
    with pytest.raises(rego.EvalError, match=r"a\.rego:3"):
        policy.prepare("data.a.p").run(limits=rego.Limits(units=20_000))


def test_a_name_with_quotes_stands_as_it_is() -> None:
    text = 'p["{\\"a\\": 1}"].z := x if { some x in [1, 2] }'
    assert message(text, "data.a") == (
        'rule data.a.p["{"a": 1}"].z produced conflicting values:\n  1 at a.rego:2\n  2 at a.rego:2'
    )


def place(text: str, **given: object) -> tuple[int, int]:
    policy = rego.compile_modules({"a.rego": "package a\n" + text})
    with pytest.raises(rego.EvalError, match="keys must be unique") as caught:
        policy.prepare("data.a.p", strict_builtin_errors=True).run(input=given)
    return caught.value.location.row, caught.value.location.col


@pytest.mark.parametrize("term", ['"a"', "input.k", "1 + 1", "k"])
def test_keys_of_a_comprehension_that_are_one(term: str) -> None:
    assert place(f"p := {{   {term}: x | some x in [1, 2]; k := 1 }}", k="x") == (2, 10)


def test_rules_below_a_partial_one_come_in_the_order_of_their_names() -> None:
    text = 'p[k] := [v] if { some k, v in {"a": 1, "b": 2} }\np.b := to_number("x")\np.a := 1'
    assert place(text) == (4, 1)
    text = "p[k] := [v] if { some k, v in {1: 1, 2: 2} }\np[2] := to_number(input.n)\np[1] := 1"
    assert place(text, n="x") == (4, 1)


F = "f(x) := x\nf(x) := x + 1\n"
G = "g(x) := x\ng(x) := x + 1\n"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("p if { f(1); g(2) }", "data.a.g"),
        ("p if { f(1); not g(2) }", "data.a.g"),
        ("p if { f(1) == 7; g(2) }", "data.a.f"),
        ("p if { every x in [1, 2] { f(x) }; g(2) }", "data.a.f"),
        ("p if { some x in [1, 2]; f(x); x == 2; g(x) }", "data.a.f"),
        ("p := x if { x := [y | some z in [1]; y := f(z)]; g(2) }", "data.a.f"),
        ("p := q if g(2)\nq := f(1)\nq := 9", "data.a.f"),
        ("p := x if { x := q; g(2) }\nq := f(1)\nq := 9", "data.a.g"),
        ("p := x if { q; x := 1 }\nq := f(1)\nq := 9", "data.a.f"),
        ("p contains y if { y := f(1) }\np contains y if { y := g(1) }", "data.a.f"),
    ],
)
def test_what_rests_on_the_first_value_comes_before_another_value(text: str, first: str) -> None:
    assert message(f"{text}\n{F}{G}").split()[1] == first


def test_a_value_that_rests_on_one_of_the_same_rule() -> None:
    listing = ":\n  1 at a.rego:3\n  2 at a.rego:3"
    text = "p := f(f(7))\nf(_) := x if { some x in [1, 2] }"
    assert message(text) == "function data.a.f produced conflicting values for the same inputs" + 2 * listing


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("p := lower(q)\nq := input.n\nq := 2", "lower: operand 1 must be string but got number"),
        ("p := lower(q)\nq := input.n\nq := upper(input.n)", "lower: operand 1 must be string but got number"),
        ("p := q\nq := input.n\nq := upper(input.n)", "upper: operand 1 must be string but got number"),
        ("p if { some x in [1, 2]; f(x); x == 2; lower(input.n) }", "function data.a.f"),
        ("p := q\nq := f(1)\nq := lower(input.n)", "function data.a.f"),
    ],
)
def test_faults_of_built_ins_in_strict_mode(text: str, first: str) -> None:
    query = rego.compile_modules({"a.rego": f"package a\n{text}\n{F}"}).prepare("data.a.p", strict_builtin_errors=True)
    with pytest.raises(rego.EvalError) as caught:
        query.run(input={"n": 1})
    assert caught.value.message.startswith(first)


def test_a_document_with_a_conflict_is_not_kept_with_the_data() -> None:
    query = rego.compile_modules({"a.rego": "package a\np := q\nq := x if { some x in data.n }"}).prepare("data.a.p")
    snapshot = rego.Snapshot({"n": [1, 2]})
    for _ in range(3):
        with pytest.raises(rego.EvalError, match="conflicting"):
            query.run(data=snapshot)


def test_limits_hold_behind_a_conflict() -> None:
    text = "p := x if { q; x := count([y | some y in numbers.range(1, 1000000)]) }\nq := 1\nq := 2"
    query = rego.compile_modules({"a.rego": f"package a\n{text}"}).prepare("data.a.p")
    with pytest.raises(rego.LimitError, match="bytes"):
        query.run(limits=rego.Limits(memory=1_000_000))
    with pytest.raises(rego.LimitError, match="steps"):
        query.run(limits=rego.Limits(units=10_000, memory=None))
