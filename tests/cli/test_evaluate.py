"""``eval``: formats, exit codes, where input and query come from, and what is refused."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.cli.main import main

Ran = tuple[int, str, str]
Eval = Callable[..., Ran]


@pytest.fixture(name="run")
def run_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Eval:
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main(["eval", *arguments])
        return (code, *capsys.readouterr())

    return go


def value(ran: Ran) -> Any:
    code, out, err = ran
    assert (code, err) == (0, "")
    return json.loads(out)["result"][0]["expressions"][0]["value"]


def write(path: str, text: str) -> str:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)
    return path


def test_a_query(run: Eval) -> None:
    assert value(run("1 + 1")) == 2
    assert run("data.nothing") == (0, "{}\n", "")


@pytest.mark.parametrize(
    ("form", "out"),
    [
        ("values", '[\n  "b"\n]\n'),
        ("bindings", '{\n  "x": 1\n}\n'),
        ("raw", "b\n"),
        ("pretty", '┌─────┬───┐\n│ "b" │ x │\n├─────┼───┤\n│ "b" │ 1 │\n└─────┴───┘\n'),
        ("discard", '{\n  "result": "discarded"\n}\n'),
    ],
)
def test_formats(run: Eval, form: str, out: str) -> None:
    query = '"b"; x := 1' if form in ("pretty", "discard") else "x := 1" if form == "bindings" else '"b"'
    assert run("-f", form, query) == (0, out, "")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail", "data.nothing"], 1),
        (["--fail", "false"], 0),
        (["--fail", "1"], 0),
        (["--fail-defined", "1"], 1),
        (["--fail-defined", "false"], 1),
        (["--fail-defined", "data.nothing"], 0),
        (["--fail", "x"], 2),
        (["--fail-defined", "x"], 2),
    ],
)
def test_exit_codes(run: Eval, arguments: list[str], code: int) -> None:
    assert run(*arguments)[0] == code


def test_files_with_and_without_prefix(run: Eval) -> None:
    write("d/x/a.json", '{"k": 1}')
    write("p.rego", "package p\nq := data.y.x.k + 1\n")
    assert value(run("-d", "y:d", "--data", "p.rego", "data.p.q")) == 2


def test_directories_side_by_side_are_mounted_and_it_is_said(run: Eval) -> None:
    write("data/a/x.json", '{"k": 1}')
    write("data/b/x.json", '{"k": 2}')
    code, out, err = run("-d", "data/a", "-d", "data/b", "-f", "raw", "[data.a.k, data.b.k]")
    assert (code, out) == (0, "[1,2]\n")
    assert err == "mounted data/a at data.a\nmounted data/b at data.b\n"
    assert run("--no-mount", "-d", "data/a", "-d", "data/b", "data")[0] == 2


def test_ignored_names(run: Eval) -> None:
    write("d/a.json", '{"a": 1}')
    write("d/skip/b.json", '{"b": 1}')
    assert value(run("-d", "d", "--ignore", "skip", "data")) == {"a": 1}


@pytest.mark.parametrize(("name", "text"), [("i.json", '{"a": 1}'), ("i.yaml", "a: 1"), ("i", "a: 1")])
def test_an_input_file(run: Eval, name: str, text: str) -> None:
    write(name, text)
    assert value(run("-i", name, "input.a")) == 1


def test_input_and_query_from_standard_input(run: Eval) -> None:
    assert value(run("-I", "input.a", stdin=b'{"a": 1}')) == 1
    assert value(run("--stdin-input", "input.a", stdin=b"a: 1")) == 1
    assert value(run("--stdin", stdin=b"1 + 1\n")) == 2


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ([], b"", "error[IE2002]: there is no query"),
        (["1", "2"], b"", "error[IE2002]: one query is evaluated, not 2"),
        (["--stdin", "1"], b"", "error[IE2002]: --stdin reads the query from standard input; there is a query besides"),
        (
            ["--stdin", "-I"],
            b"",
            "error[IE2002]: --stdin reads the query from standard input; there is an input besides",
        ),
        (["-I", "-i", "x", "1"], b"", "error[IE2002]: --input and --stdin-input both give the input document"),
        (["-i", "gone.json", "1"], b"", "error[IE2004]: the input cannot be read: stat gone.json: no such file"),
        (["-I", "1"], b"{", "error[IE2004]: the input cannot be read: standard input: "),
        (["-I", "1"], b"\xff", "error[IE2004]: the input is not UTF-8 text (byte 1)"),
        (["--stdin"], b"\xff", "error[IE2004]: the query is not UTF-8 text (byte 1)"),
        (["--timeout", "5", "1"], b"", 'error[IE2003]: --timeout: time: missing unit in duration "5"'),
        (["--timeout=-5s", "1"], b"", "error[IE2003]: --timeout '-5s' is no length of time"),
        (["-f", "yaml", "1"], b"", "error[IE2002]: "),
        (["-f", "source", "1"], b"", "error[IE2003]: invalid output format for evaluation: source is for"),
        (["-p", "-f", "values", "1"], b"", "error[IE2003]: invalid output format for partial evaluation"),
        (["-p", "-u", "1 + 1", "1"], b"", "error[IE2003]: --unknowns '1 + 1' names no document"),
        (["-p", "-u", "]", "1"], b"", "error[IE2003]: --unknowns ']': "),
        (["--count", "0", "1"], b"", "error[IE2003]: --count 0 is no number of runs"),
        (
            ["--coverage-runs", "x", "1"],
            b"",
            "error[IE2003]: --coverage-runs 'x' is none of index_excluded, early_exit",
        ),
        (["--fail", "--fail-defined", "1"], b"", "error[IE2002]: specify --fail or --fail-defined but not both"),
        (
            ["--strict-builtin-errors", "--show-builtin-errors", "1"],
            b"",
            "error[IE2002]: --strict-builtin-errors ends at the first failing built-in",
        ),
        (["--import", "data.a\nx := 1", "1"], b"", "error[IE2003]: --import 'data.a\\nx := 1' is not one import"),
        (["--frobnicate", "1"], b"", "error[IE2002]: unknown option: --frobnicate"),
    ],
)
def test_wrong_use(run: Eval, arguments: list[str], stdin: bytes, said: str) -> None:
    code, out, err = run(*arguments, stdin=stdin)
    assert (code, out) == (2, "")
    assert err.startswith(said)


@pytest.mark.parametrize(
    "arguments",
    [["--capabilities", "x"], ["--target", "wasm"], ["--optimize", "1"]],
)
def test_options_of_opa_that_are_not_supported(run: Eval, arguments: list[str]) -> None:
    code, out, err = run(*arguments, "1")
    assert (code, out) == (2, "")
    assert "is not supported" in err


@pytest.mark.parametrize(
    "arguments",
    [["--explain", "off"], ["--target", "rego"], ["-O", "0"], ["--entrypoint", "a/b"], ["--disable-indexing"],
     ["--disable-early-exit"], ["--unknowns", "input"], ["--var-values"]],
)  # fmt: skip
def test_options_that_ask_for_what_is(run: Eval, arguments: list[str]) -> None:
    assert value(run(*arguments, "1")) == 1


def test_package_and_imports(run: Eval) -> None:
    write("p.rego", "package a.b\nx := 1\n")
    assert value(run("-d", "p.rego", "--package", "a.b", "x")) == 1
    assert value(run("-d", "p.rego", "--import", "data.a.b", "b.x")) == 1
    assert value(run("-d", "p.rego", "--import", "data.a.b as c", "--import", "data.a", "[c.x, a.b.x]")) == [1, 1]


def test_builtin_errors(run: Eval) -> None:
    assert run("1/0") == (0, "{}\n", "")
    code, out, _ = run("--strict-builtin-errors", "1/0")
    assert code == 2
    assert json.loads(out)["errors"][0]["message"] == "div: divide by zero"
    assert run("--strict-builtin-errors", "-f", "pretty", "1/0")[:2] == (2, "")


def test_strict_mode(run: Eval) -> None:
    write("p.rego", "package p\nq if { x := 1 }\n")
    assert run("-d", "p.rego", "data.p.q")[0] == 0
    code, out, _ = run("-d", "p.rego", "-S", "data.p.q")
    assert code == 2
    assert "assigned var x unused" in out


def test_version_0(run: Eval) -> None:
    write("p.rego", "package p\nq { true }\n")
    assert run("-d", "p.rego", "data.p.q")[0] == 2
    assert value(run("-d", "p.rego", "--v0-compatible", "data.p.q")) is True


def test_a_timeout(run: Eval) -> None:
    query = "some x in numbers.range(1, 9000); some y in numbers.range(1, 9000); x + y == 0"
    code, out, _ = run("--timeout", "100ms", query)
    assert code == 2
    assert json.loads(out)["errors"][0]["code"] == "eval_cancel_error"
    assert value(run("--timeout", "1m", "1")) == 1


def test_prints_go_to_standard_error(run: Eval) -> None:
    assert run("-f", "raw", 'print("x", 1)') == (0, "true\n", "x 1\n")


def test_metrics(run: Eval) -> None:
    code, out, _ = run("--metrics", "1")
    assert code == 0
    assert sorted(json.loads(out)["metrics"]) == [
        "timer_rego_query_compile_ns",
        "timer_rego_query_eval_ns",
        "timer_rego_query_parse_ns",
    ]
    write("d.json", "{}")
    assert "timer_rego_load_files_ns" in run("--metrics", "-f", "pretty", "-d", "d.json", "1")[1]


def test_cells_of_tables_are_cut(run: Eval) -> None:
    assert '│ "a... │' in run("-f", "pretty", "--pretty-limit", "2", 'x := "abc"; true')[1]
    assert '│ "abc" │' in run("-f", "pretty", "--pretty-limit", "0", 'x := "abc"; true')[1]


def test_errors_in_files(run: Eval) -> None:
    write("bad.json", "{")
    write("bad.rego", "package p\nq := \n")
    code, out, err = run("-d", "bad.json", "-d", "bad.rego", "1")
    assert code == 2
    errors = json.loads(out)["errors"]
    assert errors[0] == {"message": "bad.json: unexpected EOF"}
    assert errors[1]["location"] == {"file": "bad.rego", "row": 3, "col": 0}
    assert err == "hint: the text ends too early, at line 1, column 2\n"
    code, out, err = run("-f", "pretty", "-d", "bad.json", "1")
    assert (code, out) == (2, "")
    assert err.startswith("1 error occurred during loading: bad.json: unexpected EOF\nhint: ")


def test_an_empty_query(run: Eval) -> None:
    code, out, _ = run("")
    assert (code, json.loads(out)) == (2, {"errors": [{"message": "cannot evaluate empty query"}]})


@pytest.mark.parametrize("query", ["p if true", "import data.a", "package a", "1 +", "]", "\0", "x := "])
def test_what_is_no_query(run: Eval, query: str) -> None:
    code, out, err = run(query)
    assert code == 2
    assert json.loads(out)["errors"]
    assert "Traceback" not in err


# --- how the answer came about ---------------------------------------------------------------------

POLICY = """\
package p

