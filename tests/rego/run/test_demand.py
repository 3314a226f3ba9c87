"""What is asked for is evaluated, not what could be enumerated; and which conflicts are met on the way, as in OPA."""

from __future__ import annotations

from typing import Any

import pytest

from image_enforcer import rego

MANY = {f"k{i}": i for i in range(5_000)}
TIGHT = rego.Limits(seconds=None, units=400)
"""Steps enough for a look-up, far too few for five thousand elements."""


def query(policy: str) -> rego.Query:
    return rego.compile_modules({"t.rego": f"package t\n{policy}"}).prepare("data.t.p")


def steps_allow(policy: str, **given: Any) -> Any:
    return query(policy).value(data={"many": MANY}, limits=TIGHT, **given)


@pytest.mark.parametrize(
    "policy",
    [
        "p := q[input.k]\nq[k] := v if { some k, v in data.many }",
        "p := q[input.k]\nq[k] := data.many[k] if { some k, _ in data.many }",
        "p := data.many[input.k]",
        "p := q[input.k].x\nq[k].x := v if { some k, v in data.many }",
        "p := 7 if q[input.k]\nq contains k if some k, _ in data.many",
    ],
)
def test_a_bound_key_is_looked_up(policy: str) -> None:
    assert steps_allow(policy, input={"k": "k7"}) == 7
    assert query(policy).value(data={"many": MANY}, input={"k": "z"}) is rego.UNDEFINED


def test_scanning_costs_what_is_scanned() -> None:
    with pytest.raises(rego.LimitError):
        steps_allow("p := count(q)\nq[k] := v if { some k, v in data.many }")


CONFLICT = "q[k] := v if { some [k, v] in [[1, 1], [2, 1], [2, 2]] }\n"


def test_a_conflict_under_another_key_is_not_met() -> None:
    assert query(f"{CONFLICT}p := q[1]").value() == 1
    for policy in ("p := q[2]", "p := q", "p := [v | v := q[_]]", "p if 1 in q", "p := count(q)"):
        with pytest.raises(rego.EvalError, match="object keys must be unique"):
            query(CONFLICT + policy).value()


def test_membership_meets_the_conflicts_of_other_members() -> None:
    members = (
        "q contains 1\nq contains x if { x := f(input.y) }\nf(y) := 1 if y > 0\nf(y) := 2 if y > 1\np if { 1 in q }"
    )
    assert query(members).value(input={"y": 1}) is True
    with pytest.raises(rego.EvalError, match="conflicting values"):
        query(members).value(input={"y": 2})


def test_the_first_of_equal_constants_decides() -> None:
    policy = "p if input.a\np if f(input.b)\nf(x) := 1 if x > 0\nf(x) := 2 if x > 1"
    assert query(policy).value(input={"a": 1, "b": 2}) is True
    with pytest.raises(rego.EvalError, match="conflicting values"):
        query(policy).value(input={"b": 2})


def test_different_values_are_all_looked_at() -> None:
    policy = "p := 1 if input.a\np := 2 if input.b"
    assert query(policy).value(input={"b": 1}) == 2
    with pytest.raises(rego.EvalError, match="conflicting values"):
        query(policy).value(input={"a": 1, "b": 1})


def test_a_scan_stops_at_its_first_solution_where_that_is_enough() -> None:
    policy = "p if { some x in data.many; x >= 0; f(x) }\nf(x) := 1 if x >= 0\nf(x) := 2 if x == 4000"
    assert query(policy).value(data={"many": MANY}) is True
    every = "p if { every x in data.many { f(x) } }\nf(x) := 1 if x >= 0\nf(x) := 2 if x == 4000"
    with pytest.raises(rego.EvalError):
        query(every).value(data={"many": MANY})


def test_rules_are_evaluated_once_in_an_evaluation() -> None:
    heard: list[str] = []
    host = rego.Host(print=lambda text, _: heard.append(text))
    policy = 'p := [q, q, r[1], r[1]]\nq := 1 if print("q")\nr[x] := x if { some x in [1, 2]; print("r", x) }'
    assert query(policy).value(host=host) == [1, 1, 1, 1]
    assert heard == ["q", "r 1"]


def test_order_of_elements_where_it_shows() -> None:
    data = {"s": {"b": 2, "a": 1, "c": 0}}
    assert query("p := [k | some k, _ in data.s]").value(data=data) == ["a", "b", "c"]
    assert query("p := [v | v := data.s[_]]").value(data=data) == [1, 2, 0]
    assert query("p := [x | some x in {3, 1, 2}]").value() == [1, 2, 3]
    assert query('p := [x | some x in {[2, "a"], [1, "b"], ["z"], [1]}]').value() == [[1], [1, "b"], [2, "a"], ["z"]]
