"""Generated programs get the same answer from a real OPA and from our engine.

A slice in `make e2e`, as many as SOAK_CASES says, at seeds of SOAK_FROM, in `make soak`. No answer may differ, and
nothing may be an error on one side only; which of two errors comes first, its text and its place may, in few programs.
The long run has to meet every kind of node and every built-in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.differential.cases import GRAVE, LIMIT, Case, Difference, Outcome, compare, kinds
from tests.differential.generators import GENERATORS
from tests.differential.seen import Seen
from tests.differential.sides import Driver, NoAnswer, Opa, ours

from .conftest import peer

SLICE: Final = 2000
SOAK: Final = int(os.environ.get("SOAK_CASES", "20000"))
FROM: Final = int(os.environ.get("SOAK_FROM", "10000000"))
SHARES: Final = {"small": 0.25, "programs": 0.15, "admission": 0.1, "calls": 0.3, "wide": 0.2}
"""How the cases are divided among the generators."""
LARGEST_SHARE: Final = 0.05
"""How many of the programs may differ in which error, its text or its place."""
LIMITED: Final = 0.0005
"""How many may end at a limit of ours."""
BATCH: Final = 500
AGAIN: Final = 6
"""How often OPA is asked again about a difference: what it says by chance is no answer of its own."""


@pytest.fixture(scope="session")
def driver() -> Driver:
    """A real OPA that answers many cases."""
    return Driver(peer("opa-driver", "opa"))


def answered(driver: Driver, name: str, seeds: range) -> Iterator[tuple[Case, Outcome, Difference | None]]:
    """Each case that OPA has an answer to, and how ours differs; a case on which it breaks is left out."""
    for start in range(seeds.start, seeds.stop, BATCH):
        cases = [GENERATORS[name](seed) for seed in range(start, min(start + BATCH, seeds.stop))]
        for case, theirs in zip(cases, driver.answers(cases), strict=True):
            if theirs is None:
                continue
            found = compare(case, ours(case), theirs)
            if found is not None and _by_chance(driver, found):
                found = None
            yield case, theirs, found


def _by_chance(driver: Driver, found: Difference) -> bool:
    """Whether OPA says as we do when it is asked again, in one process or in another: some of its texts follow from the
    order of a map that each process fills once."""
    others = (other for _ in range(AGAIN) for other in driver.answers([found.case] * AGAIN))
    return any(other is not None and compare(found.case, found.ours, other) is None for other in others)


def check(driver: Driver, name: str, seeds: range) -> Seen:
    """Compare, and tell of the worst first."""
    seen = Seen()
    differences: list[Difference] = []
    for case, theirs, found in answered(driver, name, seeds):
        seen.add(case, theirs)
        if found is not None:
            differences.append(found)
    limits = [one for one in differences if one.kind == LIMIT]
    assert len(limits) <= max(1, LIMITED * len(seeds)), "\n\n".join(one.shown() for one in limits[:3])
    differences = [one for one in differences if one.kind != LIMIT]
    grave = [one for one in differences if one.kind in GRAVE]
    assert not grave, f"{kinds(differences)}\n" + "\n\n".join(one.shown() for one in grave[:5])
    assert len(differences) <= max(3, LARGEST_SHARE * len(seeds)), f"{kinds(differences)}\n" + "\n\n".join(
        one.shown() for one in differences[:5]
    )
    return seen


@pytest.mark.parametrize("name", GENERATORS)
def test_a_slice_of_generated_programs(driver: Driver, name: str) -> None:
    check(driver, name, range(int(SLICE * SHARES[name])))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_generated_programs(driver: Driver) -> None:
    whole = Seen()
    for name, share in SHARES.items():
        seen = check(driver, name, range(FROM, FROM + int(SOAK * share)))
        whole.counts.update(seen.counts)
        print(f"{name}: {seen.shown()}")
    assert not whole.missing()


def test_the_driver_answers_as_the_command_line(driver: Driver, opa: Path, tmp_path: Path) -> None:
    cases = [make(seed) for make in GENERATORS.values() for seed in range(12)]
    for case, theirs in zip(cases, driver.answers(cases), strict=True):
        try:
            told = Opa(opa, tmp_path).answer(case)
        except NoAnswer:
            continue
        assert theirs is not None
        assert theirs.results == told.results
        assert {f.message for f in theirs.faults} == {f.message for f in told.faults}
        assert sorted(theirs.printed) == sorted(told.printed)
