"""Exact code has the last word where something goes wrong; where nothing does, it answers as ordinary code does."""

from __future__ import annotations

from typing import Final

import pytest

from image_enforcer import rego
from image_enforcer.rego.run.running import Running
from tests.differential.cases import Case
from tests.differential.keeping import kept
from tests.differential.recorded import recorded
from tests.differential.sides import LIMITS

CASES: Final = [(name, case) for source in (kept(), recorded()) for name, case, theirs in source if not theirs.faults]


def answers(case: Case) -> tuple[object, object]:
    """What ordinary and exact code come to."""
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.modules)}
    policy = rego.compile_modules(modules, version=case.version, strict=case.strict_compile)
    query = policy.prepare(case.query, strict_builtin_errors=case.strict)
    given = rego.UNDEFINED if case.input is None else rego.from_json(case.input)
    host = rego.Host(now_ns=lambda: 1_700_000_000_000_000_000, random_bytes=bytes)
    both = []
    for code in (query, query.exact()):
        found = code.run(input=given, data=rego.from_json(case.data), limits=LIMITS, host=host)
        both.append({rego.to_json([s.bindings, *(e.value for e in s.expressions)]) for s in found})
    return both[0], both[1]


@pytest.mark.parametrize("part", range(8))
def test_it_answers_as_ordinary_code_does(part: int) -> None:
    for name, case in CASES[part::8]:
        ordinary, exact = answers(case)
        assert exact == ordinary, name


CONFLICT: Final = "package a\np := x if { some x in data.n }\nq := 1 if p\nq := 2 if p == 2\nr := {q, 7}\n"


def test_nothing_that_an_error_waits_with_is_kept_with_the_data() -> None:
    query = rego.compile_modules({"a.rego": CONFLICT}).prepare("data.a.r")
    snapshot = rego.Snapshot({"n": [1, 2]})
    told = []
    for _ in range(3):
        with pytest.raises(rego.EvalError) as caught:
            query.run(data=snapshot)
        told.append(str(caught.value))
    assert told == [told[0]] * 3
    assert "data.a.p produced conflicting values" in told[0]


def test_it_is_made_once_and_only_where_something_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    exact = rego.Query.exact

    def noted(query: rego.Query) -> Running:
        made.append(exact(query))
        return made[-1]

    monkeypatch.setattr(rego.Query, "exact", noted)
    query = rego.compile_modules({"a.rego": CONFLICT}).prepare("data.a.r")
    assert query.value(data={"n": [1]}) == rego.RegoSet.of([1, 7])
    assert made == []
    for _ in range(2):
        with pytest.raises(rego.EvalError):
            query.run(data={"n": [1, 2]})
    assert len(made) == 2
    assert made[0] is made[1]


def test_what_was_printed_is_not_printed_again() -> None:
    lines: list[str] = []
    host = rego.Host(print=lambda line, _: lines.append(line))
    query = rego.compile_modules({"a.rego": 'package a\np := 1 if print("one")\np := 2'}).prepare("data.a.p")
    with pytest.raises(rego.EvalError, match="conflicting"):
        query.run(host=host)
    assert lines == ["one"]


def test_the_time_is_that_of_the_whole() -> None:
    """The clock does not begin anew with exact code."""
    now = iter(range(1_000_000))
    host = rego.Host(monotonic=lambda: float(next(now)))
    text = "package a\np := 1\np := count(numbers.range(1, 100000))"
    query = rego.compile_modules({"a.rego": text}).prepare("data.a.p")
    with pytest.raises(rego.LimitError, match="took longer"):
        query.run(host=host, limits=rego.Limits(seconds=2.5))


@pytest.mark.parametrize("depth", [3, 14, 30])
@pytest.mark.parametrize("inside", ["x := 1", "y := [z | some z in [1]; f(z)]", "not f(2)", "every z in [1] { f(z) }"])
def test_it_nests(depth: int, inside: str) -> None:
    loops = "; ".join(f"some v{i} in [1]" for i in range(depth))
    text = f"package a\nf(x) := x\nf(x) := x + 1\np := w if {{ {loops}; some w in [1, 2]; {inside} }}"
    query = rego.compile_modules({"a.rego": text.replace("x := 1", "x := 1; x > 0")}).prepare("data.a.p")
    with pytest.raises(rego.EvalError, match=r"data\.a\.p produced" if inside == "x := 1" else r"data\.a\.f produced"):
        query.run()


def test_no_error_may_be_left() -> None:
    """A function that is asked for one of the values that it gives has no conflict, whatever else it gives."""
    text = "package a\nf(x) := y if { some y in [[x, 1], [x, 2]] }\np contains y if f(1, [y, 2])"
    assert rego.compile_modules({"a.rego": text}).prepare("data.a.p").value() == rego.RegoSet.of([1])
