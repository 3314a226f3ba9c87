"""The console as a process: piped lines, and a real terminal with a person at it."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import image_enforcer

SECONDS = 30.0
COMMAND = [sys.executable, "-P", "-m", "image_enforcer.cli.main", "run"]


def environment(**more: str) -> dict[str, str]:
    assert image_enforcer.__file__ is not None
    return {**os.environ, "PYTHONPATH": str(Path(image_enforcer.__file__).parents[1]), "TERM": "xterm", **more}


def piped(given: bytes, *args: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *args], input=given, capture_output=True, check=False, timeout=SECONDS, env=environment()
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_piped_lines_give_results_and_nothing_else() -> None:
    assert piped(b"1\nx := 2\nx\n") == (0, "1\nRule 'x' defined in package repl. Type 'show' to see rules.\n2\n", "")


def test_a_statement_that_fails_ends_in_2() -> None:
    code, out, err = piped(b"x\n1\n")
    assert (code, err) == (2, "")
    assert out == "1 error occurred: 1:1: rego_unsafe_var_error: var x is unsafe\n1\n"


def test_the_end_of_input_ends_a_statement() -> None:
    assert piped(b"[1,\n2]")[:2] == (0, "[\n  1,\n  2\n]\n")


def test_a_statement_that_is_not_whole_at_the_end_is_told_beside_the_results() -> None:
    code, out, err = piped(b"1\n[1,")
    assert (code, out) == (2, "1\n")
    assert err.startswith("1 error occurred: 2:0: rego_parse_error: unexpected eof token")


def test_exit_leaves_the_rest_unread() -> None:
    assert piped(b"1\nexit\n2\n")[:2] == (0, "1\n")


def test_bytes_that_are_no_text_are_told_and_the_rest_goes_on() -> None:
    code, out, err = piped(b"\xff\xfe\n1\r\n\x00\n\n2\n")
    assert code == 2
    assert out.startswith("a line that is not UTF-8 text was dropped (byte 1)\n1\n")
    assert out.endswith("2\n")
    assert "Traceback" not in out + err


def test_a_line_without_end_is_dropped() -> None:
    code, out, _ = piped(b"a" * (40 << 20) + b"\n1\n")
    assert (code, out) == (2, "a line longer than 16 MiB was dropped\n1\n")


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
def test_output_that_cannot_be_written(redirection: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirection}', "bash", *COMMAND], input="1\n", capture_output=True, text=True,
        check=False, timeout=SECONDS, env=environment(),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error[IE2030]: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away() -> None:
    done = subprocess.run(
        ["bash", "-c", 'yes "[1,2,3,4]" | head -20000 | "$@" | head -1', "bash", *COMMAND], capture_output=True,
        text=True, check=False, timeout=SECONDS, env=environment(),
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[\n", "")


def test_closed_input() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" <&-', "bash", *COMMAND], capture_output=True, text=True, check=False, timeout=SECONDS,
        env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert "Traceback" not in done.stderr


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.pid, self.end = pty.fork()
        if self.pid == 0:  # the child, which becomes the command
            os.execve(sys.executable, [*COMMAND, *args], environment(HOME=str(folder)))
        self.shown = ""

    def until(self, text: str) -> str:
        """Read until a text is shown; what was shown since the last time."""
        limit = time.monotonic() + SECONDS
        start = len(self.shown)
        while text not in self.shown[start:]:
            assert time.monotonic() < limit, self.shown[start:]
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    got = os.read(self.end, 65536).decode(errors="replace")
                except OSError:
                    got = ""
                assert got, f"it ended after {self.shown[start:]!r}"
                self.shown += got
                if "\x1b[6n" in got:
                    os.write(self.end, b"\x1b[1;1R")
        return self.shown[start:]

    def until_it_evaluates(self) -> None:
        """Wait until the prompt has given the terminal back, so that Ctrl-C is a signal and no key."""
        limit = time.monotonic() + SECONDS
        while not termios.tcgetattr(self.end)[3] & termios.ISIG:
            assert time.monotonic() < limit, self.shown
            time.sleep(0.01)

    def keys(self, text: str) -> None:
        os.write(self.end, text.encode())

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        limit = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError):
                if select.select([self.end], [], [], 0.05)[0]:
                    os.read(self.end, 65536)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            assert time.monotonic() < limit

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.end)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "d.json").write_text('{"text": "\\u001b[31m\\u009b31mred"}')
    made = Terminal(tmp_path, str(tmp_path / "d.json"))
    try:
        made.until(">")
        yield made
    finally:
        made.close()


@pytest.mark.slow
def test_a_session_at_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    assert "Enter 'help'" in terminal.shown
    terminal.keys("x := {\r1,\r2}\r")
    terminal.until("Rule 'x' defined")
    terminal.keys("count(x) + 40\r")
    terminal.until("42")
    terminal.until(">")
    terminal.keys("abc")
    terminal.until("abc")
    terminal.keys("\x03")
    terminal.until(">")
    terminal.keys('concat("", ["drop", "ped"])\r')
    terminal.until('"dropped"')
    terminal.until(">")
    terminal.keys("\x04")
    terminal.until("Do you want to exit ([y]/n)?")
    terminal.keys("n\r")
    terminal.until(">")
    terminal.keys("nothing\r")  # a failing statement was seen by whoever typed it
    terminal.until("var nothing is unsafe")
    terminal.until(">")
    terminal.keys("\x04")
    terminal.until("Do you want to exit ([y]/n)?")
    terminal.keys("\r")
    assert terminal.ended() == 0
    assert "+x := {\n+1,\n+2}\n" in (tmp_path / ".image_enforcer_history").read_text()


@pytest.mark.slow
def test_a_long_evaluation_is_interrupted(terminal: Terminal) -> None:
    terminal.keys("some x in numbers.range(1, 9000); some y in numbers.range(1, 9000); x + y == 0\r")
    terminal.until_it_evaluates()
    time.sleep(0.5)
    terminal.keys("\x03")
    terminal.until("interrupted")
    terminal.until(">")
    terminal.keys("20 + 3\r")
    assert "Traceback" not in terminal.until("23")
    terminal.until(">")
    terminal.keys("exit\r")
    assert terminal.ended() == 0


@pytest.mark.slow
def test_data_commands_no_terminal(terminal: Terminal) -> None:
    terminal.keys("print(data.te\t")
    terminal.until("xt")
    terminal.keys(")\r")
    shown = terminal.until("true")
    assert "\\u001b[31m\\u009b31mred" in shown
    assert "\x1b[31m" not in shown
    assert "\x9b" not in shown
    terminal.until(">")
    terminal.keys("exit\r")
    assert terminal.ended() == 0
