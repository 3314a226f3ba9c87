"""The shared conformance sets, compared as their own runner compares, against floors that only ever rise.

A wrong answer is one where another answer, or an error, was wanted: there are none. A category counts as *there* when
no answer in it is the compile error that names a built-in which this version does not have.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conformance.engine import answer

NOT_THERE = "(OPA has this built-in; this version of image-enforcer does not)"


@dataclass(frozen=True)
class Floor:
    """The least share of cases answered as OPA does: of all, and of the categories whose built-ins are there."""

    of_all: Decimal
    of_there: Decimal


FLOORS = {
    "compliance": Floor(Decimal(1), Decimal(1)),
    "compliance-v0": Floor(Decimal(1), Decimal(1)),
    "fuzz": Floor(Decimal(1), Decimal(1)),
    "idioms": Floor(Decimal(1), Decimal(1)),
}


@dataclass
class Score:
    """What a set came to, by category."""

    total: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    lacking: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def share(self, categories: set[str]) -> Decimal:
        """The share of cases passed in some categories."""
        total = sum(self.total[c] for c in categories)
        return Decimal(sum(self.passed[c] for c in categories)) / total if total else Decimal(1)

    def line(self, category: str) -> str:
        """A category's figures."""
        note = "  (lacks built-ins)" if category in self.lacking else ""
        return f"  {category:<42} {self.passed[category]:>4} of {self.total[category]:>4}{note}"

    def table(self) -> str:
        """Every category's figures, and the first failures."""
        return "\n".join([*(self.line(c) for c in sorted(self.total)), *self.failed[:20]])


@pytest.fixture(scope="module")
def runner(shared_cases: Path) -> ModuleType:
    """The shared runner as a module: how it writes requests and compares answers is what counts."""
    file = shared_cases / "rego-suite" / "run.py"
    if not file.is_file():
        pytest.skip("no conformance sets among the shared cases")
    spec = importlib.util.spec_from_file_location("rego_suite_runner", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def play(runner: Any, folder: Path) -> Score:
    """Answer every case of a set and judge the answers; they go through text, as they would to another process."""
    score = Score()
    for case in runner.load_cases([str(folder)]):
        if case.get("skip"):
            continue
        category = case.get("category", "?")
        score.total[category] += 1
        request = runner.dumps({k: case[k] for k in runner.REQ_KEYS if k in case})
        given = runner.loads(runner.dumps(answer(request)))
        ok, why = runner.judge(case, given)
        if ok:
            score.passed[category] += 1
            continue
        if "result" in given:
            score.wrong.append(f"{case['id']}: {why}")
        elif NOT_THERE in given["error"]["message"]:
            score.lacking.add(category)
        score.failed.append(f"{case['id']}: {why}")
    return score


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FLOORS)
def test_set(name: str, runner: ModuleType, shared_cases: Path, record_property: Any) -> None:
    folder = shared_cases / "rego-suite" / name
    if not folder.is_dir():
        pytest.skip(f"the conformance set {name} is not among the shared cases")
    score = play(runner, folder)
    everything = set(score.total)
    there = everything - score.lacking
    of_all, of_there = score.share(everything), score.share(there)
    record_property(
        "figures",
        f"{name}: {score.passed.total()} of {score.total.total()} as OPA ({of_all:.1%}), WRONG {len(score.wrong)};"
        f" {of_there:.1%} in the {len(there)} of {len(everything)} categories whose built-ins are there",
    )
    for category in sorted(everything):
        record_property("category", score.line(category))
    assert not score.wrong, "\n".join(score.wrong[:20])
    assert of_all >= FLOORS[name].of_all, score.table()
    assert of_there >= FLOORS[name].of_there, score.table()


@pytest.mark.parametrize(
    "text",
    [
        "9007199254740993", "1E400", "-1.5e-300", "0.33333333333333333334", "12345678901234567890.12345678901234567890",
        "9" * 3000, "1e2", "-0.0",
    ],
)  # fmt: skip
def test_numbers_keep_their_exact_value(text: str) -> None:
    given = answer(f'{{"query": "x = input", "input": {text}}}')
    number = given["result"][0]["x"]
    assert type(number) in (int, Decimal)
    assert number == Decimal(text)


def test_values_are_as_json_has_them() -> None:
    query = 'x = {{2, 1}: {"b", "a"}, "k": [true, null, 1.5]}'
    given = answer(json.dumps({"query": query}))
    assert given == {"result": [{"x": {"[1,2]": ["a", "b"], "k": [True, None, Decimal("1.5")]}}]}


@pytest.mark.parametrize(
    ("query", "code"),
    [("x = {", "rego_parse_error"), ("x = f(1)", "rego_type_error"), ("y > 1", "rego_unsafe_var_error")],
)
def test_errors_have_a_code_and_a_message(query: str, code: str) -> None:
    error = answer(json.dumps({"query": query}))["error"]
    assert error["code"] == code
    assert code in error["message"]


ALONE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])

def refuse(event, args):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system")):
        raise PermissionError(event)
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        raise PermissionError(f"writes {args[0]}")

sys.addaudithook(refuse)
from engine import answer
for line in sys.stdin:
    print(json.dumps(answer(line), default=str))
heavy = {"aiohttp", "uvicorn", "rich", "cyclopts", "structlog", "prometheus_client", "cryptography", "watchfiles"}
print(json.dumps(sorted(heavy & sys.modules.keys())))
"""


def test_engine_needs_no_path_no_socket_and_writes_nothing(root: Path) -> None:
    requests = [
        {
            "query": "data.a.p = x",
            "modules": ["package a\np := [time.now_ns() > 0, regex.match(`^a+$`, input)]"],
            "input": "aa",
        },
        {"query": 'x = yaml.unmarshal("a: 1")'},
        {"query": 'x = crypto.sha256("a")[0]'},
        {"query": 'x = http.send({"method": "get", "url": "http://127.0.0.1"})'},
    ]
    paths = [str(root / "src"), str(root / "tests" / "conformance")]
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", ALONE, json.dumps(paths)],
        input="\n".join(map(json.dumps, requests)),
        capture_output=True,
        text=True,
        env={"PATH": ""},
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    first, second, third, fourth, heavy = map(json.loads, done.stdout.splitlines())
    assert first == {"result": [{"x": [True, True]}]}
    assert second == {"result": [{"x": {"a": 1}}]}
    assert third["error"]["code"] == "rego_type_error"
    assert "http.send" in fourth["error"]["message"]
    assert heavy == []
