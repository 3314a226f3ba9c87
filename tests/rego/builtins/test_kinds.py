"""Types of values: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'to_number("1e3")': "1e3",
    'to_number("0x1p4")': "0x1p4",
    "type_name({1})": '"set"',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


KINDS = {
    "null": "null",
    "boolean": "true",
    "number": "1.5",
    "string": '""',
    "array": "[]",
    "object": "{}",
    "set": "set()",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_is_of_one_type(kind: str) -> None:
    assert outcome(f"type_name({KINDS[kind]})") == f'"{kind}"'
    for other, example in KINDS.items():
        assert outcome(f"is_{kind}({example})") == ("true" if other == kind else "false")
