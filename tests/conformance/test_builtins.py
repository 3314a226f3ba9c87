"""Single expressions over the built-ins, as OPA 1.22.2 answered them, with strict errors and without.

A built-in that is not there is a compile error that names it; it counts as missed, and the floors say how many may be.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.text import term
from image_enforcer.rego.values import Num

FLOORS: dict[str, int] = {
    "arrays": 19,
    "encoding": 43,
    "objects": 52,
    "yaml": 31,
}
"""How many expressions of a category come to what they come to in OPA, where it is not all of them."""

LIMITS = rego.Limits(seconds=8.0)


@pytest.fixture(scope="module")
def cases(shared_cases: Path) -> list[Any]:
    """The recorded expressions, numbers as they were written."""
    file = shared_cases / "opa-golden" / "builtins.json"
    if not file.is_file():
        pytest.skip("no recorded expressions among the shared cases")
    # Some results are infinite, which is no JSON; only the texts of results are compared.
    read = json.loads(file.read_bytes(), parse_float=Num, parse_constant=lambda _: None)
    return [case for case in read if not case.get("nondeterministic")]


NOT_THERE = re.compile(r"undefined function (\S+) \(OPA has this built-in")


def missing(error: rego.CompileError) -> str | None:
    """The built-in that a compile error says is not there."""
    found = [m.group(1) for m in map(NOT_THERE.match, (p.message for p in error.problems)) if m]
    return found[0] if found else None


def outcome(case: Any, strict: bool) -> str:
    """What an expression comes to, as one line of text."""
    policy = rego.compile_modules({}, version=0 if case.get("v0") else 1)
    query = policy.prepare(f"x := {case['expr']}", strict_builtin_errors=strict, capture=False)
    given = case.get("input", rego.UNDEFINED)
    try:
        solutions = query.run(input=given, limits=LIMITS)
    except rego.EvalError as error:
        return f"{error.code}: {error.message}"
    if not solutions:
        return "undefined"
    return " | ".join(sorted(term(s.bindings["x"]) for s in solutions))


def expected(case: Any) -> str:
    """What OPA's recording says, in the same form."""
    if "error" in case:
        return f"{case['error']['code']}: {case['error']['message']}"
    if case.get("undefined"):
        return "undefined"
    if "results" in case:
        return " | ".join(sorted(term(r) for r in case["results"]))
    return str(case["rego"])


def differing(cases: list[Any]) -> Iterator[tuple[Any, str, str]]:
    """The expressions that come to something else, with both outcomes."""
    for case in cases:
        try:
            got = outcome(case, strict=True)
            lax = outcome(case, strict=False) if case.get("lax") == "undefined" else "undefined"
        except rego.CompileError as error:
            name = missing(error)
            got = f"missing {name}" if name else f"{error.problems[0].code}: {error.problems[0].message}"
            lax = "undefined"
        if got != expected(case):
            yield case, expected(case), got
        elif lax != "undefined":
            yield case, "undefined without strict errors", lax


def test_expressions_come_to_what_they_come_to_in_opa(cases: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    asked = Counter(case["cat"] for case in cases)
    missed: dict[str, list[str]] = defaultdict(list)
    absent: set[str] = set()
    for case, want, got in differing(cases):
        if got.startswith("missing "):
            absent.add(got.removeprefix("missing "))
        missed[case["cat"]].append(f"{case['expr']}\n    wanted {want}\n    got    {got}")
    with capsys.disabled():
        print()
        for name, count in sorted(asked.items()):
            print(f"{name:>16} {count - len(missed[name]):>4} of {count:<4}")
        print(f"{'all':>16} {sum(asked.values()) - sum(map(len, missed.values())):>4} of {sum(asked.values()):<4}")
        print("not there:", ", ".join(sorted(absent)) or "none")
    below = {name: missed[name] for name, count in asked.items() if count - len(missed[name]) < FLOORS.get(name, count)}
    assert not below, "\n".join(line for lines in below.values() for line in lines)


def test_text_of_results_is_opas(cases: list[Any]) -> None:
    """The JSON text of an answer, byte for byte; ``opa eval`` leaves ``<``, ``>`` and ``&`` as they are."""
    different = []
    for case in cases:
        if "text" not in case or "results" in case:
            continue
        try:
            policy = rego.compile_modules({}, version=0 if case.get("v0") else 1)
            solutions = policy.prepare(f"x := {case['expr']}", capture=False).run(
                input=case.get("input", rego.UNDEFINED), limits=LIMITS
            )
        except rego.CompileError:
            continue
        if solutions and outcome(case, strict=True) == expected(case):
            text = rego.to_json(solutions[0].bindings["x"], html_safe=False)
            if text != case["text"]:
                different.append(f"{case['expr']}: {text} instead of {case['text']}")
    assert not different, "\n".join(different)
