"""Commands: what they switch, what they refuse and how they say so."""

from pathlib import Path

import pytest

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded
from image_enforcer.opa.repl import Session, texts
from image_enforcer.opa.repl.commands import COMMANDS


@pytest.fixture
def session() -> Session:
    return Session(Documents(Loaded({"a": {"b": "<c>"}})))


def said(session: Session, *lines: str) -> str:
    return [session.line(line) for line in lines][-1]


def test_show(session: Session) -> None:
    assert said(session, "show") == "no rules defined\n"
    assert said(session, "p if { true }", "q if { 1 < 2; 2 < 3 }", "show") == (
        "package repl\n\np := true\n\nq if {\n\t1 < 2\n\t2 < 3\n}\n"
    )
    assert said(session, "show x") == "unknown option 'x'\n"


def test_show_debug_tells_the_switches(session: Session) -> None:
    before = said(session, "show debug")
    assert before.count("false") == 5
    after = said(session, "metrics", "strict-builtin-errors", "show debug")
    assert '"metrics": true' in after
    assert '"strict-builtin-errors": true' in after
    assert said(session, "metrics", "strict-builtin-errors", "show debug") == before


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("unset", "code bad arguments: unset <ref>: expects exactly one argument\n"),
        ("unset a b", "code bad arguments: unset <ref>: expects exactly one argument\n"),
        ("unset 1", "code bad arguments: arguments must identify a rule\n"),
        ("unset p[x]", "code bad arguments: arguments must identify a rule\n"),
        ("unset ]", "code bad arguments: arguments must identify a rule\n"),
        ("unset p", "warning: no matching rules in current module\n"),
        ("unset-package", "code bad arguments: unset-package <var>: expects exactly one argument\n"),
        ("unset-package 1", "code bad arguments: argument must identify a package\n"),
        ("unset-package p", "warning: no matching package\n"),
        ("pretty-limit", "usage: pretty-limit <n>\n"),
        ("pretty-limit x", 'strconv.ParseInt: parsing "x": invalid syntax\n'),
        ("help nothing", "unknown topic 'nothing'\n"),
        ("trace xyz", "invalid explain mode, expected one of: off, full, notes, fails, debug\n"),
        ("unknown", texts.UNKNOWN_USAGE + "\n"),
        ("unknown 1", texts.UNKNOWN_USAGE + "\n"),
        ("unknown foo", texts.UNKNOWN_USAGE + "\n"),
        ("target", "code bad arguments: target <mode>: expects exactly one argument, got 0\n"),
        ("target x", 'invalid target "x":must be one of {rego,wasm}\n'),
    ],
)
def test_wrong_use(session: Session, line: str, answer: str) -> None:
    assert said(session, line) == answer


def test_instrument_switches_the_times_too(session: Session) -> None:
    assert said(session, "instrument") == ""
    assert "timer_rego_query_eval_ns" in said(session, "1")
    assert '"instrument": true' in said(session, "show debug")
    assert said(session, "instrument", "1") == "1\n"


def test_unknown_documents(session: Session) -> None:
    assert said(session, "unknown input data.a.x") == ""
    assert "│ Query 1 │ input.x = 1 │" in said(session, "input.x == 1")
    assert "│ Query 1 │ data.a.x │" in said(session, "data.a.x")
    assert said(session, "unknown foo") == texts.UNKNOWN_USAGE + "\n"
    assert said(session, "unknown", "input.x == 1") == "undefined\n"


def test_the_modes_of_traces(session: Session) -> None:
    def mode(*lines: str) -> str:
        assert [session.line(line) for line in lines] == [""] * len(lines)
        return session.settings.explain

    assert mode("trace off") == "off"
    assert mode("trace") == "full"
    assert mode("notes") == "notes"
    assert mode("trace notes") == "off"
    assert mode("fails") == "fails"
    assert mode("trace debug") == "debug"
    assert mode("profile") == "off"
    assert mode("trace") == "full"
    assert session.settings.profile
    assert mode("profile") == "full"


