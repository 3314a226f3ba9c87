"""``lint`` on the command line: forms, exit codes, standard input, wrong use."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from image_enforcer.cli.main import main

BAD = 'package a\n\nallow if startswith(input.image, "registry.example")\n'
Lint = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lint:
    """Runs in a directory of its own with one policy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.rego").write_text(BAD)

    def go(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main(["lint", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return go


def test_text(run: Lint) -> None:
    code, out, err = run("p")
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].startswith("p/a.rego:3:1: IL202 ")
    assert lines[0].endswith(" [warning, no-default]")
    assert lines[1].startswith("  hint: ")
    assert lines[2].startswith("p/a.rego:3:10: IL103 ")
    assert lines[-1] == "1 error, 1 warning in 1 module"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 1), (["--fail-on", "warning"], 1), (["--fail-on", "none"], 0), (["--ignore-rule", "IL103"], 0),
        (["--ignore-rule", "IL103", "--fail-on", "warning"], 1), (["--select", "IL4"], 0),
    ],
)  # fmt: skip
def test_exit_codes(run: Lint, arguments: list[str], code: int) -> None:
    assert run(*arguments, "p")[0] == code


def test_json(run: Lint) -> None:
    shown = json.loads(run("-o", "json", "p")[1])
    assert shown["modules"] == 1
    assert [(f["code"], f["severity"], f["file"], f["row"], f["col"]) for f in shown["findings"]] == [
        ("IL202", "warning", "p/a.rego", 3, 1),
        ("IL103", "error", "p/a.rego", 3, 10),
    ]
    assert all(f["why"] and f["remedy"] and f["message"] and f["name"] for f in shown["findings"])


def test_sarif_beside_text(run: Lint, tmp_path: Path) -> None:
    code, out, _ = run("-o", "sarif=lint.sarif", "p")
    assert code == 1
    assert out.endswith("in 1 module\n")
    log = json.loads((tmp_path / "lint.sarif").read_text())
    assert log["version"] == "2.1.0"
    (found,) = log["runs"]
    rules = found["tool"]["driver"]["rules"]
    for result in found["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    place = found["results"][1]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "p/a.rego"}
    assert place["region"] == {"startLine": 3, "startColumn": 10, "endLine": 3, "endColumn": 53}


def test_standard_input(run: Lint) -> None:
    code, out, _ = run("--stdin", stdin=BAD.encode())
    assert code == 1
    assert out.startswith("standard input:3:1: IL202 ")
    assert run("--stdin", "p", stdin=b"package b\n")[1].endswith("in 2 modules\n")


def test_the_rules(run: Lint) -> None:
    code, out, _ = run("--rules")
    assert code == 0
    assert "IL103  error    open-prefix: " in out


def test_data_beside_policies(run: Lint, tmp_path: Path) -> None:
    (tmp_path / "p/data.json").write_text('{"a": {"allow": true}}')
    assert "IL305" in run("p")[1]


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        ([], b"", "error[IE2002]: there is nothing to look at"),
        (["gone"], b"", "error[IE2004]: 1 error occurred during loading: stat gone: no such file"),
        (["--stdin"], b"packag", "error[IE2004]: 1 error occurred: standard input:1: rego_parse_error: "),
        (["--stdin"], b"\xff", "error[IE2004]: the policy is not UTF-8 text (byte 1)"),
        (["-o", "xml", "p"], b"", "error[IE2003]: --output 'xml' is no format"),
        (["-o", "sarif=", "p"], b"", "error[IE2003]: --output 'sarif=' names no file"),
        (["-o", "json", "-o", "text", "p"], b"", "error[IE2003]: standard output is to have two formats"),
        (["--select", "IL9", "p"], b"", "error[IE2003]: --select 'IL9' is the code of no rule"),
        (["--ignore-rule", "x", "p"], b"", "error[IE2003]: --ignore-rule 'x' is the code of no rule"),
        (["--fail-on", "all", "p"], b"", "error[IE2002]: "),
        (["-o", "json=no/such/file", "p"], b"", "error[IE2030]: no/such/file: the json output cannot be written"),
    ],
)
def test_wrong_use(run: Lint, arguments: list[str], stdin: bytes, said: str) -> None:
    code, _, err = run(*arguments, stdin=stdin)
    assert code == 2
    assert err.startswith(said)


def test_a_directory_without_policies(run: Lint, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert run("empty")[2].startswith("error[IE2004]: there are no policies in empty")
