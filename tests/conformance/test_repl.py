"""The REPL beside recordings of OPA's: whole sessions, each line on its own, and sessions in which files change.

A session is equal where everything that is written to standard output is, character by character, and standard error
where OPA wrote to it. Not compared are the banner, versions, how long something took, with the widths of the tables
that say so, and the order of types, which is another one each time. Nothing is left out of the count: not what is
answered otherwise on purpose (``input = …`` works here), and not what is not supported.
"""

import codecs
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import load
from image_enforcer.opa.repl import Session
from image_enforcer.opa.version import VERSION as VERSION_PATH
from image_enforcer.opa.version import version_document

FLOOR = 580
"""Lines that are answered as OPA does."""

SESSIONS = 48
"""Sessions that are equal, those with changing files among them."""

SECONDS = 30.0
BANNER = re.compile(r"\AOPA .*?check for updates\.\n\n", re.DOTALL)
VERSION = re.compile(r'("version": )"[^"]*"|^"\d+\.\d+\.\d+"$', re.MULTILINE)
TIMES = re.compile(r'("(?:timer_\w+_ns|total_time_ns)": )\d+|(\(took )[^)]*(?=\))')
TABLE = re.compile(r"^┌[^┌]*┘$", re.MULTILINE)
TAKEN = re.compile(r"(│ timer_\w+ +│) \d+ +|(│) \d[\d.]*(?:ns|µs|ms|s) +(?=│)")
WIDTH = re.compile("─+| +")
TYPES = re.compile(r"(?:^# .*: .*\n){2,}", re.MULTILINE)
"""Types of variables, which OPA tells in another order each time."""

AGAIN = re.compile(r"(\n# reload[^\n]*(?:\n[^#{\n][^\n]*)*)(?=\1)")
"""A notice that the same one follows at once: a write is one change or two, as it is read in time."""


def plain(text: str) -> str:
    """What a session wrote, without versions and times."""
    text = VERSION.sub(lambda m: (m[1] or "") + "V", text)
    text = TIMES.sub(lambda m: (m[1] or m[2]) + "T", TABLE.sub(_without_times, text))
    text = TYPES.sub(lambda m: "".join(sorted(m.group().splitlines(keepends=True))), text)
    return AGAIN.sub("", text)


def _without_times(table: re.Match[str]) -> str:
    shown = table.group()
    if "│ timer_" not in shown and "│ Num Eval │" not in shown:
        return shown
    return WIDTH.sub(" ", TAKEN.sub(lambda m: (m[1] or m[2]) + " T ", shown))


def recordings(shared_cases: Path) -> list[Any]:
    path = shared_cases / "opa-golden" / "repl.json"
    if not path.is_file():
        pytest.skip("the shared cases hold no recordings of OPA's REPL")
    rows: list[Any] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def session_of(args: list[str]) -> Session:
    """A session with the files and options that a recording was made with."""
    form, version, paths, rest = "pretty", 1, [], iter(args)
    for arg in rest:
        if arg == "--format":
            form = next(rest)
        elif arg == "--v0-compatible":
            version = 0
        elif arg not in ("run", "--skip-version-check"):
            paths.append(arg)
    mounted = {VERSION_PATH: version_document()}
    documents = Documents(load(paths, version=version), version=version, mounted=mounted)
    return Session(documents, form="json" if form == "json" else "pretty")


