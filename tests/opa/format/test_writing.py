"""Files are replaced as a whole."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from image_enforcer.opa.format.writing import replace_text


def test_replaces_the_text_and_keeps_the_mode(tmp_path: Path) -> None:
    file = tmp_path / "a.rego"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    replace_text(str(file), "new é")
    assert file.read_text(encoding="utf-8") == "new é"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["a.rego"]


def test_of_a_link_the_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    target = tmp_path / "deep" / "a.rego"
    target.write_text("old", encoding="utf-8")
    link = tmp_path / "link.rego"
    link.symlink_to("deep/a.rego")
    replace_text(str(link), "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.rego"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o444)
    with pytest.raises(PermissionError):
        replace_text(str(file), "new")
    assert file.read_text(encoding="utf-8") == "old"


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replace_text(str(tmp_path / "a.rego"), "new")
    assert list(tmp_path.iterdir()) == []


def test_a_kill_leaves_the_old_text_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "a.rego"
    old, new = "o" * 100_000, "n" * 100_000
    file.write_text(old, encoding="utf-8")
    code = (
        "import sys; from image_enforcer.opa.format.writing import replace_text\n"
        "print('go', flush=True)\n"
        "while True: replace_text(sys.argv[1], 'n' * 100_000); replace_text(sys.argv[1], 'o' * 100_000)"
    )
    for pause in (0.0, 0.01, 0.03):
        with subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(pause)
            process.kill()
        assert file.read_text(encoding="utf-8") in (old, new)
