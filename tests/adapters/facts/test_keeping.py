"""One process keeps a copy, others wait for it to end; a lock is of one worker's address."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from image_enforcer.adapters.facts.keeping import Keeper, KeptElsewhere
from image_enforcer.ports.facts import FactsError

URL = "http://worker:8383"
Make = Callable[..., Keeper]


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(name: str = "facts.db", url: str = URL) -> Keeper:
            found = Keeper(tmp_path / "folder" / name, url)
            stack.callback(found.release)
            return found

        yield made


def test_one_keeps_it_and_another_takes_over(keeper: Make) -> None:
    one, other = keeper(), keeper()
    assert [one.take(), one.take(), other.take(), keeper("other.db").take()] == [True, True, False, True]
    one.release()
    assert [other.take(), one.take()] == [True, False]


def test_another_workers_address_is_told(keeper: Make) -> None:
    one, other = keeper(), keeper(url="http://other:8383")
    assert one.take()
    with pytest.raises(KeptElsewhere, match="like the facts of http://worker:8383; name a file for each worker"):
        other.take()
    one.release()
    assert other.take()
    with pytest.raises(KeptElsewhere, match="http://other"):
        one.take()


def test_a_lock_ends_with_a_process_that_is_killed(keeper: Make, tmp_path: Path, root: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from image_enforcer.adapters.facts.keeping import Keeper;"
        f"kept = Keeper(Path(sys.argv[1]), {URL!r}); print(kept.take(), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "folder" / "facts.db")], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(root / "src")},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    with process.stdout, process.stdin:
        assert process.stdout.readline() == "True\n"
        assert not keeper().take()
        process.kill()
        process.wait(30)
    assert keeper().take()


def test_a_file_of_somebody_else_is_no_lock(keeper: Make, tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "facts.db.lock"
    lock.parent.mkdir()
    lock.write_text("theirs", "utf-8")
    with pytest.raises(FactsError, match="no lock of ours; name another file"):
        keeper().take()
    assert lock.read_text("utf-8") == "theirs"
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FactsError, match="see that it may be written"):
        keeper().take()
    assert not (tmp_path / "elsewhere").exists()


def test_where_there_can_be_no_lock(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FactsError, match="see that it may be written"):
        Keeper(tmp_path / "file" / "facts.db", URL).take()


def test_without_room_for_its_mark_it_is_kept_all_the_same(keeper: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    one, other = keeper(), keeper()
    monkeypatch.setattr(os, "pwrite", full)
    assert [one.take(), other.take()] == [True, False]
    monkeypatch.setattr(os, "ftruncate", full)
    one.release()
    assert other.take()


def test_a_pipe_in_the_place_of_the_lock_is_said(keeper: Make, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "folder" / "facts.db.lock")
    with pytest.raises(FactsError, match="name another file"):
        keeper().take()
