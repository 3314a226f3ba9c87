"""Scans in any order: where nobody can tell, and nowhere else."""

import pytest

from image_enforcer import rego
from image_enforcer.rego.plan import ops
from image_enforcer.rego.plan.program import ProgramPlanner
from image_enforcer.rego.plan.purity import walk
from image_enforcer.rego.plan.raising import Raising
from image_enforcer.rego.plan.relaxing import relaxed


def ordered(body: str) -> list[bool]:
    """For each scan of the rule ``r`` whether it goes in order."""
    modules = rego.compile_modules({"a.rego": f"package a\n{body}\n"}).compiled
    planner = ProgramPlanner(modules)
    node = planner.world.find(("a", "r"))
    assert node is not None
    routine = relaxed(planner.routine(node.doc, ""), Raising(planner))
    return [op.ordered for c in routine.clauses for b in c.blocks for op in walk(b) if isinstance(op, ops.Scan)]


@pytest.mark.parametrize(
    "body",
    [
        'r if { some x in input.s; startswith(x, "a") }',
        'r contains msg if { some x in input.s; x.bad; msg := sprintf("%v is bad", [x.name]) }',
        'r contains {"msg": m, "n": 1} if { some x in input.s; m := concat("", ["a", x]) }',
        'r contains "constant" if { some x in input.s; some y in x; not y.good }',
        "r contains [a, b] if { some x in input.s; a := lower(x); b := x == 1 }",
        "r := count([y | some y in input.t]) > 0 if { not any_of }\nany_of if { some x in input.s; x > 1 }",
    ],
)
def test_nobody_can_tell(body: str) -> None:
    assert not any(ordered(body)) or body.startswith("r := count")


@pytest.mark.parametrize(
    "body",
    [
        "r contains x if some x in input.s",  # 1 and 1.0 are one member: the first spelling stays
        "r contains [x] if some x in input.s",
        'r contains {"n": x} if some x in input.s',
        "r contains n if { some x in input.s; n := x + 1 }",
        "r := x if some x in input.s",
        "r := [x | some x in input.s]",
        'r contains msg if { some x in input.s; print(x); msg := lower("a") }',
        'r contains "x" if { some x in input.s; f(x) }\nf(1) := true\nf(x) := false if x > 0',  # may conflict
        'r[k] := "v" if some k in input.s',
    ],
)
def test_somebody_can_tell(body: str) -> None:
    assert all(ordered(body))


def test_spellings_are_those_of_the_first_member() -> None:
    query = rego.compile_modules(
        {"a.rego": "package a\nr contains x.n if some x in s\ns contains x if some x in input.s"}
    )
    text = '{"s": [{"n": 1.0, "k": "b"}, {"n": 1, "k": "a"}, {"n": 2e0}]}'
    found = query.prepare("data.a.r").value(input=rego.from_json(text))
    # in the order of the set: {"k": "a", ...} comes before {"k": "b", ...}
    assert rego.to_json(found) == "[1,2e0]"


def test_strict_mode_keeps_the_order_of_errors() -> None:
    text = "package a\nr contains m if { some x in s; m := lower(x) }\ns contains x if some x in input.s"
    query = rego.compile_modules({"a.rego": text}).prepare("data.a.r", strict_builtin_errors=True)
    with pytest.raises(rego.EvalError, match="got null"):
        query.value(input={"s": [["x"], 1, None]})
