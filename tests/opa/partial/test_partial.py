"""Partial evaluation: what is left of a query says the same as the query, whatever the unknown turns out to be."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.explain.exits import Untraceable
from image_enforcer.opa.partial import evaluate_partially
from image_enforcer.opa.repl import Session
from image_enforcer.rego import (
    UNDEFINED,
    Host,
    Limits,
    Policy,
    Snapshot,
    compile_modules,
    parse_query,
)
from image_enforcer.rego.check.visit import Rewriter
from image_enforcer.rego.syntax.nodes import Every, Expr, ExprTerms, Ref, Var

POLICY = """package t
users := {"alice": {"role": "admin"}, "bob": {"role": "dev"}}
arr := [1, 2, 3]
allow if users[input.user].role == "admin"
allow2 if { some u, v in users; u == input.user; v.role == "dev" }
m contains x if { some x in arr; x > input.n }
lk[k] := v if { some k, v in users; input.ok[k] }
default d := false
d if input.a
dflt := "x" if input.a
deny contains "bad" if input.a
deny contains msg if { some i; input.l[i] == 2; msg := sprintf("item %d", [i]) }
g(x, y) if x == y
f(x) := y if y := x + 1
h(x) := "big" if { x > 10 } else := "small"
blocked if input.user == "mallory"
chain if { allow; not blocked }
neg if { not input.a; not input.o.k }
any_two if { some x in input.l; x == 2 }
negs if not any_two
cc := {x | some x in input.l}
con if count(cc) > 1
nested := {"a": input.n, "b": [input.user, 1]}
every_known if { every a in arr { a > input.n } }
every_unknown if { every a in input.l { a > 1 } }
member if input.n in {1, 2}
"""

QUERIES = (
    "allow", "allow2", "m", "m[2]", "m[x]; x > 1", "lk", "lk.alice", 'lk[x].role == "dev"', "d", "d == true", "not d",
    "dflt", 'dflt == "x"', "deny", 'deny["bad"]', "count(deny) == 0", "count(deny) > 1", "g(input.n, 1)", "g(1, 2)",
    "f(input.n) == 2", "x := f(input.n); x > 2", 'h(input.n) == "big"', "chain", "not chain", "neg", "negs",
    "not negs", "con", "nested.a == 1", 'nested.b[0] == "bob"', "nested.b[i] == 1", "every_known", "every_unknown",
    "member", "users[input.user]", "arr[input.n]", "input[x] == 1", "input.n == input.n", "input.a == false",
    "input.a", "not input.a", "not input.a = true", "some x in input.l; x > 1",
    "{x | some x in input.l; x > 1} == {2}", "input.n + 1 == 2; input.n * (input.n + 1) == 2", "input.o.k", "true",
    "1 == 2", "data.nothing", "data.t[input.user]", "input.l[_] == input.n", "[input.n, x] = [1, 2]; x == 2",
    "count(input.l) + input.n > 2", "input.n == 1 with input.n as 1", "not input.n == 2 with input.n as 2",
    "x := input with input.n as 3; x.n == 3; input.n == 1", "y := input.n; count(input.l) == y with input.l as [y]",
)  # fmt: skip

INPUTS = st.fixed_dictionaries({}, optional={
    "user": st.sampled_from(["alice", "bob", "mallory", "allow"]), "n": st.sampled_from([0, 1, 2, 11]),
    "a": st.booleans(), "l": st.lists(st.sampled_from([1, 2]), max_size=3), "ok": st.just({"alice": True}),
    "o": st.sampled_from([{}, {"k": False}, {"k": 1}]),
})  # fmt: skip

INPUT = Ref((Var("input"),))
COMPILED = compile_modules({"t.rego": POLICY})


class _Parsed(Rewriter):
    """A body as if it was written: the key that ``every`` was given is nobody's."""

    def expr_terms(self, expr: Expr) -> ExprTerms:
        made = super().expr_terms(expr)
        if isinstance(made, Every) and isinstance(made.key, Var) and made.key.is_generated:
            return replace(made, key=Var("$key"))
        return made


def left(policy: Policy, query: str) -> tuple[Policy, tuple[Any, ...]]:
    """The policy with the rules made, and the queries that are left."""
    found = evaluate_partially(
        policy, parse_query(query), [INPUT], package=("t",), imports=(), input_=UNDEFINED, data=Snapshot({}),
        limits=Limits(), host=Host(),
    )  # fmt: skip
    support = {f"support {i}": m for i, m in enumerate(found.support)}
    return compile_modules({**policy.modules, **support}), tuple(map(_Parsed().body, found.queries))


@pytest.mark.parametrize("query", QUERIES)
def test_what_is_left_says_the_same(query: str) -> None:
    whole = COMPILED.prepare(query, package=("t",), capture=False)
    policy, queries = left(COMPILED, query)
    parts = [policy.prepare(q, capture=False) if q else None for q in queries]

    @given(INPUTS)
    def same(document: dict[str, Any]) -> None:
        assert bool(whole.run(input=document)) == any(p is None or bool(p.run(input=document)) for p in parts)

    same()


@pytest.mark.parametrize("query", ["allow with input as {}", "allow with data.t.users as {}"])
def test_with_is_refused_where_rules_are_asked_that_are_not_known(query: str) -> None:
    with pytest.raises(Untraceable):
        left(COMPILED, query)


def test_with_on_documents_is_left_as_it_is() -> None:
    assert "│ Query 1 │ input.x with input as {} │" in said("unknown input", "input.x with input as {}")


def said(*lines: str) -> str:
    session = Session(Documents())
    return [session.line(line) for line in lines][-1]


def test_queries_and_support_are_shown() -> None:
    shown = said("p contains x if { some x in input.l; x > 1 }", "unknown input", "p")
    assert shown == (
        "┌───────────┬──────────────────────────────────────┐\n"
        "│ Query 1   │ data.partial.repl.p                  │\n"
        "├───────────┼──────────────────────────────────────┤\n"
        "│ Support 1 │ package partial.repl                 │\n"
        "│           │                                      │\n"
        "│           │ p contains __local2__1 if {          │\n"
        "│           │   __local2__1 = input.l[__local1__1] │\n"
        "│           │   __local2__1 > 1                    │\n"
        "│           │ }                                    │\n"
        "└───────────┴──────────────────────────────────────┘\n"
    )


def test_variables_that_were_found_are_shown() -> None:
    shown = said('allowed = ["GET", "HEAD"]', "unknown input", "method = allowed[i]; input.method = method")
    assert '│ Query 2 │ input.method = "HEAD" │\n│         │ i = 1                 │\n' in shown


def test_what_never_holds_and_what_always_does() -> None:
    assert said("unknown input", "1 == 2; input.x") == "undefined\n"
    assert said("unknown input", "1 == 1") == "┌─────────┬──┐\n│ Query 1 │  │\n└─────────┴──┘\n"
    assert said("unknown input", "json", "1 == 2") == '{\n  "partial": {}\n}\n'


def test_what_cannot_be_evaluated_partially_is_said() -> None:
    assert said("unknown input", "p if { input.x }", "p with input as {}") == (
        "with, where something is not known, cannot be evaluated partially\n"
    )


def test_unknown_is_switched_off() -> None:
    assert said("unknown data.foo", "data.foo == 1", "unknown", "data.foo == 1") == "undefined\n"
