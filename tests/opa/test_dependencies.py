"""What queries depend on; the answers are those of OPA 1.22.2."""

import pytest

from image_enforcer.opa.dependencies import dependencies
from image_enforcer.rego import LimitError, compile_modules, parse_query
from image_enforcer.rego.syntax.printer import term_text

POLICY = """package a
import data.b
allow if { b.ok; input.user.name == "x" }
allow if { some r in data.roles[input.user.name]; r.id == input.ids[_] }
y := x if { x := data.base.z[input.k]; x > 1 } else := data.other.e if input.w
chain if { p := input.p; q := p.q; r := q[_].r; r == data.k1 }
alias if { z := data.only.there }
neg if not data.neg.x
ev if every v in data.evs { v > data.evm }
f(n) := data.fn.base[n]
use := f(input.arg)
"""
OTHER = "package b\nok if data.lib[input.t]"


def told(query: str) -> tuple[list[str], list[str]]:
    found = dependencies(compile_modules({"a": POLICY, "b": OTHER}), parse_query(query))
    return [term_text(r) for r in found.base], [term_text(r) for r in found.virtual]


@pytest.mark.parametrize(
    ("query", "base", "virtual"),
    [
        (
            "data.a.allow",
            ["data.lib", "data.roles", "input.ids", "input.t", "input.user.name"],
            ["data.a.allow", "data.b.ok"],
        ),
        ("data.a.y", ["data.base.z", "data.other.e", "input.k", "input.w"], ["data.a.y"]),
        ("data.a.chain", ["data.k1", "input.p.q"], ["data.a.chain"]),
        ("data.a.alias", ["data.only.there"], ["data.a.alias"]),
        ("data.a.neg", ["data.neg.x"], ["data.a.neg"]),
        ("data.a.ev", ["data.evm", "data.evs"], ["data.a.ev"]),
        ("data.a.use", ["data.fn.base", "input.arg"], ["data.a.f", "data.a.use"]),
        ("data.x.y", ["data.x.y"], []),
        ("x := data.q1; y := x.q2; y[_] == input.z", ["data.q1", "input.z"], []),
        ("1 == 1", [], []),
        ("input[data.a.alias]", ["data.only.there", "input"], ["data.a.alias"]),
    ],
)
def test_as_opa(query: str, base: list[str], virtual: list[str]) -> None:
    assert told(query) == (base, virtual)


def test_rules_below_count() -> None:
    assert told("data.b")[1] == ["data.b.ok"]
    assert len(told("data")[1]) == 9


def test_variables_that_hold_each_other_end() -> None:
    with pytest.raises(LimitError):
        told("x = data.a1; x = y.c; y = x.d")
