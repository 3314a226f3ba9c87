"""``run`` as the REPL: its options reach the session, and changed files are loaded while it runs."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import image_enforcer

SECONDS = 30.0
COMMAND = [sys.executable, "-P", "-m", "image_enforcer.cli.main", "run"]


def environment() -> dict[str, str]:
    assert image_enforcer.__file__ is not None
    return {**os.environ, "PYTHONPATH": str(Path(image_enforcer.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}


def run(folder: Path, given: str, *args: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, *args], cwd=folder, input=given, capture_output=True, text=True, check=False, timeout=SECONDS,
        env=environment(),
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_files_prefixes_and_mounts(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "x.json").write_text(f'{{"k": "{name}"}}')
    (tmp_path / "i.json").write_text('{"user": "kim"}')
    code, out, err = run(tmp_path, "data.a.k\ndata.b.k\ninput.user\n", "./data/a", "./data/b", "repl.input:i.json")
    assert (code, out) == (0, '"a"\n"b"\n"kim"\n')
    assert err == "mounted ./data/a at data.a\nmounted ./data/b at data.b\n"
    assert run(tmp_path, "1\n", "--no-mount", "./data/a", "./data/b")[0] == 1


def test_options(tmp_path: Path) -> None:
    (tmp_path / "p.rego").write_text("package p\nq { true }\n")
    (tmp_path / "skip.json").write_text("[")
    code, out, _ = run(tmp_path, "data.p.q\n", "-f", "json", "--v0-compatible", "--ignore", "skip.json", ".")
    assert code == 0
    assert '"value": true' in out


def test_files_that_do_not_load(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[")
    assert run(tmp_path, "1\n", ".") == (
        1,
        "error: load error: 1 error occurred during loading: a.json: unexpected EOF\n",
        "hint: the text ends too early, at line 1, column 2\n",
    )


def test_policies_that_do_not_compile(tmp_path: Path) -> None:
    (tmp_path / "p.rego").write_text("package p\nq := x\n")
    assert run(tmp_path, "1\n", "p.rego") == (
        1, "error: initialization error: 1 error occurred: p.rego:2: rego_unsafe_var_error: var x is unsafe\n", "",
    )  # fmt: skip


def test_an_unknown_format_is_pretty_and_says_so(tmp_path: Path) -> None:
    code, out, err = run(tmp_path, "1\n", "--format", "yaml")
    assert (code, out) == (0, "1\n")
    assert err == "--format 'yaml' is neither pretty nor json; results are shown as pretty\n"


def test_the_version_is_a_document(tmp_path: Path) -> None:
    code, out, _ = run(tmp_path, "data.system.version.version\ndata\ndata[x]\n", "-f", "pretty")
    assert (code, out) == (0, f'"{image_enforcer.__version__}"\n{{}}\nundefined\n')


class Running:
    """A REPL that watches its files."""

    def __init__(self, folder: Path, *args: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "-w", *args], cwd=folder, env=environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.said = ""
        self.marks = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while got := os.read(self.process.stdout.fileno(), 65536):
            self.said += got.decode()

    def ask(self, line: str) -> str:
        """What is answered, without notices that came before."""
        assert self.process.stdin is not None
        self.marks += 1
        begin, end = f'"asked {self.marks}"\n', f'"answered {self.marks}"\n'
        self.process.stdin.write(f"{begin}{line}\n{end}")
        self.process.stdin.flush()
        return self.until(end).rpartition(begin)[2].removesuffix(end)

    def until(self, text: str, start: int = 0) -> str:
        """Wait until a text is written; everything from ``start`` to its end."""
        until = time.monotonic() + SECONDS
        while (found := self.said.find(text, start)) < 0:
            assert time.monotonic() < until, self.said
            time.sleep(0.01)
        return self.said[start : found + len(text)]

    def hears(self, start: str, change: Callable[[], object], then: str = "") -> str:
        """Make a change and wait for a notice that begins so, and what ``then`` it says."""
        before = len(self.said)
        change()
        begun = before + len(self.until(f"\n{start}", before))
        return self.until(then or ")", begun)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(SECONDS) in (0, 2)
        self.reader.join(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "p.rego"
    path.write_text("package p\nq := 1\n")
    return path


@pytest.fixture
def running(tmp_path: Path, policy: Path) -> Iterator[Running]:
    made = Running(tmp_path, ".")
    try:
        assert made.ask("data.p.q") == "1\n"
        yield made
    finally:
        made.close()


@pytest.mark.slow
def test_changed_files_are_loaded_and_what_was_entered_stays(running: Running, policy: Path) -> None:
    running.ask("mine := data.p.q + 10")
    running.ask("input = data.p")
    took = running.hears("# reloaded files (took ", lambda: policy.write_text("package p\nq := 2\n"))
    assert took.endswith("s)")
    assert running.ask("mine") == "12\n"
    assert running.ask("input.q") == "2\n"


@pytest.mark.slow
def test_a_broken_edit_changes_nothing_until_it_is_mended(running: Running, policy: Path) -> None:
    running.hears(
        "# reload error (took ",
        lambda: policy.write_text("package p\nq := x\n"),
        "p.rego:2: rego_unsafe_var_error: var x is unsafe",
    )
    assert running.ask("data.p.q") == "1\n"
    running.hears("# reload error (took ", lambda: (policy.parent / "d.json").write_text("{"))
    running.hears("# reload error (took ", lambda: policy.write_text("package p\nq := 3\n"))
    assert running.ask("data.p.q") == "1\n"
    running.hears("# reloaded files (took ", lambda: (policy.parent / "d.json").write_text("{}"))
    assert running.ask("data.p.q") == "3\n"


@pytest.mark.slow
def test_a_file_that_goes_and_comes_back(running: Running, policy: Path) -> None:
    running.hears("# reloaded files (took ", policy.unlink)
    assert running.ask("data.p.q") == "undefined\n"
    running.hears("# reloaded files (took ", lambda: policy.write_text("package p\nq := 4\n"))
    assert running.ask("data.p.q") == "4\n"
