"""Quantities: outcomes as OPA gives them."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from tests.rego.builtins.expressions import outcome

OUTCOMES = {
    'units.parse("1e+")': "fault: units.parse: units.parse: could not parse amount to a number",
    'units.parse("1e1234567")': "fault: units.parse: units.parse: exponent too large",
    'units.parse("--5X")': "fault: units.parse: units.parse: unit X not recognized",
    'units.parse("5KB")': "fault: units.parse: units.parse: unit Kb not recognized",
    'units.parse("0.00000000005")': "0.0000000001",
    'units.parse("-0.00000000005")': "-0.0000000001",
    'units.parse("-0.000000000001")': "-0.0000000000",
    'units.parse_bytes("1e+")': "fault: units.parse_bytes: units.parse_bytes: could not parse byte amount to a number",
    'units.parse_bytes("-1.9K")': "-1900",
    'units.parse("1.5Ki")': "1536",
    'units.parse("6406144276m")': "6406144.2760000001",
    'units.parse("1e-10000")': "0.0000000000",
    'units.parse_bytes("1e-10000")': "0",
    'units.parse("1e5001") / units.parse("1e5000")': "10",
    'units.parse("1mİ")': "1048576",
    'units.parse("1é")': "fault: units.parse: units.parse: unit \ufffd\ufffd not recognized",
    'units.parse("100m")': "0.1000000000",
    'units.parse_bytes("1.5MiB")': "1572864",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@pytest.mark.parametrize("text", ["1e100000gib", "1e999999", "-1e99999k"])
def test_what_is_too_large_to_calculate_with_ends_the_evaluation_and_is_not_undefined(text: str) -> None:
    query = rego.compile_modules({}).prepare("units.parse_bytes(input.size) > 5")
    with pytest.raises(rego.LimitError, match="more than 62000 digits"):
        query.run(input={"size": text})
