"""OPA's verbs beside the recordings of them: what they print, where, and how they end.

What OPA prints on standard output must be there to the letter; what it prints on standard error must be there too,
beside hints of ours. Not compared are how long something took, the time in a log's line, and the order of tests, which
is another one each time in OPA. ``eval``, ``fmt`` and ``parse`` have tests of their own.
"""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from image_enforcer.cli.main import main

FLOOR = 69
"""Recordings that agree."""

ELSEWHERE: Final = ("eval", "fmt", "parse")
HELP: Final = "our own help says the same of our own options"
NONE_RUN: Final = "no test that was run is a failure here; OPA says so with --fail-on-empty only"
USAGE: Final = "OPA prints its help behind the error; ours is a hint"
EXEMPT: Final = {
    (): "without a command ours is an error, and OPA's is its help",
    ("test",): USAGE,
    ("check",): USAGE,
    ("test", "-r", "nomatch", "cli/tests"): NONE_RUN,
    ("version",): "the version is ours, not OPA's",
    ("capabilities",): "one version of the language is spoken here, not all that OPA ever had",
}
"""Recordings that ours is not to agree with, and why."""

TOOK: Final = re.compile(r"\((?:\d[\d.]*(?:ns|µs|ms|s|m|h))+\)")
DURATION: Final = re.compile(r'("duration": )\d+')
LOGGED: Final = re.compile(r'("time":")[^"]*(?=")')


def recordings(shared_cases: Path) -> list[Any]:
    path = shared_cases / "opa-golden" / "cli.json"
    if not path.is_file():
        pytest.skip("the shared cases hold no recordings of OPA's command line")
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [r for r in rows if r["command"][1:2] not in ([name] for name in ELSEWHERE)]


def exempt(row: Any) -> str:
    command = tuple(row["command"][1:])
    return HELP if "--help" in command else EXEMPT.get(command, "")


def plain(row: Any, text: str) -> str:
    """Text without times, and lines in one order where it is about tests."""
    text = LOGGED.sub(r"\1T", DURATION.sub(r"\1 0", TOOK.sub("(T)", text)))
    return "\n".join(sorted(text.split("\n"))) if row["command"][1:2] == ["test"] else text


def run(row: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    stdin = io.TextIOWrapper(io.BytesIO(row.get("stdin", "").encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    code = main(row["command"][1:])
    out, err = capsys.readouterr()
    return code, out, err


def agrees(row: Any, got: tuple[int, str, str]) -> bool:
    code, out, err = got
    told = plain({"command": []}, row["stderr"].strip()) in plain({"command": []}, err)
    return code == row["exit"] and told and plain(row, out) == plain(row, row["stdout"])


def test_recordings(shared_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = recordings(shared_cases)
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    wanted = [row for row in rows if not exempt(row)]
    results = [(row, run(row, monkeypatch, capsys)) for row in wanted]
    different = [(row, got) for row, got in results if not agrees(row, got)]
    same = len(wanted) - len(different)
    with capsys.disabled():
        print(f"\nOPA's verbs: {same} of {len(wanted)} recordings agree; {len(rows) - len(wanted)} are exempt")
        for row, _ in different:
            print("  differs:", *row["command"][1:])
    assert not [row["command"] for row, (_, _, err) in different if "Traceback" in err or "IE2099" in err]
    assert same >= 0.9 * len(wanted)
    assert same >= FLOOR


def test_what_is_exempt_ends_well_too(
    shared_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and never *passed* where OPA says otherwise."""
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    for row in recordings(shared_cases):
        if exempt(row):
            code, _, err = run(row, monkeypatch, capsys)
            assert "Traceback" not in err
            assert "IE2099" not in err
            assert code in (0, 1, 2)
            assert code != 0 or row["exit"] == 0, row["command"]


def test_exemptions_are_of_recordings(shared_cases: Path) -> None:
    there = {tuple(row["command"][1:]) for row in recordings(shared_cases)}
    assert set(EXEMPT) <= there
