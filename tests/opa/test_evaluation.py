"""One query over files: what comes of it, and what is reported where it fails."""

import itertools
from pathlib import Path

import pytest

from image_enforcer.opa.errors import LoadError
from image_enforcer.opa.evaluation import Question, Report, evaluate
from image_enforcer.rego import UNDEFINED, CompileError, LimitError, Value


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "x.json").write_text(f'{{"k": "{name}"}}')
    (tmp_path / "p.rego").write_text('package p\nq if { x := 1 }\nr := input.n + 1\ns if { print("s"); 1 / 0 }\n')


def value(question: Question, given: Value = UNDEFINED, report: Report | None = None) -> Value:
    (solution,) = evaluate(question, given, report or Report())
    return solution.expressions[0].value


def test_policies_input_and_mounted_data() -> None:
    report = Report()
    assert value(Question(query="data.p.r", paths=["p.rego"]), {"n": 2}) == 3
    assert value(Question(query="[data.a.k, data.b.k]", paths=["data/a", "data/b"]), report=report) == ["a", "b"]
    assert report.notices == ["mounted data/a at data.a", "mounted data/b at data.b"]


def test_strict_mode_refuses_before_anything_is_evaluated() -> None:
    assert value(Question(query="data.p.q", paths=["p.rego"])) is True
    with pytest.raises(CompileError, match="unused"):
        evaluate(Question(query="data.p.q", paths=["p.rego"], strict=True), UNDEFINED, Report())


def test_times_by_step() -> None:
    ticks = itertools.count(0, 7)
    report = Report()
    evaluate(Question(query="1", paths=["p.rego"]), UNDEFINED, report, clock=lambda: next(ticks))
    assert report.metrics == {
        "timer_rego_load_files_ns": 7,
        "timer_rego_query_parse_ns": 7,
        "timer_rego_module_compile_ns": 7,
        "timer_rego_query_compile_ns": 7,
        "timer_rego_query_eval_ns": 7,
    }


def test_what_was_printed_is_there_where_it_failed() -> None:
    report = Report()
    question = Question(query="x := data.p.s; 1 < 0", paths=["p.rego"], strict_builtin_errors=True)
    with pytest.raises(Exception, match="divide by zero"):
        evaluate(question, UNDEFINED, report)
    assert report.printed == ["s"]
    assert "timer_rego_query_eval_ns" in report.metrics


def test_time_is_bounded() -> None:
    query = "some x in numbers.range(1, 9000); some y in numbers.range(1, 9000); x + y == 0"
    with pytest.raises(LimitError):
        evaluate(Question(query=query, seconds=0.1), UNDEFINED, Report())


@pytest.mark.parametrize("query", ["", "  \n", "# nothing"])
def test_an_empty_query(query: str) -> None:
    with pytest.raises((LoadError, CompileError)):
        evaluate(Question(query=query), UNDEFINED, Report())
