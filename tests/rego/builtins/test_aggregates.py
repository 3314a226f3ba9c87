"""Aggregates: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    "sum([0.1, 253402300800000000000, 255])": "253402300800000000260",
    "sum([1.0, 253402300800000000000, 255])": "253402300800000000256",
    "product([0.5, -0])": "-0",
    "product([0.3, 3])": "0.8999999999999999",
    "product([9007199254740993, 3])": "27021597764222979",
    "product([0.5, 9007199254740993, 1])": "4503599627370496",
    'sort({3, "a", null, [1]})': '[null, 3, "a", [1]]',
    "max([1, 2.0, 2])": "2",
    "sum([0.1, 0.2, 0.3])": "0.6",
    "product({2, 3})": "6",
    'count("añb")': "3",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
