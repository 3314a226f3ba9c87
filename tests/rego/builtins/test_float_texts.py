"""Floats as Go writes them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.float_texts import float_text, shortest, with_point

MAGNITUDES = st.floats(min_value=0, allow_infinity=False, allow_nan=False).map(abs)


@given(MAGNITUDES)
def test_the_shortest_text_reads_back(value: float) -> None:
    assert float(shortest(value)) == value


@given(MAGNITUDES)
def test_mantissa_and_exponent_are_the_float(value: float) -> None:
    mantissa, _, exponent = float_text(value, "b", None).partition("p")
    assert Fraction(int(mantissa)) * Fraction(2) ** int(exponent) == Fraction(value)
    assert float.fromhex(float_text(value, "x", None)) == value


@pytest.mark.parametrize(
    ("value", "verb", "precision", "text"),
    [
        (1.0, "x", 0, "0x1p+00"),
        (1.96875, "x", 1, "0x1.0p+01"),
        (1.99, "x", 0, "0x1p+01"),
        (1e6, "X", None, "0X1.E848P+19"),
        (5e-324, "x", None, "0x1p-1074"),
        (0.0001, "g", None, "0.0001"),
        (0.00001, "G", None, "1E-05"),
        (100.0, "g", 2, "1e+02"),
    ],
)
def test_texts(value: float, verb: str, precision: int | None, text: str) -> None:
    assert float_text(value, verb, precision) == text


@pytest.mark.parametrize(
    ("text", "verb", "precision", "shown"),
    [("1", "g", None, "1.00000"), ("0", "g", 1, "0."), ("2", "f", 0, "2."), ("1e+06", "g", 3, "1.00e+06")],
)
def test_points_that_are_asked_for(text: str, verb: str, precision: int | None, shown: str) -> None:
    assert with_point(text, verb, precision) == shown
