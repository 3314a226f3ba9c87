"""The evaluator that explains itself answers as the compiled one does."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.opa.explain import explain
from tests.differential.cases import NOW, Case
from tests.differential.generators import GENERATORS

from .test_savings import LIMITS, answers, compiled

EXAMPLES: Final = int(os.environ.get("SOAK_EXAMPLES", "40"))


def explained(policy: rego.Policy, case: Case) -> tuple[str, tuple[str, ...]] | None:
    """What explaining a query comes to, None where it was cut short."""
    given_ = rego.UNDEFINED if case.input is None else rego.from_json(case.input)
    made = explain(
        policy,
        rego.parse_query(case.query),
        package=None,
        imports=(),
        input_=given_,
        data=rego.Snapshot(rego.from_json(case.data)),
        limits=LIMITS,
        host=rego.Host(now_ns=lambda: NOW, random_bytes=bytes),
        strict=case.strict,
        keep=False,
    )
    if made.cut:
        return None
    ended = [f.error for f in made.faults]
    if ended and (case.strict or ended[-1].code not in ("eval_builtin_error", "eval_type_error")):
        return ended[-1].code, (ended[-1].message,)
    texts = [rego.to_json([*([k, v] for k, v in sorted(a.bindings.items())), *a.values]) for a in made.answers]
    return "answer", tuple(sorted(texts))


@settings(max_examples=EXAMPLES)
@given(st.sampled_from(("small", "small", "wide", "programs", "admission")), st.integers(0, 1 << 24))
def test_it_says_the_same(generator: str, seed: int) -> None:
    case = GENERATORS[generator](seed)
    policy = compiled(case)
    if policy is None:
        return
    plain, told = answers(policy, case), explained(policy, case)
    if told is None or plain[0] == "limit":
        return
    # which of several errors comes first is another matter
    assert told == plain or (told[0] != "answer" and plain[0] != "answer"), case.shown()
