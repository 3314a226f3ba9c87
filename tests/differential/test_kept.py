"""Programs on which the answers once differed, and a slice of generated ones, get OPA's answer; no OPA is needed."""

from __future__ import annotations

from typing import Final

import pytest

from tests.differential.cases import Case, Difference, Outcome, compare
from tests.differential.keeping import kept
from tests.differential.recorded import recorded
from tests.differential.sides import ours

KEPT: Final = {name: (case, theirs) for name, case, theirs in kept()}


@pytest.mark.parametrize("name", KEPT)
def test_the_answer_is_that_of_opa(name: str) -> None:
    case: Case
    theirs: Outcome
    case, theirs = KEPT[name]
    found = compare(case, ours(case), theirs)
    assert found is None, found.shown()


def test_a_slice_that_was_recorded() -> None:
    found: list[Difference] = []
    for _, case, theirs in recorded():
        one = compare(case, ours(case), theirs)
        if one is not None:
            found.append(one)
    assert not found, "\n\n".join(one.shown() for one in found[:3])
