"""Quantities: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'units.parse("1.5Ki")': "1536",
    'units.parse("100m")': "0.1000000000",
    'units.parse_bytes("1.5MiB")': "1572864",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
