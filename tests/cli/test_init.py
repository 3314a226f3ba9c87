"""``init``: what it writes is whole and works, and what is there stays as it is."""

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from image_enforcer.cli.main import main

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> Ran:
        code = main(list(arguments))
        return (code, *capsys.readouterr())

    return go


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_writes_the_samples_of_the_repository(run: Run, root: Path, tmp_path: Path) -> None:
    code, out, err = run("init", "mine/new")
    assert (code, err) == (0, "")
    expected = {
        str(path.relative_to(root)): path.read_bytes()
        for name in ("policies", "data")
        for path in (root / name).rglob("*")
        if path.is_file() and path.suffix in (".rego", ".json")
    }
    assert files(tmp_path / "mine/new") == expected
    assert len([row for row in out.splitlines() if row.startswith("wrote ")]) == len(expected)


def test_the_next_commands_work(run: Run) -> None:
    _, out, _ = run("init", "it's mine")
    steps = [row.strip() for row in out.partition("Next: ")[2].splitlines()[1:]]
    assert [shlex.split(step)[:2] for step in steps] == [["image-enforcer", c] for c in ("verify", "run", "serve")]
    assert run(*shlex.split(steps[0])[1:])[0] == 0
    assert run(*shlex.split(steps[2])[1:], "--check")[0] == 0


def test_never_overwrites(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine/policies").mkdir(parents=True)
    (tmp_path / "mine/policies/default.rego").write_text("mine", encoding="utf-8")
    (tmp_path / "mine/policies/scan.rego").symlink_to("nowhere")
    code, out, err = run("init", "mine")
    assert (code, out) == (2, "")
    assert err.startswith("error[IE2041]: 2 of ")
    assert "  mine/policies/default.rego\n" in err
    assert files(tmp_path / "mine") == {"policies/default.rego": b"mine"}


def test_again_lists_what_is_there(run: Run) -> None:
    run("init", "mine")
    code, _, err = run("init", "mine")
    assert code == 2
    assert "and 6 more" in err


def test_force_overwrites_what_it_writes_and_nothing_else(run: Run, tmp_path: Path) -> None:
    run("init", "mine")
    before = files(tmp_path / "mine")
    (tmp_path / "mine/policies/default.rego").write_text("mine", encoding="utf-8")
    (tmp_path / "mine/policies/own.rego").write_text("own", encoding="utf-8")
    target = tmp_path / "elsewhere"
    target.write_text("untouched", encoding="utf-8")
    (tmp_path / "mine/policies/scan.rego").unlink()
    (tmp_path / "mine/policies/scan.rego").symlink_to(target)
    assert run("init", "--force", "mine")[0] == 0
    assert files(tmp_path / "mine") == {**before, "policies/own.rego": b"own"}
    assert target.read_text(encoding="utf-8") == "untouched"


def test_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("init", "--dry-run", "mine")
    assert code == 0
    assert "would write mine/policies/default.rego\n" in out
    assert "Next" not in out
    assert list(tmp_path.iterdir()) == []
    run("init", "mine")
    assert run("init", "--dry-run", "mine")[0] == 2


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/dev/null", "Not a directory"),
        ("/dev/null/x", "Not a directory"),
        ("a-file", "Not a directory"),
        ("a-file/below", "Not a directory"),
        ("blocked", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("a\x00b", "null"),
    ],
)
def test_targets_that_cannot_be(run: Run, tmp_path: Path, target: str, words: str) -> None:
    (tmp_path / "a-file").write_text("mine", encoding="utf-8")
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked/data").write_text("mine", encoding="utf-8")
    code, out, err = run("init", target)
    assert (code, out) == (2, "")
    assert err.startswith("error[IE2042]: ")
    assert words in err
    assert files(tmp_path) == {"a-file": b"mine", "blocked/data": b"mine"}
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_dir()) == ["blocked"]


def test_a_directory_in_the_place_of_a_file_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine/policies/default.rego").mkdir(parents=True)
    assert run("init", "mine")[0] == 2
    code, _, err = run("init", "--force", "mine")
    assert code == 2
    assert "a directory is in the place of a file" in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_target_without_permission(run: Run, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    code, _, err = run("init", "closed")
    assert code == 2
    assert "Permission denied" in err


@pytest.mark.parametrize("arguments", [[], ["a", "b"], [""]])
def test_one_directory(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    code, _, err = run("init", *arguments)
    assert code == 2
    assert "give one directory" in err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_looks_like_an_option(run: Run, tmp_path: Path) -> None:
    assert run("init", "--", "-x")[0] == 0
    assert (tmp_path / "-x/policies/default.rego").exists()


def test_names_are_shown_safely(run: Run) -> None:
    _, out, _ = run("init", "a\n::error::\x1b[31m")
    assert "\x1b" not in out
    assert "\n::error" not in out


@pytest.mark.slow
def test_a_wheel_made_from_the_source_distribution_holds_the_samples(root: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    tree = tmp_path / "tree"
    for name in ("src", "policies", "data"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / name, tree / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, tree / name)
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / "dist"), "-t"]
    subprocess.run([*build, "sdist"], cwd=tree, check=True, capture_output=True)
    (archive,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as source:
        # Early releases of Python 3.11 know no filters; later ones warn where none is chosen.
        source.extraction_filter = getattr(tarfile, "data_filter", None)
        source.extractall(tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    subprocess.run([*build, "wheel"], cwd=unpacked, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = {name.partition("samples/")[2] for name in packed.namelist() if "/samples/" in name}
    expected = {str(p.relative_to(root)) for name in ("policies", "data") for p in (root / name).rglob("*.*")}
    assert names == {*expected, "__init__.py"}
