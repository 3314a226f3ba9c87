"""``eval`` beside the recordings of OPA's: what it prints, and its exit code.

What OPA prints on standard output must be there to the letter, times apart; what it prints on standard error must be
there too, beside hints of ours.
"""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.cli.main import main

EXEMPT = {
    "-d cli/bad/type.rego data": "OPA describes the operands of built-ins in words, which are not carried over",
    "--timeout 1ns count(numbers.range(1,1000000))": "which step is met when the time is over is not the same",
}
"""Recordings that need not agree, by their arguments, and why; all others do."""

TIMES = re.compile(r'("?timer_\w+_ns"?)(\s*[│:]\s*)\d+(?:\s*(?=│))?|(│ )[\d.]+(?:s|ms|µs|ns)( *│)')
WIDTH = re.compile("─+| +")


def plain(text: str) -> str:
    """Text without times, and without the widths of tables that show them."""
    return WIDTH.sub(" ", TIMES.sub(r"\1\2\3N\4", text)) if "timer_" in text else text


def recordings(shared_cases: Path) -> list[Any]:
    path = shared_cases / "opa-golden" / "cli.json"
    if not path.is_file():
        pytest.skip("the shared cases hold no recordings of OPA's command line")
    rows = [r for r in json.loads(path.read_text(encoding="utf-8")) if r["command"][1:2] == ["eval"]]
    return [r for r in rows if r.get("nondeterministic") != "help" and r["command"] != ["opa", "eval"]]


def run(row: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    stdin = io.TextIOWrapper(io.BytesIO(row.get("stdin", "").encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    code = main(row["command"][1:])
    out, err = capsys.readouterr()
    return code, out, err


def agrees(row: Any, got: tuple[int, str, str]) -> bool:
    code, out, err = got
    return code == row["exit"] and plain(out) == plain(row["stdout"]) and row["stderr"].strip() in err


def test_recordings(shared_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = recordings(shared_cases)
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    results = [(row, run(row, monkeypatch, capsys)) for row in rows]
    different = [(row, got) for row, got in results if not agrees(row, got)]
    wanted = [row["command"] for row, _ in different if " ".join(row["command"][2:]) not in EXEMPT]
    with capsys.disabled():
        print(f"\neval: {len(rows) - len(different)} of {len(rows)} recordings agree")
        for row, _ in different:
            print("  differs:", *row["command"][1:])
    assert not [row["command"] for row, (code, _, err) in different if code not in (0, 1, 2) or "Traceback" in err]
    assert not wanted


def test_an_answer_is_never_given_where_opa_fails(
    shared_cases: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    for row in recordings(shared_cases):
        code, _, _ = run(row, monkeypatch, capsys)
        assert row["exit"] != 2 or code == 2, row["command"]
