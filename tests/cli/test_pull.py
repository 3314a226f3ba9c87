"""`pull` as a process: it spares what is no copy, and of several that keep one file one pulls."""

import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from image_enforcer.cli.main import main
from tests.server.running import SECONDS, command, environment


@contextmanager
def pulling(url: str, place: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("pull", url, "--to", str(place), *more), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=environment(),
    )  # fmt: skip
    assert process.stderr is not None
    with process.stderr:
        try:
            yield process
        finally:
            process.kill()
            process.wait(SECONDS)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody answers. It is held, so that nobody begins to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def test_a_file_that_is_no_copy_stays(tmp_path: Path, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "notes.txt"
    place.write_text("hello", "utf-8")
    for more in ([], ["--once"]):
        assert main(["pull", nobody, "--to", str(place), *more]) == 2
        assert "name another file" in capsys.readouterr().err
    place.unlink()
    with closing(sqlite3.connect(place)) as theirs:
        theirs.execute("CREATE TABLE theirs (x)")
    before = place.read_bytes()
    assert main(["pull", nobody, "--to", str(place), "--once"]) == 2
    assert place.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_once_that_is_interrupted_has_not_succeeded(number: int, code: int, tmp_path: Path) -> None:
    place = tmp_path / "facts.db"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        with pulling(f"http://127.0.0.1:{silent.getsockname()[1]}", place, "--once") as process:
            connection, _ = silent.accept()  # it waits for an answer that never comes
            with connection:
                process.send_signal(number)
                assert process.wait(SECONDS) == code
            assert "Traceback" not in process.communicate()[1]
    assert not place.exists()


def test_one_pulls_and_another_takes_over(tmp_path: Path, nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "facts.db"
    with ExitStack() as stack:
        one = stack.enter_context(pulling(nobody, place))
        assert said(one).startswith("failed ")
        other = stack.enter_context(pulling(nobody, place))
        assert said(other).startswith("waiting ")
        third = stack.enter_context(pulling(f"{nobody}/elsewhere", place))
        assert "name a file for each worker" in said(third)
        third.kill()
        assert main(["pull", nobody, "--to", str(place), "--once"]) == 3
        assert "another process keeps it" in capsys.readouterr().err
        one.terminate()
        assert one.wait(SECONDS) == 0
        assert "cannot be reached" in said(other)
