"""What is proven unable to raise, and what is not."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from image_enforcer.rego.plan.program import ProgramPlanner
from image_enforcer.rego.plan.purity import VOLATILE
from image_enforcer.rego.plan.raising import TAME, Raising
from image_enforcer.rego.signatures import signatures


def cannot(rules: str) -> bool:
    query = rego.compile_modules({"t.rego": f"package t\n{rules}"}).prepare("data.t.p")
    planner: ProgramPlanner = query.linked.planner
    node = planner.world.find(("t", "p"))
    assert node is not None
    return Raising(planner).cannot(node.doc)


@pytest.mark.parametrize(
    "rules",
    [
        "p contains x if { some x in data.m; x > input.n }",
        "p contains x if { some x in data.m; f(x) }\nf(x) if x > 1\nf(x) if x > 2",
        "p contains x if { some x in data.m; f(x) == 1 }\nf(x) := 1 if { x > 1 } else := 2",
        "p contains x if { some x in data.m; r }\ndefault r := 1\nr := 2 if input.x",
        "p contains x if { some x in data.m; o[x] }\no[k] := true if some k, _ in data.m",
        "p contains x if { some x in data.m; o.a[x] }\no[k] contains v if some k, v in data.m",
        "p contains x if { some x in data.m; count({y | some y in x}) > 0 }",
        "p contains x if { some x in data.m; every y in x { not y == 1 } }",
    ],
)
def test_proven(rules: str) -> None:
    assert cannot(rules)


@pytest.mark.parametrize(
    "rules",
    [
        "p contains x if { some x in data.m; f(x) }\nf(x) := 1 if x > 1\nf(x) := 2 if x > 2",
        "p contains x if { some x in data.m; f(x) }\nf(x) := y if some y in x",
        "p contains x if { some x in data.m; r }\nr := 1\nr := 2 if input.x",
        "p contains x if { some x in data.m; q[x] }\nq contains x if { x := r }\nr := v if some v in data.m",
        "p contains x if { some x in data.m; o[x] }\no[k] := v if some k, v in data.m",
        "p contains x if { some x in data.m; o.a }\no.a := 1\no[k][l] := 1 if some k, l in data.m",
        "p contains x if { some x in data.m; count({y: z | some y, z in x}) > 0 }",
        "p contains x if { some x in data.m; print(x) }",
        "p contains x if { some x in data.m; trace(x) }",
        "p contains x if { some x in data.m; rand.intn(x, 3) }",
        "p contains x if { some x in data.m; data.other[x] with data.other as 1 }",
        "p contains x if { some x in data.m; not f(x) }\nf(x) := y if some y in x",
    ],
)
def test_not_proven(rules: str) -> None:
    assert not cannot(rules)


def test_tame_built_ins_are_built_ins_without_effects() -> None:
    known = signatures()
    assert all(name in known and not known[name].nondeterministic and not known[name].relation for name in TAME)
    assert not TAME & VOLATILE
