"""Coverage as OPA reports it: what evaluations came by, what they did not, and why not where that is known."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.coverage import EARLY_EXIT, INDEX_EXCLUDED, Coverage, Range, percent, range_of
from image_enforcer.rego import UNDEFINED, Host, Limits, Policy, Snapshot, Value, compile_modules, parse_query

POLICY = """\
package a

default level := "none"

level := "high" if input.risk == "high"

level := "low" if {
	input.risk == "low"
	not exempt
} else := "odd"

exempt if {
	some x in input.exempt
	x == "kim"
}

any_of if input.x

any_of if input.y
"""


@pytest.fixture
def policy() -> Policy:
    return compile_modules({"a.rego": POLICY})


def covered(
    policy: Policy, *asked: tuple[str, Value], kinds: tuple[str, ...] = (INDEX_EXCLUDED, EARLY_EXIT)
) -> Coverage:
    coverage = Coverage(kinds)
    for query, given_ in asked:
        coverage.evaluate(policy, parse_query(query), given=given_, data=Snapshot({}), limits=Limits(), host=Host())
    return coverage


def starts(ranges: object) -> list[tuple[int, int]]:
    assert isinstance(ranges, list)
    return [(r["start"]["row"], r["start"]["col"]) for r in ranges]


def test_what_was_come_by(policy: Policy) -> None:
    coverage = covered(policy, ("data.a.level", {"risk": "low", "exempt": []}))
    shown = coverage.report(policy.modules).json()["files"]["a.rego"]
    assert starts(shown["covered"]) == [(7, 1), (8, 2), (9, 2), (13, 2)]
    assert starts(shown["not_covered"]) == [
        (3, 1), (3, 9), (5, 1), (5, 20), (10, 3), (12, 1), (14, 2), (17, 1), (17, 11), (19, 1), (19, 11)
    ]  # fmt: skip
    assert (shown["covered_lines"], shown["not_covered_lines"]) == (4, 7)
    assert not coverage.cuts


def test_why_something_was_not_come_by(policy: Policy) -> None:
    asked = ("[data.a.level, data.a.any_of]", {"risk": "low", "x": 1, "y": 1})
    report = covered(policy, asked).report(policy.modules).json()
    kinds = {(r["start"]["row"], r["start"]["col"]): r.get("kinds") for r in report["files"]["a.rego"]["not_covered"]}
    assert kinds[5, 20] == [INDEX_EXCLUDED]
    assert kinds[19, 11] == [EARLY_EXIT]
    assert kinds[14, 2] is None
    plain = covered(policy, asked, kinds=()).report(policy.modules)
    assert not any("kinds" in r for r in plain.json()["files"]["a.rego"]["not_covered"])


def test_evaluations_add_up(policy: Policy) -> None:
    one = covered(policy, ("data.a.level", {"risk": "low"})).report(policy.modules).coverage
    both = covered(
        policy,
        ("data.a", {"risk": "low", "exempt": ["kim"], "x": 1}),
        ("data.a", {"risk": "high", "y": 1}),
        ("data.a", {}),
    ).report(policy.modules)
    assert one < both.coverage <= 100
    assert both.files["a.rego"].lines_not_covered() == [(3, 3), (7, 7)]


def test_lines_in_a_row_are_told_together(policy: Policy) -> None:
    found = covered(policy, ("data.a.level", UNDEFINED)).report(policy.modules).files["a.rego"]
    assert found.lines_not_covered() == [
        (3, 3), (5, 5), (7, 9), (12, 12), (14, 14), (17, 17), (19, 19)
    ]  # fmt: skip


def test_nothing_covered_is_no_percent() -> None:
    policy = compile_modules({"a.rego": "package a\n"})
    assert Coverage().report(policy.modules).json() == {
        "files": {"a.rego": {}}, "covered_lines": 0, "not_covered_lines": 0, "coverage": 0
    }  # fmt: skip
    assert (percent(1, 2), percent(1, 1), percent(0, 3)) == (100 / 3, 50, 0)


@given(st.integers(0, 5))
def test_ranges_are_the_text_s(lines: int) -> None:
    text = "\n" * lines
    (rule,) = compile_modules({"a.rego": f"package a\n\np := `{text}é`\n"}).modules["a.rego"].rules
    assert range_of(rule.loc) == Range(3, 1, 3 + lines, 3 if lines else 9)
    assert range_of(rule.loc).contains(range_of(rule.head.loc))


def test_the_recording(shared_cases: Path) -> None:
    recorded = shared_cases / "opa-golden"
    if not (recorded / "cli.json").is_file():
        pytest.skip("the shared cases hold no recordings of OPA's command line")
    rows = json.loads((recorded / "cli.json").read_text(encoding="utf-8"))
    (row,) = [r for r in rows if r["command"][1:2] == ["eval"] and "--coverage" in r["command"]]
    text, beta, given_ = (
        (recorded / "fixtures" / name).read_text(encoding="utf-8") for name in ("alpha.rego", "beta.json", "input.json")
    )
    policy = compile_modules({"alpha.rego": text})
    coverage = Coverage()
    coverage.evaluate(
        policy, parse_query("data.alpha.allow"), given=json.loads(given_), data=Snapshot(json.loads(beta)),
        limits=Limits(), host=Host(),
    )  # fmt: skip
    assert coverage.report(policy.modules).json() == json.loads(row["stdout"])["coverage"]
