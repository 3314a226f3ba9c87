"""What is evaluated without the compiler comes to the same, or is left to the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.cli import main, quick
from image_enforcer.opa import code_cache

WORDS = st.sampled_from(
    ["1", "data.a.allow", "x := 1", "-d", "--data", "--data=p.rego", "p.rego", "-i", "--input", "in.json",
     "--input=in.json", "-f", "--format", "json", "raw", "values", "pretty", "--format=raw", "-fraw", "--fail",
     "--fail-defined", "--fail=true", "--no-fail", "--strict-builtin-errors", "--strict", "-S", "--", "-", "", "-x",
     "--profile", "--da", "--data=", "-d=p.rego"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=6))
def test_options_mean_what_the_parser_makes_of_them(words: list[str]) -> None:
    found = quick.parsed(words)
    if found is None:
        return
    _, bound, _ = main._app().parse_args(["eval", *words], exit_on_error=False, print_error=False)
    wanted: dict[str, Any] = {"query": (found["query"],)}
    names = {"input": "input_", "format": "format_", "fail": "fail", "fail_defined": "fail_defined"}
    names["strict"] = "strict_builtin_errors"
    for name, value in found.items():
        if name == "data" and value:
            wanted["data"] = value
        elif name in names:
            wanted[names[name]] = True if value == "yes" and name not in ("input", "format") else value
    assert {"query": bound.args, **bound.kwargs} == wanted


POLICY = """package a

default allow := false

allow if input.user in data.users

names contains upper(n) if some n in data.users

loud := x if {
\tprint("heard", input.user)
\tx := 1
}

half := 1 / 2

fails := 1 / input.zero

other := x if x := allow with input.user as "kim" with data.users as ["kim"]

