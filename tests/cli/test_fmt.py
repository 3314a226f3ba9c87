"""``fmt``: what is printed, listed, compared and written, and how it ends."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from image_enforcer.cli.main import main

Ran = tuple[int, str, str]
Run = Callable[..., Ran]

UGLY = "package a\np:=1\n"
CLEAN = "package a\n\np := 1\n"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str, stdin: str = "") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        return (main(["fmt", *arguments]), *capsys.readouterr())

    return go


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def test_prints_every_file(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"d/a.rego": UGLY, "d/b.rego": CLEAN, "d/c.txt": "no policy"})
    assert run("d") == (0, CLEAN * 2, "")
    assert (tmp_path / "d/a.rego").read_text(encoding="utf-8") == UGLY


def test_standard_input(run: Run) -> None:
    assert run(stdin=UGLY) == (0, CLEAN, "")
    assert run(stdin="bad") == (1, "", "1 error occurred: stdin:1: rego_parse_error: package expected\n")
    assert run("--v0-v1", stdin="package a\np{true}")[1] == "package a\n\nimport rego.v1\n\np := true\n"


def test_write(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.rego": UGLY, "b.rego": CLEAN})
    before = (tmp_path / "b.rego").stat().st_ino
    assert run("-w", "a.rego", "b.rego") == (0, "", "")
    assert (tmp_path / "a.rego").read_text(encoding="utf-8") == CLEAN
    assert (tmp_path / "b.rego").stat().st_ino == before, "what has its layout is not written"


def test_list_and_fail(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.rego": UGLY, "b.rego": CLEAN})
    assert run("-l", ".") == (0, "a.rego\n", "")
    assert run("-l", "--fail", ".") == (2, "a.rego\n", "unexpected diff\n")
    assert run("--fail", "a.rego") == (2, "", "unexpected diff\n")
    assert run("--fail", "-w", "a.rego") == (2, "", "unexpected diff\n")
    assert run("--fail", "b.rego") == (0, CLEAN, "")
    assert (tmp_path / "a.rego").read_text(encoding="utf-8") == UGLY


def test_a_byte_order_mark_is_a_difference(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.rego": "\ufeff" + CLEAN})
    assert run("-l", "a.rego") == (0, "a.rego\n", "")
    assert run("-w", "a.rego") == (0, "", "")
    assert (tmp_path / "a.rego").read_bytes() == CLEAN.encode()


def test_diff(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.rego": UGLY})
    green = "\x1b[32m{}\x1b[0m".format
    shown = f"package a\n{green('')}\n{green('')}p{green(' ')}:={green(' ')}1\n\n"
    assert run("-d", "a.rego") == (0, shown, "")
    assert run("-d", "--fail", "a.rego") == (2, shown, "unexpected diff\n")


def test_the_first_file_that_fails_ends_it(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.rego": UGLY, "b.rego": "package a\np {", "c.rego": UGLY})
    code, out, err = run("-w", ".")
    assert (code, out) == (2, "")
    assert err.startswith("failed to format Rego source file: 1 error occurred: b.rego:")
    assert (tmp_path / "a.rego").read_text(encoding="utf-8") == CLEAN
    assert (tmp_path / "c.rego").read_text(encoding="utf-8") == UGLY


def test_paths_that_are_not_there(run: Run) -> None:
    assert run("nope.rego") == (1, "", "lstat nope.rego: no such file or directory\n")
    assert run("http://x/a.rego")[:2] == (1, "")


def test_nothing_to_lay_out_is_said(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.txt": UGLY})
    code, out, err = run("a.txt")
    assert (code, out) == (0, "")
    assert "no policies were found" in err


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'package a\n\np := "\xff"\n', "a.rego:3: rego_parse_error: illegal utf-8 character"),
        (b"", "a.rego:0: rego_parse_error: empty module"),
        (b"package a\0\n", "a.rego:1: rego_parse_error: illegal null character"),
        (b"package a\n\np := " + b"[" * 10_000, "nested"),
    ],
)
def test_texts_that_are_no_policies(run: Run, tmp_path: Path, raw: bytes, told: str) -> None:
    (tmp_path / "a.rego").write_bytes(raw)
    code, out, err = run("a.rego")
    assert (code, out) == (2, "")
    assert err.startswith("failed to format Rego source file: ")
    assert told in err


def test_links_that_lead_nowhere(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.rego").symlink_to("nowhere")
    code, out, err = run("a.rego")
    assert (code, out) == (2, "")
    assert err.startswith("failed to open file: open a.rego: no such file or directory\n")


def test_pipes_are_not_waited_for(run: Run, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.rego")
    code, out, err = run("a.rego")
    assert (code, out) == (2, "")
    assert "not a regular file" in err


def test_a_file_whose_layout_means_something_else_is_not_written(run: Run, tmp_path: Path) -> None:
    text = "package a\n\np if {\n\t[v\n# METADATA\n]\n\t:= input\n\tq\n}\n"  # of annotations none is moved
    put(tmp_path, {"a.rego": text})
    code, out, err = run("a.rego")
    assert (code, err) == (0, "a.rego:3: the layout of this rule means something else\n")
    assert "]\n\tq\n" in out
    code, out, err = run("-w", "a.rego")
    assert (code, out) == (2, "")
    assert err.startswith("a.rego:3: the layout of this rule means something else, so the file stays as it is\n")
    assert (tmp_path / "a.rego").read_text(encoding="utf-8") == text


def test_a_file_that_would_lose_comments_is_not_written(run: Run, tmp_path: Path) -> None:
    text = "package a\n\np := # METADATA 1\n# METADATA 2\n1\n"
    put(tmp_path, {"a.rego": text})
    told = "a.rego:{}: the layout has no place for this comment".format
    assert run("a.rego") == (0, "package a\n\np := # METADATA 2 # METADATA 1\n1\n", f"{told(3)}\n{told(4)}\n")
    code, out, err = run("-w", "a.rego")
    assert (code, out) == (2, "")
    assert err.startswith(f"{told(3)}, so the file stays as it is\n")
    assert (tmp_path / "a.rego").read_text(encoding="utf-8") == text


def test_a_result_that_does_not_parse_is_an_error(run: Run, tmp_path: Path) -> None:
    """As in OPA: every operand adds parentheses."""
    put(tmp_path, {"a.rego": f"package a\n\np := {' + '.join('1' * 300)}\n"})
    code, out, err = run("a.rego")
    assert (code, out) == (2, "")
    assert err.startswith("a.rego was successfully formatted, but the result is invalid: ")
    code, out, err = run("--check-result=false", "a.rego")
    assert (code, err) == (0, "")
    assert out.startswith("package a\n")


def test_capabilities(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {"a.rego": "package a\n\np := data.if\n", "c.json": '{"features": []}'})
    quoted = 'package a\n\np := data["if"]\n'
    assert run("--capabilities", "v1.22.2", "a.rego")[1] == "package a\n\np := data.if\n"
    assert run("--capabilities", "v1.5.1", "a.rego")[1] == quoted
    assert run("--capabilities", "c.json", "a.rego")[1] == quoted
    code, out, err = run("--capabilities", "nope.json", "a.rego")
    assert (code, out) == (1, "")
    assert "no such file or capabilities version found: nope.json" in err
