"""Identifiers: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'uuid.parse("00000000-0000-1000-8000-325096b39f47")': (
        '{"clocksequence": 0, "macvariables": "local:unicast", "nodeid": "32-50-96-b3-9f-47", "time": '
        '6227451273709551616, "variant": "RFC4122", "version": 1}'
    ),
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]
