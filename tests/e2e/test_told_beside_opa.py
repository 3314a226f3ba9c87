"""How answers came about, beside a real OPA: steps, counts by line, coverage, what partial evaluation leaves.

OPA's own ways show in these: the names of variables that its compiler makes up, indexes of comprehensions, what it
formats how. So not all agree, but shares of the shared cases that only ever rise.
"""

import json
import random
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.opa.errors import OpaError
from image_enforcer.opa.evaluation import KINDS, Question, Report, Telling, evaluate
from image_enforcer.opa.explain.events import MODES
from image_enforcer.opa.explain.text import trace_text
from image_enforcer.opa.partial.shown import partial_source
from image_enforcer.rego import UNDEFINED, RegoError, from_json, to_json
from image_enforcer.rego.syntax.nodes import Ref, Var

CASES = 60
FLOORS = {"steps": 0.9, "counts": 0.95, "coverage": 0.95, "partial": 0.85}
"""The least share of cases that agree."""

TELLING = Telling(explain="full", profile=True, profile_limit=0, coverage=KINDS)


def cases(folder: Path) -> list[Any]:
    if not folder.is_dir():
        pytest.skip("the shared cases hold no cases of the language")
    found: list[Any] = []
    for part in ("idioms", "fuzz", "compliance"):
        for path in sorted((folder / part).glob("*.json")):
            read = from_json(path.read_text(encoding="utf-8"))
            found.extend(read if isinstance(read, list) else read["cases"])
    usable = [
        c for c in found if not c.get("skip") and "input_term" not in c and c.get("want_error_stage") != "compile"
    ]
    random.Random(1).shuffle(usable)
    return usable[:CASES]


class Asked:
    """One case in files of the current directory, asked of both."""

    def __init__(self, opa: Path, case: Any, folder: Path) -> None:
        self.opa = opa
        self.case = case
        self.paths: list[str] = []
        for i, text in enumerate(case.get("modules") or []):
            self._put(folder / f"m{i}.rego", text)
        if case.get("data"):
            self._put(folder / "data.json", to_json(case["data"]))
        self.arguments = [a for p in self.paths for a in ("-d", p)]
        if "input" in case:
            (folder / "in.json").write_text(to_json(case["input"]), encoding="utf-8")
            self.arguments += ["-i", "in.json"]

    def _put(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        self.paths.append(path.name)

    def theirs(self, *arguments: str) -> str | None:
        done = subprocess.run(
            [self.opa, "eval", *arguments, *self.arguments, self.case["query"]], capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        return done.stdout if done.returncode == 0 else None

    def ours(self, **how: Any) -> Report:
        report = Report()
        question = Question(query=self.case["query"], paths=self.paths, seconds=20, **how)
        evaluate(question, self.case.get("input", UNDEFINED), report, telling=Telling() if how else TELLING)
        return report


def test_shares_that_agree(
    opa: Path, shared_cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: Counter[str] = Counter()
    same: Counter[str] = Counter()
    for number, case in enumerate(cases(shared_cases / "rego-suite")):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        for what, agree in compared(Asked(opa, case, folder)):
            asked[what] += 1
            same[what] += agree
    shares = {what: same[what] / asked[what] for what in FLOORS}
    with capsys.disabled():
        print("\nbeside OPA:", ", ".join(f"{what} {same[what]} of {asked[what]}" for what in FLOORS))
    assert all(shares[what] >= least for what, least in FLOORS.items()), shares


def compared(case: Asked) -> list[tuple[str, bool]]:
    """What agrees; nothing where either side has an error to tell instead."""
    steps = case.theirs("-f", "pretty", "--explain", "full")
    counts = case.theirs("--profile", "--profile-limit", "0")
    coverage = case.theirs("--coverage")
    if steps is None or counts is None or coverage is None:
        return []
    report = case.ours()
    explained, covered = report.explanation, report.coverage
    assert explained is not None
    assert covered is not None
    mine = trace_text(MODES["full"](explained.events), explained.names, explained.paths)
    found = [
        ("steps", steps.startswith(mine)),
        ("counts", by_line(json.loads(counts).get("profile", [])) == {
            (x.location.file, x.location.row, x.evaluated, x.redone, len(x.expressions)) for x in report.profile
        }),
        ("coverage", json.loads(coverage)["coverage"] == covered.json()),
    ]  # fmt: skip
    partial = case.theirs("--partial", "-f", "source")
    if partial is not None:
        try:
            left = case.ours(unknowns=[Ref((Var("input"),))]).partial
            found.append(("partial", left is not None and partial_source(left) == partial))
        except (OpaError, RegoError):
            found.append(("partial", False))
    return found


def by_line(profile: Any) -> set[tuple[str, int, int, int, int]]:
    return {
        (x["location"]["file"], x["location"]["row"], x["num_eval"], x["num_redo"], x["num_gen_expr"]) for x in profile
    }
