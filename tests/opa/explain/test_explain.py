"""Traces, profiles and tracebacks: the steps of an evaluation, and what is said where they end early."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded
from image_enforcer.opa.repl import Session
from image_enforcer.rego import Limits, from_json, parse_module
from tests.opa.explain.traces import TRACES


@pytest.fixture
def session() -> Session:
    return Session(Documents())


def said(session: Session, *lines: str) -> str:
    """The answer to the last of some lines."""
    return [session.line(line) for line in lines][-1]


@pytest.mark.parametrize("about", TRACES)
def test_traces(session: Session, about: str) -> None:
    definitions, lines, expected = TRACES[about]
    for line in definitions:
        session.line(line)
    assert "".join(session.line(line) for line in lines) == expected


def test_places_of_files_stand_in_line() -> None:
    text = "package p\n\n\n\n\n\n\n\nq if {\n\tinput.x\n}\n"
    session = Session(Documents(Loaded({}, {"p.rego": parse_module("p.rego", text)}, {"p.rego": text})))
    shown = said(session, "trace", "data.p.q with input.x as 1").splitlines()
    assert shown[0] == "query:1       Enter data.p.q = _ with input.x as 1"
    assert shown[3] == "p.rego:9      | Enter data.p.q"
    assert shown[4] == "p.rego:10     | | Eval input.x"


def test_what_stands_before_a_body_that_was_never_written_is_a_step() -> None:
    text = "# METADATA\n# title: P\npackage p\n\nq := [r.path | some r in rego.metadata.chain()]\n"
    session = Session(Documents(Loaded({}, {"p.rego": parse_module("p.rego", text)}, {"p.rego": text})))
    shown = said(session, "trace", "data.p.q").splitlines()
    steps = [line.split("| | Eval ")[1].split(" = [{")[0] for line in shown if "| | Eval" in line]
    assert steps[0].startswith("__local")
    assert steps[1] == "true"


def test_the_trace_comes_behind_prints_and_before_errors(session: Session) -> None:
    said(session, "p if { print(`here`); 1 / 0 == 2 }", "strict-builtin-errors")
    shown = said(session, "trace", "p")
    assert shown.startswith("here\nquery:1     Enter data.repl.p = _\n")
    assert shown.endswith("1 error occurred: 1 / 0: eval_builtin_error: div: divide by zero\n")
    assert session.failed


def test_a_traceback_is_the_way_to_the_error(session: Session) -> None:
    said(session, "q if { 1/0 == 2 }", "p if { q }", "strict-builtin-errors", "traceback")
    assert said(session, "p") == (
        "1 error occurred: 1/0: eval_builtin_error: div: divide by zero\n\nTraceback:\n  1:8: 1/0\n  1:8: q\n  1:1: p\n"
    )
    (error,) = from_json(said(session, "json", "p"))["errors"]
    assert [(s["query_id"], s["location"]["col"]) for s in error["stack_trace"]] == [(2, 8), (1, 8), (0, 1)]
    assert "stack_trace" not in said(session, "traceback", "p")


def test_conflicts_have_a_traceback_too(session: Session) -> None:
    shown = said(session, "p := x if { some x in [1, 2] }", "traceback", "p")
    assert "rule data.repl.p produced conflicting values" in shown
    assert shown.endswith("  1:1: p\n")


def test_a_profile_counts_by_line() -> None:
    clock = itertools.count(step=1000)
    session = Session(Documents(), clock=lambda: next(clock))
    shown = said(session, "p if { x := [1,2][_]; x > 1 }", "profile", "p")
    assert shown == (
        "true\n"
        "┌──────┬──────────┬──────────┬──────────────┬──────────┐\n"
        "│ Time │ Num Eval │ Num Redo │ Num Gen Expr │ Location │\n"
        "├──────┼──────────┼──────────┼──────────────┼──────────┤\n"
        "│ 10µs │ 5        │ 5        │ 3            │ p        │\n"
        "└──────┴──────────┴──────────┴──────────────┴──────────┘\n"
    )
    (line,) = from_json(said(session, "json", "p"))["profile"]
    assert (line["num_eval"], line["num_redo"], line["num_gen_expr"]) == (5, 5, 3)
    assert line["location"] == {"file": "", "row": 1, "col": 1}


def test_as_json_events_have_places_and_what_was_bound(session: Session) -> None:
    events = from_json(said(session, "p if { x := 1; x == 2 }", "trace", "json", "p"))["explanation"]
    assert [e["Op"] for e in events] == ["Enter", "Eval", "Index", "Enter", "Eval", "Eval", "Fail", "Redo", "Fail"]
    second = events[5]
    assert second["Location"] == {"file": "", "row": 1, "col": 16}
    assert second["Locals"] == [{"name": "__local0__", "type": "number", "value": 1}]
    assert second["LocalMetadata"]["__local0__"]["name"] == "x"
    assert events[2]["Message"] == "(matched 1 rule, early exit)"


def test_an_endless_trace_ends_and_the_answer_stands(session: Session) -> None:
    shown = said(
        session, "trace notes", "count([1 | some x in numbers.range(1, 500); some y in numbers.range(1, 500)])"
    )
    assert shown.endswith("250000\n")
    assert "trace: more than 200000 steps: the trace ends here\n" in shown


EXPRESSIONS = (
    "data.repl.s[_] > 1", "some k, v in data.repl.o; v > k", "not data.repl.t", "every x in data.repl.s { x > 0 }",
    "data.repl.f(2) == 3", "x := [y | some y in data.repl.s]", "data.repl.o[_] = data.repl.f(_)", "data.repl",
    'data.repl.o.a with input as {"z": 1}', "walk(data.repl.o, [p, v])", "count(data.repl.s) + 1", "data.repl.s[z]",
    "{k: v | some k, v in data.repl.o}", "data[x]", "input.a.b", "data.repl.f(1/0)", "[a, 1] = [1, b]",
    "data.repl.q[x].y",
)  # fmt: skip


@given(st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=3))
def test_answers_are_the_same_with_a_trace(expressions: list[str]) -> None:
    session = Session(Documents())
    said(
        session, "s contains x if { some x in [3, 1] }", "o[k] := v if { some k, v in {`a`: 1, `b`: 2} }",
        "t if { input.z == 1 }", "f(x) := y if { y := x + 1 }", "f(x) := 0 if { x == 7 }",
        "q[x].y := 1 if { some x in s }",
    )  # fmt: skip
    query = "; ".join(["true", *expressions])
    plain = session.line(query)
    traced = said(session, "trace", query)
    assert traced.endswith(plain)
    if plain != "undefined\n" and "error" not in plain:
        assert "query:1     | Exit " in traced or "trace: " in traced


@given(
    st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=3), st.sampled_from(["trace debug", "unknown input"])
)
def test_any_query_is_answered_or_refused(expressions: list[str], mode: str) -> None:
    session = Session(Documents())
    said(
        session, "s contains x if { some x in input.s }", "o[k] := v if { some k, v in {`a`: input.a, `b`: 2} }",
        "t if { input.z == 1 }", "f(x) := y if { y := x + 1 }", "f(x) := 0 if { x == 7 }",
        "q[x].y := 1 if { some x in s }", "json", mode,
    )  # fmt: skip
    answer = session.line("; ".join(["true", *expressions]))
    assert answer.endswith("\n")
    assert "Error)" not in answer


@pytest.mark.slow
def test_deep_and_wide_queries_end() -> None:
    session = Session(Documents(), limits=Limits(seconds=1))
    for mode in ("trace", "unknown input"):
        session.line(mode)
        assert session.line("[" * 90 + "input.x" + "]" * 90 + " == 1")
        assert session.line("; ".join(f"input.x{i} == {i}" for i in range(300)))
        assert session.line("x := numbers.range(1, 2000); some y in x; some z in x; y + z == input.n")
