"""Hundreds of generated policies, queries and inputs that ask too much: each ends by a name, in a process that goes on.

As many numbers as SOAK_CASES says in `make soak`; in `make test` each built-in once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.signatures import signatures
from tests.hostile import assaults

NUMBERS = 220
PIECE = 44
SOAK = int(os.environ.get("SOAK_CASES", "20000"))
MOST_MB = 72
"""By how much the process may grow while an evaluation runs: its 40 MiB, and what Python needs around them."""
KEPT_MB = 40
"""By how much the process may have grown when all is over: code of built-ins, remembered patterns and answers."""


def run(root: Path, first: int, last: int) -> list[dict[str, Any]]:
    """What came of some assaults, all of them in one process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.hostile.assaults", str(first), str(last)],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (told[-1:], done.stderr[-2000:])
    assert len(told) == 3 * (last - first)
    return told


def judge(told: list[dict[str, Any]]) -> None:
    """That each ended as it may, in the memory that it may have."""
    for one in told:
        name, _, rest = one["outcome"].partition(": ")
        assert name in ("answer", "undefined", "limit", "error", "compile", "refused"), one
        assert not rest.startswith(("eval_internal_error", "depth")) or "OPA" in rest, one
        assert one["most"] - one["before"] <= MOST_MB, one
    assert told[-1]["after"] - told[0]["before"] <= KEPT_MB, told[-1]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, NUMBERS, PIECE))
def test_each_ends_by_a_name_in_a_process_that_goes_on(root: Path, first: int) -> None:
    judge(run(root, first, first + PIECE))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(NUMBERS, SOAK, 500))
def test_many_more(root: Path, first: int) -> None:
    judge(run(root, first, first + 500))


def test_each_built_in_is_met() -> None:
    table = signatures()
    names = {n for n in catalog.names() - assaults.NEVER if not table[n].deprecated}
    met = "\n".join(assaults.assault(n) for n in range(NUMBERS))
    assert {n for n in names if not n.startswith("internal.") and f"{n}(" not in met} == set()


def test_an_assault_follows_from_its_number() -> None:
    assert assaults.assault(7) == assaults.assault(7) != assaults.assault(7 + len(catalog.names()))
    assert assaults.query(7) == assaults.query(7)
    assert assaults.document(7) == assaults.document(7)