def test_lines(shared_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [r for r in recordings(shared_cases) if r.get("chunks")]
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    asked: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for row in rows:
        session = session_of(row["args"])
        for chunk in row["chunks"]:
            if chunk["line"] is not None:
                said = "".join(session.line(part) for part in chunk["line"].split("\n"))
                asked[row["name"]] += 1
                same[row["name"]] += plain(said) == plain(chunk["out"])
    with capsys.disabled():
        print(f"\nREPL: {same.total()} of {asked.total()} lines in {len(rows)} sessions agree; others, by session:")
        print("  " + ", ".join(f"{n} {same[n]}/{k}" for n, k in asked.items() if same[n] < k))
    assert same.total() >= 0.6 * asked.total()
    assert same.total() >= FLOOR


def environment() -> dict[str, str]:
    """The environment for our command, from whatever folder it is started."""
    import image_enforcer

    assert image_enforcer.__file__ is not None
    return {**os.environ, "PYTHONPATH": str(Path(image_enforcer.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}


def command(args: list[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "image_enforcer.cli.main", *(a for a in args if a != "--skip-version-check")]


def differs(row: Any, code: int, stdout: str, stderr: str) -> bool:
    """Whether a session went another way than recorded."""
    told = row["stderr"] and row["stderr"] != stderr
    ended = row["exit"] and row["exit"] != code
    return bool(told or ended or plain(stdout) != plain(BANNER.sub("", row["stdout"])))


def ran(row: Any) -> tuple[int, str, str]:
    """A session through the command."""
    done = subprocess.run(
        command(row["args"]), env=environment(), input="".join(f"{line}\n" for line in row.get("stdin") or []),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sessions(
    shared_cases: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = recordings(shared_cases)
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    other = [r["name"] for r in rows if differs(r, *(changing(r, folder / r["name"]) if "steps" in r else ran(r)))]
    same = len(rows) - len(other)
    with capsys.disabled():
        print(f"\nREPL: {same} of {len(rows)} sessions are equal; others: {', '.join(other)}")
    assert same >= 0.6 * len(rows)
    assert same >= SESSIONS


@pytest.mark.slow
def test_what_does_not_load_ends_it(shared_cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [r for r in recordings(shared_cases) if r["exit"]]
    assert rows
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    for row in rows:
        code, stdout, _ = ran(row)
        assert (code, stdout) == (row["exit"], row["stdout"]), row["name"]


class Running:
    """A REPL as a process whose files change."""

    def __init__(self, args: list[str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command(args), cwd=folder, env=environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.said = ""
        self.warned = ""
        self.marks: list[str] = []
        self.readers = [threading.Thread(target=f, daemon=True) for f in (self._read, self._hear)]
        for reader in self.readers:
            reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        decoder = codecs.getincrementaldecoder("utf-8")()
        while got := os.read(self.process.stdout.fileno(), 65536):
            self.said += decoder.decode(got)

    def _hear(self) -> None:
        assert self.process.stderr is not None
        self.warned = self.process.stderr.read().decode()

    def ask(self, line: str) -> None:
        """Enter a line, and one more that tells that it was answered."""
        assert self.process.stdin is not None
        self.marks.append(f'"answered {len(self.marks)}"\n')
        self.process.stdin.write(f"{line}\n{self.marks[-1]}".encode())
        self.process.stdin.flush()
        self._wait(lambda: self.marks[-1] in self.said)

    def after(self, change: Callable[[], object]) -> None:
        """Change a file and wait until something is said of it."""
        before = len(self.said)
        change()
        self._wait(lambda: "(took " in self.said[before:])

    @staticmethod
    def _wait(done: Callable[[], bool]) -> None:
        until = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < until, "nothing more is said"
            time.sleep(0.02)

    def close(self) -> tuple[int, str, str]:
        """End the input; how it ended and what was said, without the marks."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(SECONDS)
        for reader in self.readers:
            reader.join(SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()
        for mark in self.marks:
            self.said = self.said.replace(mark, "", 1)
        return code, self.said, self.warned


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


def changing(row: Any, folder: Path) -> tuple[int, str, str]:
    """A session with changing files, its recorded steps taken one after the other."""
    for path, text in row["initial_files"].items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    running = Running(row["args"], folder)
    try:
        for step in row["steps"]:
            take(step, running, folder)
    finally:
        said = running.close()
    return said


def take(step: Any, running: Running, folder: Path) -> None:
    match step:
        case ["line", line]:
            running.ask(line)
        case ["write", path, text]:
            running.after(lambda: (folder / path).write_text(text))
        case ["replace", path, text]:
            (folder / "next").write_text(text)
            running.after(lambda: (folder / "next").replace(folder / path))
        case ["rm", path]:
            running.after((folder / path).unlink)
        case ["sleep", _]:
            pass  # what is waited for is seen, not guessed
        case _:
            raise AssertionError(step)
