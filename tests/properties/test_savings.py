"""What a plan saves does not show: generated programs answer alike with and without each of it.

Leaving out the index, or demand, evaluates more: what then ends in an error has no answer to compare, and only that.
"""

from __future__ import annotations

import os
from dataclasses import fields, replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.opa.trees import occupied
from image_enforcer.rego.plan.savings import ALL, Savings
from tests.differential.cases import NOW, Case
from tests.differential.generators import GENERATORS

NAMES: Final = tuple(f.name for f in fields(Savings))
MORE: Final = frozenset({"index", "demand"})
"""Without these, more is evaluated."""
LIMITS: Final = rego.Limits(seconds=60.0, units=200_000)
EXAMPLES: Final = int(os.environ.get("SOAK_EXAMPLES", "25"))


Answer = tuple[str, tuple[str, ...]]
"""What came of an evaluation: ``answer`` with the solutions, a code with a message, or ``limit``."""


def answers(policy: rego.Policy, case: Case, *, runs: int = 1) -> Answer:
    """What a policy says to the question of a case, the last of several times."""
    data = rego.Snapshot(rego.from_json(case.data))
    given_ = rego.UNDEFINED if case.input is None else rego.from_json(case.input)
    host = rego.Host(now_ns=lambda: NOW, random_bytes=bytes)
    try:
        query = policy.prepare(case.query, strict_builtin_errors=case.strict)
        for _ in range(runs - 1):
            query.run(input=given_, data=data, limits=LIMITS, host=host)
        found = query.run(input=given_, data=data, limits=LIMITS, host=host)
    except rego.EvalError as failed:
        return failed.code, (failed.message,)
    except rego.LimitError:
        return "limit", ()
    texts = [
        rego.to_json([*([k, v] for k, v in sorted(s.bindings.items())), *(e.value for e in s.expressions)])
        for s in found
    ]
    return "answer", tuple(sorted(texts))


def compiled(case: Case) -> rego.Policy | None:
    """The policy of a case, None where it is refused."""
    data = rego.from_json(case.data)
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.modules)}
    try:
        policy = rego.compile_modules(modules, version=case.version, path_conflicts=lambda path: occupied(data, path))
        policy.prepare(case.query)
    except rego.CompileError:
        return None
    return policy


CASES: Final = st.tuples(st.sampled_from(("small", "small", "wide", "programs", "admission")), st.integers(0, 1 << 24))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=EXAMPLES)
@given(CASES)
def test_answers_do_not_follow_from_it(name: str, drawn: tuple[str, int]) -> None:
    generator, seed = drawn
    case = GENERATORS[generator](seed)
    policy = compiled(case)
    if policy is None:
        return
    with_, without = answers(policy, case), answers(policy.saving(replace(ALL, **{name: False})), case)
    if "limit" in (with_[0], without[0]) or (name in MORE and without[0] != "answer"):
        return
    assert without == with_, case.shown()


@settings(max_examples=EXAMPLES)
@given(CASES)
def test_nothing_is_saved_at_all(drawn: tuple[str, int]) -> None:
    generator, seed = drawn
    case = GENERATORS[generator](seed)
    policy = compiled(case)
    if policy is None:
        return
    nothing = Savings(**dict.fromkeys(NAMES, False))
    with_, without = answers(policy, case), answers(policy.saving(nothing), case)
    if with_[0] == without[0] == "answer":
        assert without == with_, case.shown()


@settings(max_examples=EXAMPLES)
@given(CASES)
def test_what_was_kept_from_the_last_evaluation_does_not_show(drawn: tuple[str, int]) -> None:
    generator, seed = drawn
    case = GENERATORS[generator](seed)
    policy = compiled(case)
    if policy is None:
        return
    once, again = answers(policy, case), answers(policy.apart(), case, runs=3)
    if "limit" not in (once[0], again[0]):
        assert again == once, case.shown()


def test_each_saving_makes_other_code() -> None:
    text = """package t
known contains k if { some k, v in data.ys; v > input.least }
parts contains [a, b] if { some x in input.xs; [a, b] := split(x, ":") }
o[k] := v if some k, v in input.o
p if input.k in known
q := o[input.k]
r if { to_number(input.n) > 1; input.kind == "a" }
u if { some [a, b] in parts; b == "1"; a != "x" }
w contains x if { some x in input.set; x > 1 }
"""
    policy = rego.compile_modules({"t.rego": text})

    def code(savings: Savings) -> str:
        query = policy.saving(savings).prepare("data.t = x")
        query.run(input={}, data={})
        return "\n".join(query.linked.source)

    whole = code(ALL)
    same = [name for name in NAMES if code(replace(ALL, **{name: False})) == whole]
    assert not same