def test_types(session: Session) -> None:
    assert said(session, "x := [1, `a`]", "f(y) := z if { z := y + 1 }", "types") == ""
    assert said(session, "x") == '[\n  1,\n  "a"\n]\n# data.repl.x: array<number, string>\n'
    assert said(session, "f(1)") == "2\n# data.repl.f: (number) => number\n"
    assert said(session, "some y in {1}") == (
        "┌───┐\n│ y │\n├───┤\n│ 1 │\n└───┘\n# eq: (any, any) => boolean\n# eq: (any, any) => boolean\n"
        "# __localq0__[__localq1__]: number\n# __localq0__: set[number]\n# __localq2__: number\n# __localq1__: number\n"
    )
    shown = said(session, "strict-builtin-errors", "1/0")
    assert shown.endswith("div: divide by zero\n# div: (number, number) => number\n")
    assert said(session, "x == y").endswith("var y is unsafe\n")
    assert said(session, "types", "count(x)") == "2\n"


def test_under_the_other_target_queries_fail(session: Session) -> None:
    assert said(session, "target rego") == said(session, "target wasm") == ""
    assert said(session, "1").startswith("1 error occurred: engine not found\nWebAssembly runtime not supported")
    assert session.failed
    warning = 'warning: trace mode "full" is not supported with wasm target\n'
    assert said(session, "trace") == warning
    assert said(session, "target wasm") == warning
    assert said(session, "trace off", "target rego", "1") == "1\n"


def test_the_help_names_every_command(session: Session) -> None:
    text = said(session, "HELP")
    assert all(name in text for name in COMMANDS)
    assert said(session, "help input") == texts.HELP_INPUT
    assert "partially evaluated" in said(session, "help partial")
    session.at_terminal = True
    assert said(session, "help") == texts.HELP + texts.HERE


def test_unset_takes_what_is_below_too(session: Session) -> None:
    said(session, "a.b := 1", "a.c := 2", 'd["e"] := 3')
    assert said(session, "unset a.b", "a") == '{\n  "c": 2\n}\n'
    assert said(session, "unset a", "show") == 'package repl\n\nd["e"] := 3\n'
    assert said(session, 'unset d["e"]', "show") == "package repl\n"


def test_unset_takes_what_a_part_is_of(session: Session) -> None:
    said(session, 'x := {"a": 1}', "y.a := 1", "y.b := 2")
    assert said(session, "unset x.a", "unset y.a.c", "show") == 'package repl\n\ny["b"] := 2\n'


def test_show_lists_imports_in_order(session: Session) -> None:
    said(session, "import data.b as c", "import input.x", "import data.a", "import future.keywords.in")
    names = ["data.a", "data.b as c", "future.keywords.in", "input.x"]
    assert said(session, "show") == "package repl\n\n" + "".join(f"import {n}\n" for n in names)
    assert "future" not in said(session, "import rego.v1", "show")
    assert "import rego.v1\n" in said(session, "show")


def test_unset_package(session: Session) -> None:
    said(session, 'package a["b-c"]', "x := 1", "package d", 'y := data.a["b-c"].x')
    assert said(session, 'unset-package a["b-c"]') == ""
    assert session.package == ("d",)
    assert said(session, "y") == "undefined\n"
    assert said(session, "unset-package d") == ""
    assert session.package == ("repl",)


def test_formats(session: Session) -> None:
    assert said(session, "json", "x := 1") == ""
    assert '"value": 1' in said(session, "x")
    assert said(session, "pretty", "x") == "1\n"


def test_the_width_of_cells(session: Session) -> None:
    assert '│ "abcd...        │ 1 │' in said(session, "pretty-limit 5", '["abcdefgh"][_]; true; x := 1')
    assert '"abcdefgh"' in said(session, "pretty-limit 0", '["abcdefgh"][_]; true; x := 1')


def test_dump(session: Session, tmp_path: Path) -> None:
    text = '{"a":{"b":"\\u003cc\\u003e"}}\n'
    assert said(session, "dump") == text
    path = tmp_path / "dump.json"
    assert said(session, f"dump {path}") == ""
    assert path.read_text() == text
    assert said(session, f"dump {path}") == f"dump: {path} is there already; name a new file\n"
    assert said(session, f"dump {tmp_path}/no/x").startswith("dump: ")


def test_exit(session: Session) -> None:
    assert said(session, "exit now") == ""
    assert session.done
