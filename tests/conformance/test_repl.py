"""The REPL beside recordings of OPA's: what each line is answered, and what is said of changed files.

Versions, times and the banner, which ours keeps for terminals, are not compared. Every line counts, those too that are
answered otherwise on purpose (``input = …`` works here) or not yet (tracing, profiles, partial evaluation).
"""

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
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import load
from image_enforcer.opa.repl import Session

FLOOR = 516
"""Lines that are answered as OPA does."""

SECONDS = 30.0
TIMES = re.compile(r'("?timer_\w+_ns"?)(\s*[│:]\s*)\d+(?:\s*(?=│))?')
WIDTH = re.compile("─+| +")


def plain(text: str) -> str:
    """An answer without times, and without the widths of tables that show them."""
    text = re.sub(r'"version": "[^"]*"', '"version": V', text)
    return WIDTH.sub(" ", TIMES.sub(r"\1\2N", text)) if "timer_" in text else text


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
    documents = Documents(load(paths, version=version), version=version)
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


SESSIONS = 31
"""Sessions, of those without changing files, whose whole output is OPA's."""

BANNER = re.compile(r"\AOPA .*?check for updates\.\n+", re.DOTALL)
HINT = re.compile(r"\n  hint: .*")


def told(stdout: str, stderr: str) -> str:
    """Everything a session has said. What does not load goes to standard error, where OPA uses standard output; the
    hints there are ours."""
    return plain(HINT.sub("", stderr) + stdout).strip()


@pytest.mark.slow
def test_sessions(shared_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole sessions through the command; those with changing files are below and count as equal, as they must be."""
    rows = recordings(shared_cases)
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    other: list[str] = []
    for row in (r for r in rows if "steps" not in r):
        lines = "".join(f"{line}\n" for line in row.get("stdin") or [])
        done = subprocess.run(
            command(row["args"]),
            env=environment(),
            input=lines,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if told(done.stdout, done.stderr) != told(BANNER.sub("", row["stdout"]), ""):
            other.append(row["name"])
    changing = sum("steps" in r for r in rows)
    same = len(rows) - changing - len(other)
    with capsys.disabled():
        print(f"\nREPL: {same} of {len(rows) - changing} sessions equal as a whole, and {changing} with changing files")
        print("  others: " + ", ".join(other))
    assert same + changing >= 0.6 * len(rows)
    assert same >= SESSIONS


@pytest.mark.slow
def test_what_does_not_load_ends_it(shared_cases: Path) -> None:
    """OPA ends with 1 where files do not load; ours with 2, as for every wrong input."""
    rows = [r for r in recordings(shared_cases) if r["exit"]]
    assert rows
    for row in rows:
        done = subprocess.run(
            command(row["args"]), cwd=shared_cases / "opa-golden" / "fixtures", env=environment(), input="1\n",
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, ""), row["name"]
        said = (row["stdout"] or row["stderr"]).strip().partition(": ")[2].partition(": ")[2]
        for line in said.splitlines():
            assert line in done.stderr, row["name"]


class Running:
    """A REPL as a process: answers to lines, and the notices of reloads."""

    def __init__(self, args: list[str], folder: Path) -> None:
        self.process = subprocess.Popen(
            command(args), cwd=folder, env=environment(), text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.notices: list[str] = []
        self.marks = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.notices.extend(line for line in self.process.stderr if line.startswith("# "))

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.marks += 1
        mark = f'"answered {self.marks}"\n'
        self.process.stdin.write(f"{line}\n{mark}")
        self.process.stdin.flush()
        answer = ""
        for said in self.process.stdout:
            if said == mark:
                break
            answer += said
        return answer

    def noticed(self, more_than: int) -> None:
        """Wait until there is another notice."""
        until = time.monotonic() + SECONDS
        while len(self.notices) <= more_than:
            assert time.monotonic() < until, "no notice of a changed file"
            time.sleep(0.02)

    def close(self) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


def kinds(notices: list[str]) -> list[str]:
    """Whether reloads went well, in order; OPA reports an unfinished write first, and some twice."""
    return [k for k, _ in groupby("error" if "error" in n else "good" for n in notices)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["watch", "watch_atomic_replace", "watch_v0"])
def test_changed_files(name: str, shared_cases: Path, folder: Path) -> None:
    row = next(r for r in recordings(shared_cases) if r["name"] == name)
    for path, text in row["initial_files"].items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    running = Running(row["args"], folder)
    try:
        replay(row, running, folder)
    finally:
        code = running.close()
    assert code == 0
    assert kinds(running.notices) == kinds(re.findall(r"# reload.*", row["stdout"]))


def replay(row: Any, running: Running, folder: Path) -> None:
    """Take the steps of a recording; each answer must follow in what OPA printed."""
    position = 0
    for step in row["steps"]:
        before = len(running.notices)
        match step:
            case ["line", line]:
                answer = running.ask(line)
                found = row["stdout"].find(answer, position)
                assert found >= 0, (line, answer, row["stdout"][position:])
                position = found + len(answer)
            case ["write", path, text]:
                (folder / path).write_text(text)
                running.noticed(before)
            case ["replace", path, text]:
                (folder / "next").write_text(text)
                (folder / "next").replace(folder / path)
                running.noticed(before)
            case ["rm", path]:
                (folder / path).unlink()
                running.noticed(before)
