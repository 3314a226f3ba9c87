"""Faults planted in a copy of the engine are noticed by the quick suites."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.mutation.mutants import LEAST, MUTANTS, Mutant

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "src" / "image_enforcer"
SLICE: Final = MUTANTS[::8]
"""Those that are tried in every run."""


def suites(folder: Path, mutant: Mutant | None) -> str:
    """What the quick suites say first about a copy of the engine with a fault, or about one without."""
    copy = folder / "image_enforcer"
    ignored = shutil.ignore_patterns("__pycache__", "samples")
    shutil.copytree(PACKAGE, copy, ignore=ignored)
    if mutant is not None:
        path = copy / "rego" / mutant.module
        path.write_text(path.read_text("utf-8").replace(mutant.text, mutant.instead), "utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.mutation.quick"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip().splitlines()[-1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_what_a_fault_replaces_stands_there_once(mutant: Mutant) -> None:
    text = (PACKAGE / "rego" / mutant.module).read_text("utf-8")
    assert text.count(mutant.text) == 1
    assert mutant.text != mutant.instead
    compile(text.replace(mutant.text, mutant.instead), mutant.module, "exec")


def test_there_are_thirty() -> None:
    assert len(MUTANTS) >= 30
    assert len({m.name for m in MUTANTS}) == len(MUTANTS)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_engine_without_faults_passes(tmp_path: Path) -> None:
    assert suites(tmp_path, None) == ""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", SLICE, ids=lambda m: m.name)
def test_a_fault_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    assert suites(tmp_path, mutant)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_nearly_all_faults_are_noticed(tmp_path: Path) -> None:
    missed = [m.name for i, m in enumerate(MUTANTS) if not suites(tmp_path / str(i), m)]
    print(f"missed: {missed}")
    assert len(MUTANTS) - len(missed) >= LEAST * len(MUTANTS), missed
