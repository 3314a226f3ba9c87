"""A session: what lines are answered, what stays after errors, and that nothing hostile ends it."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded, load
from image_enforcer.opa.repl import Session
from image_enforcer.opa.repl.session import MAX_PRINTED, MAX_STATEMENT
from image_enforcer.rego import Limits, parse_module

DEFINED = "Rule '{}' defined in package {}. Type 'show' to see rules.\n"
AGAIN = "Rule '{}' re-defined in package {}. Type 'show' to see rules.\n"


@pytest.fixture
def session() -> Session:
    return Session(Documents(Loaded({"users": [{"name": "kim"}, {"name": "lee"}]})))


def said(session: Session, *lines: str) -> str:
    """The answer to the last of some lines."""
    return [session.line(line) for line in lines][-1]


def loaded(**policies: str) -> Session:
    modules = {f"{k}.rego": parse_module(f"{k}.rego", v) for k, v in policies.items()}
    return Session(Documents(Loaded({}, modules, policies)))


def test_values_tables_and_undefined(session: Session) -> None:
    assert said(session, "1 + 1") == "2\n"
    assert said(session, "data.users[0]") == '{\n  "name": "kim"\n}\n'
    assert said(session, "data.nothing") == "undefined\n"
    assert said(session, "x := data.users[_].name; startswith(x, `l`)") == (
        '┌───────┐\n│   x   │\n├───────┤\n│ "lee" │\n└───────┘\n'
    )


def test_a_name_is_defined_then_compared_then_defined_again(session: Session) -> None:
    assert said(session, "a = 1") == DEFINED.format("a", "repl")
    assert said(session, "a = 1") == "true\n"
    assert said(session, "a = 2") == "undefined\n"
    assert said(session, "a := 2") == AGAIN.format("a", "repl")
    assert said(session, "a") == "2\n"


def test_parts_of_a_rule_are_compared_and_its_neighbours_defined(session: Session) -> None:
    session.line('x := {"a": 1}')
    assert said(session, "x.a = 1") == "true\n"
    assert said(session, "p[1] = 2") == DEFINED.format("p[1]", "repl")
    assert said(session, "p[1] = 2") == "true\n"
    assert said(session, "p[2] = 3") == DEFINED.format("p[2]", "repl")
    assert said(session, "show") == 'package repl\n\nx := {"a": 1}\n\np[1] := 2\n\np[2] := 3\n'
    assert said(session, "import data.users", "users[0] = 1") == "undefined\n"


def test_rules_of_one_name_add_up(session: Session) -> None:
    assert said(session, "p contains 1") == said(session, "p contains 2") == DEFINED.format("p", "repl")
    assert said(session, "count(p)") == "2\n"
    assert said(session, "p := 3") == AGAIN.format("p", "repl")
    assert said(session, "p") == "3\n"


def test_packages_and_imports(session: Session) -> None:
    assert said(session, "package a.b") == ""
    assert said(session, "x := 1") == DEFINED.format("x", "a.b")
    assert said(session, "package c", "import data.a.b", "import data.a.b") == ""
    assert said(session, "b.x") == "1\n"
    assert said(session, "show") == "package c\n\nimport data.a.b\n"


def test_what_does_not_compile_changes_nothing(session: Session) -> None:
    session.line("a := 1")
    assert said(session, "a := b") == "1 error occurred: 1:6: rego_unsafe_var_error: var b is unsafe\n"
    session.line("c := 1")  # then the place alone does not tell which rule it is about
    assert said(session, "a := b") == "1 error occurred: 1:6: rego_unsafe_var_error: var b is unsafe in rule a\n"
    assert said(session, "a := 1 if b") == "1 error occurred: 1:11: rego_unsafe_var_error: var b is unsafe in rule a\n"
    assert said(session, "a if a") == (
        "1 error occurred: 1:1: rego_recursion_error: rule data.repl.a is recursive: data.repl.a -> data.repl.a\n"
    )
    assert said(session, "a") == "1\n"
    assert session.failed


def test_a_rule_that_others_need_stays(session: Session) -> None:
    said(session, "f(x) := x + 1 if true", "a := f(1)")
    assert "undefined function" in said(session, "unset f")
    assert said(session, "a") == "2\n"


def test_calls_with_too_few_operands_tell_the_types(session: Session) -> None:
    session.line("f(x, y) := z if { z := x + y }")
    assert said(session, "f(`a`)") == (
        "1 error occurred: 1:1: rego_type_error: data.repl.f: arity mismatch\n"
        "\thave: (string)\n\twant: (number, number)\n"
    )
    assert said(session, "g := f(1)") == (
        "1 error occurred: 1:6: rego_type_error: function data.repl.f has arity 2, got 1 argument\n"
    )
    session.line("count := 1")
    assert said(session, "count([1])") == (
        "1 error occurred: 1:1: rego_type_error: undefined function data.repl.count\n"
    )


def test_answers_follow_each_new_definition(session: Session) -> None:
    for i in range(100):
        session.line(f"z := [n | n := {i}; some _ in [1]]")
        assert said(session, "z[0]") == f"{i}\n"


class TestInput:
    """The input document, which may be set by ``input = …``."""

    def test_it_is_set_shown_and_taken_away(self, session: Session) -> None:
        assert said(session, "input") == "undefined\n"
        assert said(session, 'input = {"n": 1}') == DEFINED.format("input", "repl")
        assert said(session, "input.n") == "1\n"
        assert said(session, "input := {}") == AGAIN.format("input", "repl")
        assert said(session, "show") == "package repl\n\ninput := {}\n"
        assert said(session, "unset input") == ""
        assert said(session, "unset input") == "warning: no matching rules in current module\n"
        assert said(session, "input") == "undefined\n"
        assert said(session, "not input") == "true\n"

    def test_it_may_use_the_rules_and_imports_where_it_is_said(self, session: Session) -> None:
        said(session, "package a", "import data.users as u", "n := 1")
        assert said(session, 'input = {"n": n, "u": u[0].name}') == DEFINED.format("input", "a")
        assert said(session, "package b", "input.n") == "1\n"
        said(session, "package a", "n := 2")
        assert said(session, "input.n") == "2\n"

    def test_it_is_evaluated_without_input(self, session: Session) -> None:
        said(session, 'p := object.get(input, "x", "none") if true', 'input = {"x": 1, "p": data.repl.p}')
        assert said(session, "input.p") == "undefined\n"
        assert said(session, "data.repl.p") == "undefined\n"

    def test_a_document_is_looked_up_anew(self) -> None:
        documents = Documents(Loaded({"mock": 1}))
        session = Session(documents)
        session.line("input = data.mock")
        documents.put_data(("mock",), 2)
        assert said(session, "input") == "2\n"

    def test_an_undefined_one_is_no_input(self, session: Session) -> None:
        session.line("input = data.nothing")
        assert said(session, "input") == "undefined\n"

    def test_a_wrong_one_is_refused_and_the_former_stays(self, session: Session) -> None:
        session.line("input = 1")
        assert said(session, "input = x") == "1 error occurred: 1:9: rego_unsafe_var_error: var x is unsafe\n"
        assert said(session, "input") == "1\n"

    def test_one_with_several_values_is_an_error(self, session: Session) -> None:
        session.line("input = data.users[_]")
        assert "eval_conflict_error: input has several values" in said(session, "input")
        session.line("input = [1, 1.0][_]")
        assert said(session, "input == 1") == "true\n"

    def test_with_a_condition(self, session: Session) -> None:
        session.line('input := {"n": x} if x := 3')
        assert said(session, "input.n") == "3\n"

    @pytest.mark.parametrize("text", ["input contains 1", "default input := 1", "input(x) := x if true"])
    def test_what_is_no_value_is_refused(self, session: Session, text: str) -> None:
        assert said(session, text) != ""
        assert session.failed
        assert said(session, "input") == "undefined\n"

    def test_a_part_of_it_cannot_be_set(self, session: Session) -> None:
        assert said(session, "input.x := 1") == "1 error occurred: 1:1: rego_compile_error: cannot assign to ref\n"

    def test_documents_below_repl_input_are_it(self) -> None:
        session = Session(Documents(Loaded({"repl": {"input": {"x": 1}}})))
        assert said(session, "input.x") == "1\n"
        assert said(session, "package repl.input", "y := 2", "input.y") == "2\n"
        assert said(session, "input = 3", "input") == "3\n"
        assert said(session, "unset input", "input.x") == "1\n"


class TestSeveralLines:
    """Statements that span lines."""

    def test_an_empty_line_ends_them(self, session: Session) -> None:
        assert [session.line(x) for x in ("x := {", '"a": 1', "}")] == ["", "", ""]
        assert session.continues
        assert said(session, "") == DEFINED.format("x", "repl")
        assert not session.continues

    def test_the_end_of_input_ends_them(self, session: Session) -> None:
        session.line("[1,")
        assert session.end() == ("1 error occurred: 2:0: rego_parse_error: unexpected eof token\n\t[1,\n\t  ^\n")
        assert session.end() == ""

    def test_they_can_be_dropped(self, session: Session) -> None:
        session.line("[1,")
        session.drop()
        assert said(session, "2") == "2\n"

    def test_whole_statements_on_a_line_run_in_order_until_one_fails(self, session: Session) -> None:
        assert said(session, "1 2 x 3") == "1\n2\n1 error occurred: 1:5: rego_unsafe_var_error: var x is unsafe\n"

    def test_what_this_version_refuses_is_told_at_once(self, session: Session) -> None:
        assert said(session, "p { true }") == (
            "1 error occurred: 1:1: rego_parse_error: `if` keyword is required before rule body\n"
        )

    def test_they_have_an_end(self, session: Session) -> None:
        session.line("[")
        line = "1," * (1 << 20)
        answers = [session.line(line) for _ in range(MAX_STATEMENT // len(line))]
        assert answers[-1].startswith("the statement is longer than")
        assert not session.continues

    def test_blocks(self, session: Session) -> None:
        assert session.incomplete("x := {")
        assert not session.incomplete("x := {}")
        assert not session.incomplete("help x := {")
        assert not session.incomplete("")
        assert session.block("x := {\n}") == DEFINED.format("x", "repl")
        assert session.block("SHOW") == "package repl\n\nx := {}\n"


def test_prints_come_before_the_result(session: Session) -> None:
    assert said(session, 'x := 1; print("x is", x)').startswith("x is 1\n┌")
    assert said(session, "1") == "1\n"


def test_prints_come_to_an_end(session: Session) -> None:
    session.line(f's := concat("", [sprintf("%{MAX_PRINTED // 8000}d", [1]) | numbers.range(1, 1000)[_]])')
    answer = said(session, "some i in numbers.range(1, 10); print(i, s)")
    assert "Mi characters printed" in answer[-200:]


def test_errors_in_both_formats(session: Session) -> None:
    said(session, "strict-builtin-errors", "f(x) := 1 / x if true")
    assert said(session, "f(0)") == "1 error occurred: 1 / x: eval_builtin_error: div: divide by zero\n"
    session.line("json")
    assert '"code": "eval_builtin_error"' in said(session, "f(0)")
    assert said(session, "nothing") == "1 error occurred: 1:1: rego_unsafe_var_error: var nothing is unsafe\n"


def test_metrics() -> None:
    ticks = itertools.count(0, 1000)
    session = Session(Documents(), clock=lambda: next(ticks))
    session.line("metrics")
    lines = said(session, "1").splitlines()
    assert lines[0] == "1"
    assert [line.split()[1] for line in lines[4:-1]] == [
        "timer_rego_module_compile_ns", "timer_rego_query_compile_ns", "timer_rego_query_eval_ns",
        "timer_rego_query_parse_ns",
    ]  # fmt: skip
    session.line("json")
    assert '"timer_rego_query_eval_ns": 1000' in said(session, "1")


def test_endless_evaluation_ends_at_the_limit() -> None:
    session = Session(Documents(), limits=Limits(seconds=0.2, memory=None))
    answer = said(session, "some x in numbers.range(1, 9000); some y in numbers.range(1, 9000); x + y == 0")
    assert answer == "1 error occurred: evaluation took longer than 0.2 s\n"
    assert said(session, "1") == "1\n"


def test_entered_rules_and_pushed_data_survive_new_files(tmp_path: Path) -> None:
    policy = tmp_path / "p.rego"
    policy.write_text("package p\nq := 1\n")
    documents = Documents(load([str(tmp_path)]))
    session = Session(documents)
    session.line("r := data.p.q + data.pushed")
    documents.put_data(("pushed",), 10)
    assert said(session, "r") == "11\n"
    policy.write_text("package p\nq := 2\n")
    documents.replace_files(load([str(tmp_path)]))
    assert said(session, "r") == "12\n"


def test_new_files_that_clash_with_what_was_entered_are_an_error_until_it_is_unset() -> None:
    documents = Documents()
    session = Session(documents)
    session.line("p contains 1")
    documents.replace_files(Loaded({}, {"r.rego": parse_module("r.rego", "package repl\np := 1")}, {"r.rego": ""}))
    assert "conflicting rules data.repl.p found" in said(session, "1")
    assert said(session, "unset p") == ""
    assert said(session, "p") == "1\n"


def test_rules_of_files_can_be_added_to(session: Session) -> None:
    session = loaded(a="package a\np contains 1\n")
    assert said(session, "package a", "p contains 2", "count(p)") == "2\n"
    assert said(session, "unset p", "count(data.a.p)") == "1\n"


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "{" * 200_000, "not " * 50_000, '"' + "a" * 1_000_000 + '"', "\0", "\x1b[31m"]
)
def test_hostile_lines(session: Session, text: str) -> None:
    answer = session.line(text) + session.end()
    assert "Traceback" not in answer
    assert said(session, "1") == "1\n"


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_lines_leave_a_working_session(lines: list[str]) -> None:
    session = Session(Documents(), limits=Limits(seconds=2.0))
    for line in lines:
        answer = session.line(line)
        assert answer == "" or answer.endswith("\n")
    session.end()
    assert session.block("1 + 1") in ("2\n", session.block("2"))


WORDS = st.sampled_from(
    ["package a", "import data.a", "x := 1", "x = 2", "p if x", "p contains 1", "unset x", "unset p", "show", "json",
     "pretty", "unset-package a", "x", "data", "input = x", "unset input", "input", "default p := 2", "", "[", "dump"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12))
def test_any_order_of_statements_leaves_rules_that_compile(lines: list[str]) -> None:
    session = Session(Documents(), limits=Limits(seconds=2.0))
    for line in lines:
        session.line(line)
    session.end()
    session.settings.format = "pretty"
    assert session.block("1") == "1\n"
