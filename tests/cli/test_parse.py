"""``parse``: trees as text and as JSON, and errors as JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from image_enforcer.cli.main import main

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.rego").write_text("package a # b\n\np := 1\n", encoding="utf-8")
    (tmp_path / "v0.rego").write_text("package a\n\np { true }\n", encoding="utf-8")
    (tmp_path / "bad.rego").write_text("package a\n\np if {\n", encoding="utf-8")

    def go(*arguments: str) -> Ran:
        return (main(["parse", *arguments]), *capsys.readouterr())

    return go


def test_text(run: Run) -> None:
    code, out, err = run("a.rego")
    assert (code, err) == (0, "")
    assert out.startswith('module\n package\n  ref\n   data\n   "a"\n rule\n')
    assert out.endswith("    true\n comment\n")
    assert not run("--json-include=-comments", "a.rego")[1].endswith("comment\n")


def test_json(run: Run) -> None:
    code, out, err = run("-f", "json", "a.rego")
    assert (code, err) == (0, "")
    tree = json.loads(out)
    assert list(tree) == ["package", "rules", "comments"]
    assert "location" not in tree["package"]
    tree = json.loads(run("-f", "json", "--json-include", "locations,-comments", "a.rego")[1])
    assert list(tree) == ["package", "rules"]
    assert tree["package"]["location"] == {"file": "a.rego", "row": 1, "col": 1, "text": "cGFja2FnZQ=="}


def test_versions(run: Run) -> None:
    assert run("v0.rego")[0] == 1
    assert run("--v0-compatible", "v0.rego")[0] == 0


def test_errors_are_json_on_standard_error(run: Run) -> None:
    code, out, err = run("bad.rego")
    assert (code, out) == (1, "")
    [error] = json.loads(err)["errors"]
    assert error["code"] == "rego_parse_error"
    assert error["location"] == {"file": "bad.rego", "row": 4, "col": 0}
    code, out, err = run("nope.rego")
    assert (code, out) == (1, "")
    assert json.loads(err)["errors"] == [{"message": "open nope.rego: no such file or directory"}]


def test_no_path_is_wrong_use(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (1, "")
    assert "no source file specified" in err