default ok := false

ok if {
	some n in data.names
	n == input.n
}

broken := 1 / input.zero
"""


@pytest.fixture
def told(run: Eval) -> Eval:
    """Runs beside a policy, a document and an input."""
    write("p.rego", POLICY)
    write("d.json", '{"names": ["a", "b"]}')
    write("i.json", '{"n": "b", "zero": 0}')
    return lambda *arguments: run("-d", "p.rego", "-d", "d.json", "-i", "i.json", *arguments)


def test_steps(told: Eval) -> None:
    code, out, err = told("--explain", "full", "-f", "pretty", "data.p.ok")
    assert (code, err) == (0, "")
    assert out.startswith("query:1      Enter data.p.ok = _\n")
    assert "p.rego:7     | | Eval n = input.n\n" in out
    assert out.endswith("\ntrue\n")
    assert "| | Fail n = input.n\n" in told("--explain", "fails", "-f", "pretty", "data.p.ok")[1]
    assert {"Op": "Enter", "QueryID": 0}.items() <= json.loads(told("--explain", "debug", "data.p.ok")[1])[
        "explanation"
    ][0].items()


def test_steps_with_values(told: Eval) -> None:
    out = told("--explain", "full", "--var-values", "-f", "pretty", "data.p.ok")[1]
    assert re.search(r'Eval n = input\.n +\{n: "b"\}\n', out)


def test_a_profile(told: Eval) -> None:
    shown = json.loads(told("--profile", "data.p.ok")[1])
    assert {(x["location"]["row"], x["num_eval"], x["num_redo"]) for x in shown["profile"]} == {
        (1, 1, 1),
        (6, 1, 2),
        (7, 2, 1),
    }
    assert "timer_rego_query_eval_ns" in shown["metrics"]
    first = json.loads(told("--profile-limit", "1", "--profile-sort", "line", "data.p.ok")[1])["profile"]
    assert [x["location"]["row"] for x in first] == [7]
    assert "│ Num Gen Expr │" in told("--profile", "-f", "pretty", "data.p.ok")[1]


def test_several_runs(told: Eval) -> None:
    shown = json.loads(told("--count", "3", "--profile", "data.p.ok")[1])
    assert set(shown) == {"result", "aggregated_metrics", "aggregated_profile"}
    assert shown["aggregated_profile"][0]["total_time_ns_stats"]["count"] == 3
    assert "│ timer_rego_query_eval_ns " in told("--count", "2", "--metrics", "-f", "pretty", "data.p.ok")[1]


def test_coverage(told: Eval) -> None:
    shown = json.loads(told("--coverage", "data.p.ok")[1])["coverage"]
    assert (shown["covered_lines"], shown["not_covered_lines"]) == (3, 2)
    assert shown["files"]["p.rego"]["not_covered"][0]["start"] == {"row": 3, "col": 1}
    assert told("--coverage", "-f", "pretty", "data.p.ok")[1] == (
        "true\n┌──────────────────┬───────┐\n│ Overall Coverage │ 60.00 │\n└──────────────────┴───────┘\n"
    )


def test_errors_of_built_ins_are_collected(told: Eval) -> None:
    code, out, _ = told("--show-builtin-errors", "[data.p.ok | data.p.broken]")
    shown = json.loads(out)
    assert code == 0
    assert shown["result"][0]["expressions"][0]["value"] == []
    (error,) = shown["errors"]
    assert (error["code"], error["location"]["row"]) == ("eval_builtin_error", 10)
    assert [s["query_id"] for s in error["stack_trace"]] == [2, 1, 0]


def test_a_traceback_shows_values(told: Eval) -> None:
    code, out, err = told("--strict-builtin-errors", "-f", "pretty", "x := 0; y := 1 / x")
    assert (code, out) == (2, "")
    assert err == ("1 error occurred: 1 / x: eval_builtin_error: div: divide by zero\n\nTraceback:\n  1:14: 1 / 0\n")


def test_what_is_left_without_the_unknown(told: Eval) -> None:
    rules = 'default ok := false\n\nok if "a" = input.n\n\nok if "b" = input.n\n'
    module = f"# Module 1\npackage partial.p\n\n{rules}"
    assert told("-p", "-f", "source", "data.p.ok")[1] == f"# Query 1\ndata.partial.p.ok\n\n{module}"
    write("q.rego", "package q\n\nok if {\n\tsome n in [1, 2]\n\tn == input.n\n}\n")
    assert told("-d", "q.rego", "-p", "-f", "source", "data.q.ok")[1] == (
        "# Query 1\n1 = input.n\n\n# Query 2\n2 = input.n\n\n"
    )
    kept = "# Query 1\ndata.partial.q.ok\n\n# Module 1\npackage partial.q\n\nok if 1 = input.n\n\nok if 2 = input.n\n"
    assert told("-d", "q.rego", "-p", "--disable-inlining", "data.q.ok", "-f", "source", "data.q.ok")[1] == kept
    assert "package partial.q" in told("-d", "q.rego", "-p", "--shallow-inlining", "-f", "source", "data.q.ok")[1]
    assert told("-d", "q.rego", "-p", "-u", "data.x", "-f", "source", "data.q.ok")[1] == ""
    assert told("-p", "-f", "pretty", "data.p.nothing")[1] == "undefined\n"


def test_a_plan(told: Eval) -> None:
    code, out, err = told("--plan", "data.p.ok")
    assert (code, err) == (0, "")
    assert out.startswith("query\n  r0 = data.p.ok\n  solved by r0\n")
    assert told("--plan", "data.p.nosuch(1)")[0] == 2


def test_a_bundle_beside_data(run: Eval) -> None:
    write("b/data.json", '{"k": 1}')
    write("b/other.json", '{"l": 1}')
    write("b/.manifest", '{"roots": ["k", "p"]}')
    write("b/p.rego", "package p\n\nq := data.k + data.m\n")
    write("d.json", '{"m": 2}')
    assert value(run("-b", "b", "data")) == {"k": 1, "p": {}}
    assert value(run("-b", "b", "-d", "d.json", "data.p.q")) == 3
    write("d.json", '{"k": 2}')
    assert run("-b", "b", "-d", "d.json", "data.k")[0] == 2


def test_schemas(run: Eval) -> None:
    write("s.json", '{"type": "object", "properties": {"n": {"type": "string"}}, "additionalProperties": false}')
    write("p.rego", "package p\n\nq := input.m\n")
    write("r.rego", "package r\n\nq := input.n\n")
    code, out, _ = run("-s", "s.json", "-d", "p.rego", "data.p.q")
    assert code == 2
    assert json.loads(out)["errors"][0]["message"] == "undefined ref: input.m"
    assert run("-s", "s.json", "-d", "r.rego", "data.r.q")[0] == 0
    assert run("-s", "gone.json", "1")[0] == 2


def test_the_help_lists_every_option_with_what_it_does(run: Eval) -> None:
    code, out, _ = run("--help")
    assert code == 0
    arguments, _, options = out.partition("Arguments:\n")[2].partition("Options:\n")
    assert arguments == "  QUERY  the query, e.g. data.a.allow\n\n"
    heads = [line for line in options.partition("\n\n")[0].splitlines() if line.startswith("  -")]
    assert {"--explain", "--partial", "--plan", "--coverage", "--schema"} <= set(
        re.findall(r"--[a-z-]+", " ".join(heads))
    )
    assert all("  " in line.strip() or "|" in line for line in heads), heads
