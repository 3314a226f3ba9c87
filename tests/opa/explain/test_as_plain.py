"""The evaluator that is there to be read answers as the compiled policy does: the shared cases, generated programs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.opa.explain import explain
from tests.differential.programs import program

HOST = rego.Host(now_ns=lambda: 1_700_000_000_000_000_000, random_bytes=lambda n: b"\1" * n)
LIMITS = rego.Limits(seconds=8.0, memory=None)
EVERY = 37
"""Of the shared cases one in so many is gone through; the slow test goes through all."""

Answers = set[tuple[str, ...]]


def plain(query: rego.Query, given_: rego.Value, data: rego.Snapshot) -> Answers:
    solutions = query.run(input=given_, data=data, limits=LIMITS, host=HOST)
    return {shown(s.bindings, [e.value for e in s.expressions]) for s in solutions}


def shown(bindings: Any, values: Any) -> tuple[str, ...]:
    named = {k: rego.to_json(bindings[k]) for k in sorted(bindings)}
    return (json.dumps(named), *(rego.to_json(v) for v in values))


def differs(modules: dict[str, str], query: str, given_: rego.Value, document: rego.Value, **how: Any) -> str:
    """What the evaluators do not agree on; nothing where they agree or there is nothing to agree on."""
    strict = how.pop("strict", False)
    try:
        policy = rego.compile_modules(modules, version=how.pop("version", 1))
        prepared = policy.prepare(query, strict_builtin_errors=strict)
    except rego.CompileError:
        return ""
    data = rego.Snapshot(document)
    code, wanted = "", set()
    try:
        wanted = plain(prepared, given_, data)
    except rego.EvalError as e:
        code = e.code
    except rego.LimitError:
        return ""
    try:
        made = explain(
            policy, rego.parse_query(query), package=None, imports=(), input_=given_, data=data, limits=LIMITS,
            host=HOST, keep=False, strict=strict,
        )  # fmt: skip
    except rego.CompileError:
        return ""
    found = {shown(a.bindings, a.values) for a in made.answers}
    if made.cut:
        return made.cut
    if code:  # where several things go wrong, which of them is met first is not the same
        return "" if made.faults else f"no {code}"
    return "" if found == wanted else f"{found} instead of {wanted}"


def cases(folder: Path) -> Iterator[Any]:
    for path in sorted(folder.rglob("*.json")):
        found = rego.from_json(path.read_text(encoding="utf-8"))
        yield from (c for c in (found if isinstance(found, list) else found["cases"]) if not c.get("skip"))


def check(suite: Path, step: int) -> None:
    if not suite.is_dir():
        pytest.skip("the shared cases hold no cases of the language")
    asked, wrong = 0, []
    for case in list(cases(suite))[::step]:
        given_ = case.get("input", rego.UNDEFINED)
        if "input_term" in case:
            term = rego.compile_modules({}).prepare(f"x = {case['input_term']}", capture=False)
            given_ = term.run()[0].bindings["x"]
        said = differs(
            {f"test-{i}.rego": text for i, text in enumerate(case.get("modules") or [])}, case["query"], given_,
            case.get("data") or {}, strict=bool(case.get("strict_error")), version=case.get("rego_version", 1),
        )  # fmt: skip
        asked += 1
        if said:
            wrong.append((case["id"], said))
    assert asked
    assert not wrong, f"{len(wrong)} of {asked}: {wrong[:5]}"


def test_shared_cases(shared_cases: Path) -> None:
    check(shared_cases / "rego-suite", EVERY)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_all_shared_cases(shared_cases: Path) -> None:
    check(shared_cases / "rego-suite", 1)


@given(st.integers(0, 1 << 32))
def test_generated_programs(seed: int) -> None:
    case = program(seed)
    given_ = rego.UNDEFINED if case.input is None else rego.from_json(case.input)
    modules = {f"m{i}.rego": text for i, text in enumerate(case.modules)}
    said = differs(
        modules, case.query, given_, rego.from_json(case.data), strict=case.strict, version=case.version
    )  # fmt: skip
    assert not said, f"{case.shown()}\n{said}"
