"""A whole run: what is written and said, and how it ends."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.opa.testing.projects import session, written

MIXED = {
    "a.rego": "package a\np if input.x\nq if input.y\n",
    "a_test.rego": (
        "package a_test\ntest_ok if data.a.p with input.x as true\ntest_no if data.a.p\ntodo_test_later if false\n"
        "test_err if {[x, y] := [1, 2]; data.c.c == x}\n"
    ),
    "c.rego": "package c\nc := 1\nc := 2\n",
}


def test_counts_and_exit_code(tmp_path: Path) -> None:
    code, out, _ = session(written(tmp_path, MIXED))
    assert code == 2
    assert out.endswith(f"{'-' * 80}\nPASS: 1/4\nFAIL: 1/4\nSKIPPED: 1/4\nERROR: 1/4\n")
    assert "a_test.rego:3:\ndata.a_test.test_no: FAIL (" in out
    assert "test_ok" not in out


@pytest.mark.parametrize(
    ("pattern", "wanted", "code"),
    [
        ("ok", {}, 0),
        ("no", {}, 2),
        ("err", {}, 2),
        ("later", {}, 2),
        ("later", {"skipped_pass": True}, 0),
        ("nothing", {}, 1),
        ("nothing", {"empty_fails": False}, 0),
        ("[", {}, 1),
        ("ok", {"count": 3}, 0),
        ("no", {"coverage": True}, 1),
        ("err", {"coverage": True}, 1),
        ("ok", {"coverage": True}, 0),
        ("ok", {"coverage": True, "threshold": 99.0}, 2),
    ],
)
def test_how_it_ends(tmp_path: Path, pattern: str, wanted: dict[str, Any], code: int) -> None:
    got, _, said = session(written(tmp_path, MIXED), pattern=pattern, **wanted)
    assert got == code, said


def test_what_does_not_load_or_compile(tmp_path: Path) -> None:
    code, out, said = session(written(tmp_path, {"a.rego": "package a\ntest_x if {"}))
    assert (code, out) == (1, "")
    assert said.startswith("1 error occurred during loading: ")
    code, out, said = session(written(tmp_path, {"a.rego": "package a\ntest_x if y > 1"}))
    assert (code, out) == (1, "")
    assert said.endswith("rego_unsafe_var_error: var y is unsafe")
    code, _, said = session([str(tmp_path / "nope")])
    assert code == 1
    assert said.endswith("no such file or directory\nhint: check the path")


def test_a_rule_in_the_place_of_data(tmp_path: Path) -> None:
    code, _, said = session(
        written(tmp_path, {"a.rego": "package a\nb := 1\ntest_x if true", "a/data.json": '{"b": 2}'})
    )
    assert code == 1
    assert "conflicting rule for data path a/b found" in said


def test_json(tmp_path: Path) -> None:
    code, out, _ = session(written(tmp_path, MIXED), format="json")
    rows = json.loads(out)
    assert code == 2
    assert [r["name"] for r in rows] == ["test_ok", "test_no", "todo_test_later", "test_err"]
    assert rows[1]["fail"] is True
    assert rows[2]["skip"] is True
    assert rows[3]["error"]["code"] == "eval_conflict_error"
    assert session(written(tmp_path, MIXED), format="json", pattern="x", empty_fails=False)[1] == "null\n"
    slowest = json.loads(session(written(tmp_path, MIXED), format="json", slowest_first=True)[1])
    assert [r["duration"] for r in slowest] == sorted((r["duration"] for r in slowest), reverse=True)


def test_json_of_steps(tmp_path: Path) -> None:
    _, out, _ = session(written(tmp_path, MIXED), format="json", verbose=True, explain="full", pattern="no")
    assert [e["Op"] for e in json.loads(out)[0]["trace"]][:3] == ["Enter", "Eval", "Index"]


def test_junit(tmp_path: Path) -> None:
    files = {
        **MIXED,
        "b_test.rego": 'package b_test\ntest_c[n] if {some n in ["<a>", "b\\u0001"]; print(n, "&"); n == "<a>"}',
    }
    code, out, _ = session(written(tmp_path, files), format="junit")
    suites = ElementTree.fromstring(out)
    assert code == 2
    assert {k: suites.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "1", "skipped": "1",
    }  # fmt: skip
    names = [case.get("name") for case in suites.iter("testcase")]
    assert names == ["test_ok", "test_no", "todo_test_later", "test_err", "test_c/<a>", "test_c/b\ufffd"]
    assert len(list(suites.iter("system-out"))) == 2


def test_coverage(tmp_path: Path) -> None:
    _, out, _ = session(written(tmp_path, MIXED), coverage=True, pattern="ok", kinds=("index_excluded",))
    (name,) = [n for n in json.loads(out)["files"] if n.endswith("/a.rego")]
    report = json.loads(out)["files"][name]
    assert [r["start"] for r in report["covered"]] == [{"row": 2, "col": 1}, {"row": 2, "col": 6}]
    assert [r["start"]["row"] for r in report["not_covered"]] == [3, 3]
    assert report["coverage"] == 50


def test_lines_that_are_not_covered(tmp_path: Path) -> None:
    files = {"a.rego": "package a\np if {\n\tinput.x\n\tinput.y\n}\n\ntest_x if not p\n"}
    code, _, said = session(written(tmp_path, files), coverage=True, threshold=100.0, verbose=True)
    assert code == 2
    lines = said.splitlines()
    assert lines[:2] == ["Code coverage threshold not met: got 25.00 instead of 100.00", "Lines not covered:"]
    assert lines[2].endswith("/a.rego:2-4")


def test_values_and_traces_are_told_behind_all_results(tmp_path: Path) -> None:
    files = {"a.rego": "package a\ntest_x if {\n\tx := 1\n\tx == 2\n}\n"}
    _, out, _ = session(written(tmp_path, files), values=True)
    assert out.endswith(f":4:\n    \tx == 2\n    \t|\n    \t1\n\n{'-' * 80}\nFAIL: 1/1\n")
    _, out, _ = session(written(tmp_path, files), verbose=True)
    assert "Fail x = 2  \n" in out


def test_benchmarks(tmp_path: Path) -> None:
    files = {"a.rego": 'package a\ntest_x if true\ntest_y if false\ntest_c[n] if some n in ["a"]\n'}
    code, out, _ = session(written(tmp_path, files), bench=True, bench_seconds=0.0)
    assert code == 2
    assert "data.a.test_x\t" in out
    assert " ns/op\t" in out
    assert "allocs/op" in out
    assert "data.a.test_y: FAIL" in out
    _, out, _ = session(
        written(tmp_path, files), bench=True, bench_seconds=0.0, format="gobench", allocations=False, pattern="_x"
    )
    assert out.startswith("BenchmarkDataATestX\t")
    assert "B/op" not in out


def test_schemas(tmp_path: Path) -> None:
    paths = written(
        tmp_path / "p", {"a.rego": 'package a\np if input.nope == 1\ntest_x if p with input as {"nope": 1}'}
    )
    (tmp_path / "s.json").write_text(
        '{"type": "object", "properties": {"x": {"type": "string"}}, "additionalProperties": false}'
    )
    assert session(paths)[0] == 0
    code, _, said = session(paths, schema=str(tmp_path / "s.json"))
    assert code == 1
    assert "undefined ref: input.nope" in said
    assert session(paths, schema=str(tmp_path / "nope"))[0] == 1
