"""Programs on which the answers once differed get OPA's answer, to the word; no OPA is needed."""

from __future__ import annotations

from typing import Final

import pytest

from tests.differential.cases import Case, Outcome, compare
from tests.differential.kept import kept
from tests.differential.sides import ours

KEPT: Final = {name: (case, theirs) for name, case, theirs in kept()}


@pytest.mark.parametrize("name", KEPT)
def test_the_answer_is_that_of_opa(name: str) -> None:
    case: Case
    theirs: Outcome
    case, theirs = KEPT[name]
    found = compare(case, ours(case), theirs)
    assert found is None, found.shown()
