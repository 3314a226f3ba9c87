"""Generated programs get the same answer from a real OPA and from our engine.

A hundred of each kind in `make e2e`, as many as SOAK_CASES says in `make soak`. No answer may differ, and nothing may
be an error on one side only; the texts of errors may, in few programs.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.differential.admission import admission
from tests.differential.cases import GRAVE, Case, Difference, compare, kinds
from tests.differential.programs import program
from tests.differential.sides import NoAnswer, Opa, ours
from tests.differential.small import small

MANY: Final = int(os.environ.get("SOAK_CASES", "300"))
LARGEST_SHARE: Final = 0.1
"""How many of the programs may differ in the text or the place of an error."""
GENERATORS: Final = {"small": small, "programs": program, "admission": admission}


@pytest.fixture(params=GENERATORS)
def generated(request: pytest.FixtureRequest) -> Callable[[int], Case]:
    """What makes a case from a seed."""
    make: Callable[[int], Case] = GENERATORS[request.param]
    return make


def differences(opa: Opa, make: Callable[[int], Case], seeds: range) -> Iterator[Difference]:
    """Where the answers differ. Programs on which OPA itself breaks are left out."""
    for seed in seeds:
        case = make(seed)
        try:
            theirs = opa.answer(case)
        except NoAnswer:
            continue
        found = compare(case, ours(case), theirs)
        if found is not None:
            yield found


def check(opa: Opa, make: Callable[[int], Case], seeds: range) -> None:
    """Compare, and tell of the worst first."""
    found = list(differences(opa, make, seeds))
    grave = [one for one in found if one.kind in GRAVE]
    assert not grave, f"{kinds(found)}\n" + "\n\n".join(one.shown() for one in grave[:5])
    assert len(found) <= max(3, LARGEST_SHARE * len(seeds)), f"{kinds(found)}\n" + "\n\n".join(
        one.shown() for one in found[:5]
    )


@pytest.mark.soak
def test_generated_programs(opa: Path, generated: Callable[[int], Case], tmp_path: Path) -> None:
    check(Opa(opa, tmp_path), generated, range(MANY // len(GENERATORS)))
