"""Plans as text: the golden files beside the policies, and every plan has a text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego import CompileError, compile_modules
from tests.differential.programs import program

GOLDEN = Path(__file__).with_name("golden")
QUERIES = {"allow": "data.a.allow", "shapes": "data.b.ok", "query": 'x := data.a.deny[_]; data.a.deny["y"]'}
POLICIES = {"allow": "allow", "shapes": "shapes", "query": "allow"}


@pytest.mark.parametrize("name", QUERIES)
def test_golden(name: str) -> None:
    policy = compile_modules({"p.rego": (GOLDEN / f"{POLICIES[name]}.rego").read_text(encoding="utf-8")})
    shown = policy.prepare(QUERIES[name]).plan()
    assert shown == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@given(st.integers(0, 1 << 32))
def test_every_plan_has_a_text(seed: int) -> None:
    case = program(seed)
    try:
        query = compile_modules({f"m{i}.rego": m for i, m in enumerate(case.modules)}).prepare(case.query)
    except CompileError:
        return
    shown = query.plan()
    assert shown.startswith("query\n")
    assert shown == query.plan()
    assert " loc=" not in shown
