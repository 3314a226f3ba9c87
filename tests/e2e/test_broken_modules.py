"""What is said of modules with something wrong, beside a real OPA: codes, places and words, in its order.

A slice in `make e2e`; in `make soak` as many as SOAK_CASES says, at seeds of SOAK_FROM.
"""

from __future__ import annotations

import os
from typing import Final

import pytest

from tests.differential.broken import broken
from tests.differential.cases import Fault
from tests.differential.sides import Driver, ours

from .conftest import peer

SLICE: Final = 1500
SOAK: Final = int(os.environ.get("SOAK_CASES", "20000"))
FROM: Final = int(os.environ.get("SOAK_FROM", "10000000"))
BATCH: Final = 500
LEAST: Final = 0.985
"""The share of modules of which exactly OPA's faults are told."""


@pytest.fixture(scope="session")
def driver() -> Driver:
    """A real OPA that answers many cases."""
    return Driver(peer("opa-driver", "opa"))


def compare(driver: Driver, seeds: range) -> None:
    """Tell of the first modules that differ, where too many do; none may be refused by one side only."""
    alike, differing, alone = 0, [], []
    for start in range(seeds.start, seeds.stop, BATCH):
        cases = [broken(seed) for seed in range(start, min(start + BATCH, seeds.stop))]
        for case, theirs in zip(cases, driver.answers(cases), strict=True):
            if theirs is None:
                continue
            found = ours(case)
            if list(map(_plain, found.faults)) == list(map(_plain, theirs.faults)):
                alike += 1
                continue
            told = f"{case.shown()}\nours: {found.faults}\nOPA's: {theirs.faults}"
            differing.append(told)
            if bool(found.faults) != bool(theirs.faults):
                alone.append(told)
    assert not alone, "\n\n".join(alone[:5])
    assert alike >= LEAST * (alike + len(differing)), "\n\n".join(differing[:5])


def _plain(fault: Fault) -> tuple[str, int, int, str]:
    return fault.code, fault.row, fault.col, fault.message


def test_a_slice_of_broken_modules(driver: Driver) -> None:
    compare(driver, range(SLICE))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_broken_modules(driver: Driver) -> None:
    compare(driver, range(FROM, FROM + SOAK))
