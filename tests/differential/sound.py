"""Generated cases of which most can be compiled: one that cannot asks little of an engine."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from image_enforcer import rego

from .cases import Case

TRIES: Final = 8
KEPT: Final = 0.06
"""The share of the cases with faults that are kept."""


def mostly_sound(make: Callable[[Random], Case], seed: int) -> Case:
    """The case of a seed: the first of a few that compiles, or one that does not and was kept."""
    random = Random(seed)
    case = make(random)
    for _ in range(TRIES):
        if random.random() < KEPT or _compiles(case):
            return case
        case = make(random)
    return case


def _compiles(case: Case) -> bool:
    modules = {f"test-{i}.rego": text for i, text in enumerate(case.modules)}
    try:
        rego.compile_modules(modules, version=case.version).prepare(case.query)
    except rego.CompileError:
        return False
    return True


def mended(make: Callable[[Random], Case], seed: int) -> Case:
    """The case of a seed, without the rules that are refused; a few are kept as they are."""
    random = Random(seed)
    case = make(random)
    if random.random() < KEPT:
        return case
    for _ in range(2 * TRIES):
        faulty = _faulty(case)
        if not faulty:
            return case
        case = case.having(modules=[_without(text, rows) for text, rows in zip(case.modules, faulty, strict=True)])
    return case


def _faulty(case: Case) -> list[set[int]]:
    """The rows of each module where something is refused; empty where nothing is, or not there."""
    names = [f"test-{i}.rego" for i in range(len(case.modules))]
    try:
        rego.compile_modules(dict(zip(names, case.modules, strict=True)), version=case.version).prepare(case.query)
    except rego.CompileError as refused:
        places = [(p.location.file, p.location.row) for p in refused.problems]
        found = [{row for file, row in places if file == name} for name in names]
        return found if any(found) else []
    return []


def _without(text: str, rows: set[int]) -> str:
    """A module without the statements that stand at some rows; what is above the first rule stays."""
    kept: list[str] = []
    row = 1
    for part in text.split("\n\n"):
        end = row + part.count("\n")
        if not kept or not any(row <= r <= end for r in rows):
            kept.append(part)
        row = end + 2
    return "\n\n".join(kept).rstrip("\n") + "\n"