mocked := x if x := upper("a") with upper as lower
"""
QUERIES = (
    "data.a.allow", "data.a", "x := data.a.names[_]", "data.a.loud", "data.a.half", "[1, 1.50, {true: {1}}]",
    "data.a.fails", "data.a.other", "data.a.mocked", "data.b.picked", "data.users[i] = n", "false",
    "data.a[input.which]", "walk(data.users, [p, v])", "input", "1 / 0", "data.nothing", "data",
    "some x in data.a.names; startswith(x, \"K\")",
)  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "p.rego").write_text(POLICY)
    (tmp_path / "q.rego").write_text("package b\n\npicked := data.a[input.which]\n")
    (tmp_path / "d.json").write_text('{"users": ["kim", "ann"]}')
    (tmp_path / "i.json").write_text('{"user": "kim", "zero": 0, "which": "half"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(code_cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("form", [*quick.FORMATS, "pretty"])
def test_the_same_is_printed(
    files: Path, query: str, form: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["eval", "-d", "p.rego", "-d", "q.rego", "-d", "d.json", "-i", "i.json", "-f", form, query]
    monkeypatch.setenv(code_cache.VARIABLE, "off")
    wanted = main.main(arguments), *capsys.readouterr()
    for _ in ("compiled", "compiled before"):
        got = quick.evaluate(arguments[1:], {code_cache.VARIABLE: str(files / "cache")})
        shown = capsys.readouterr()
        if got is not None:
            assert (got, *shown) == wanted
        else:
            assert shown == ("", "")
            assert form == "pretty" or wanted[0] == 2


def test_what_was_compiled_is_kept(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {code_cache.VARIABLE: str(files / "cache")}
    arguments = ["-d", "p.rego", "-d", "q.rego", "-d", "d.json", "-i", "i.json", "data.a.allow"]
    assert quick.evaluate(arguments, environ) == 0
    with monkeypatch.context() as patch:
        patch.setattr(quick, "_compiled", pytest.fail)
        assert quick.evaluate(arguments, environ) == 0
    out = capsys.readouterr().out
    assert out[: len(out) // 2] == out[len(out) // 2 :]
    assert [e["value"] for e in json.loads(out[: len(out) // 2])["result"][0]["expressions"]] == [True]
    assert quick.evaluate(arguments, {**environ, "IMAGE_ENFORCER_EVAL_FORMAT": "raw"}) is None


def test_nothing_need_be_kept(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["-d", "p.rego", "-d", "d.json", "-i", "i.json", "data.a.allow"]
    environ = {code_cache.VARIABLE: "off"}
    for _ in range(2):
        assert quick.evaluate(arguments, environ) == 0
        assert json.loads(capsys.readouterr().out)["result"][0]["expressions"][0]["value"] is True
    assert quick.evaluate(["x"], environ) is None
    assert not (files / "cache").exists()


LOADED = """
import sys
from image_enforcer.cli import quick
found = [quick.evaluate(["[1, true]"], {"IMAGE_ENFORCER_CACHE": sys.argv[1]}), *sys.modules]
print(*found, sep=chr(10), file=sys.stderr)
"""


def test_little_is_loaded_to_run_what_is_kept(files: Path) -> None:
    environ = {**os.environ, code_cache.VARIABLE: str(files / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-S", "-c", LOADED, str(files / "cache")]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True, env=environ) for _ in range(2)]
    first, second = (run.stderr.split() for run in runs)
    heavy = {"typing", "re", "dataclasses", "inspect", "functools", "contextlib", "enum", "threading", "types", "json"}
    assert (first[0], second[0]) == ("0", "0")
    assert runs[0].stdout == runs[1].stdout
    assert "image_enforcer.rego.engine" in first
    assert not {*heavy, "image_enforcer.rego.engine", "msgspec"} & set(second)


def test_faults_are_left_to_the_command(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {code_cache.VARIABLE: str(files / "cache")}
    arguments = ["-d", "p.rego", "-d", "q.rego", "-d", "d.json", "-i", "i.json", "data.a.allow"]
    assert quick.evaluate(["1 +"], environ) is None
    assert quick.evaluate([" "], environ) is None
    assert quick.evaluate(["x"], environ) is None
    (files / "p.rego").write_text(POLICY + "\nwrong := nothing\n")
    assert quick.evaluate(arguments, environ) is None
    (files / "p.rego").write_text(POLICY)
    for _ in ("compiled", "compiled before"):
        (files / "d.json").write_text('{"users": [], "a": {"allow": true}}')
        assert quick.evaluate(arguments, environ) is None
        (files / "d.json").write_text('{"users": [')
        assert quick.evaluate(arguments, environ) is None
        (files / "d.json").write_text('{"users": ["kim"]}')
        assert capsys.readouterr() == ("", "")
        assert quick.evaluate(arguments, environ) == 0
        assert "true" in capsys.readouterr().out
    (files / "d.json").unlink()
    assert quick.evaluate(arguments, environ) is None


def test_exit_codes(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {code_cache.VARIABLE: str(files / "cache")}
    for query, flag, code in [
        ("data.nothing", "--fail", 1), ("1", "--fail", 0), ("1", "--fail-defined", 1), ("false", "--fail", 0),
        ("data.nothing", "--fail-defined", 0),
    ]:  # fmt: skip
        assert main.main(["eval", query]) == 0
        assert quick.evaluate([flag, query], environ) == code
    capsys.readouterr()


def test_policies_that_were_right_are_right(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {code_cache.VARIABLE: str(files / "cache")}
    assert quick.check(["p.rego"], environ) is None
    assert main.main(["check", "p.rego"]) == 0
    assert quick.check(["p.rego"], environ) == 0
    assert quick.check(["p.rego", "q.rego"], environ) is None
    assert main.main(["check", "--strict", ".", "p.rego"]) == 0
    assert quick.check([".", "-S", "p.rego"], environ) == 0
    assert quick.check([".", "p.rego"], environ) is None
    for arguments in (
        [],
        ["-S"],
        ["-S", "-S", "p.rego"],
        ["p.rego", "-f", "json"],
        ["--", "p.rego"],
        ["d.json"],
        ["none"],
    ):
        assert quick.check(arguments, environ) is None, arguments
    assert quick.check(["p.rego"], {**environ, "IMAGE_ENFORCER_CHECK_STRICT": "true"}) is None
    assert quick.check(["p.rego"], {code_cache.VARIABLE: "off"}) is None
    (files / "p.rego").write_text("package a\n\np := nothing")
    assert quick.check(["p.rego"], environ) is None
    assert main.main(["check", "p.rego"]) == 1
    assert quick.check(["p.rego"], environ) is None
    assert "nothing" in capsys.readouterr().err
