"""Decisions about many files."""

from pathlib import Path

import pytest

from image_enforcer.opa.execution import Execution, Unread
from image_enforcer.opa.loader import Loaded
from image_enforcer.rego import parse_module

POLICY = """package a
allow if input.x == 1
bad := y if some y in [1, 2]
some_set contains y if some y in input.ys
nothing := null
said if print("hello", input.x)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "a.json": '{"x": 1}',
        "b/c.yaml": "x: 2",
        "d.json": "{",
        "e.txt": "x",
        "f.yml": "ys: [1]",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "link").symlink_to("b")
    return tmp_path


def executed(folder: Path, decision: str) -> Execution:
    made = Execution(Loaded(modules={"a": parse_module("a", POLICY)}), decision, seconds=5, heard=lambda _: None)
    made.files(str(folder))
    return made


def test_files_in_order(folder: Path) -> None:
    found = executed(folder, "/a/allow").json()
    assert [Path(f["path"]).name for f in found] == ["a.json", "c.yaml", "d.json", "f.yml"]
    assert "decision_id" in found[0]
    assert found[1]["error"] == {"code": "opa_undefined_error", "message": "/a/allow decision was undefined"}
    assert found[2]["error"]["message"].endswith("d.json: unexpected EOF")


@pytest.mark.parametrize(
    ("decision", "flag", "counts"),
    [
        ("a/allow", "--fail", (0, 3)), ("a/allow", "--fail-defined", (1, 1)), ("a/allow", "--fail-non-empty", (1, 1)),
        ("a/some_set", "--fail-non-empty", (1, 1)), ("a/some_set", "--fail-defined", (3, 1)),
        ("a/nothing", "--fail", (3, 1)), ("a/bad", "--fail-defined", (0, 4)), ("a/bad", "--fail", (0, 4)),
    ],
)  # fmt: skip
def test_what_counts(folder: Path, decision: str, flag: str, counts: tuple[int, int]) -> None:
    assert executed(folder, decision).counts(flag) == counts


def test_errors_of_policies(folder: Path) -> None:
    error = executed(folder, "a/bad").json()[0]["error"]
    assert [*error] == ["code", "message", "location"]
    assert error["location"] == {"file": "a", "row": 3, "col": 1}


def test_paths_are_no_rego(folder: Path) -> None:
    assert executed(folder, 'a"]/x').json()[0]["error"]["code"] == "opa_undefined_error"


def test_what_policies_print_is_told(folder: Path) -> None:
    said: list[str] = []
    made = Execution(Loaded(modules={"a": parse_module("a", POLICY)}), "a/said", seconds=5, heard=said.append)
    made.files(str(folder / "a.json"))
    assert said == ["hello 1"]


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unread) as e:
        executed(tmp_path / "nope", "a/allow")
    assert e.value.text == f"lstat {tmp_path}/nope: no such file or directory"
