"""Arithmetic: outcomes as OPA gives them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins import bigfloat
from image_enforcer.rego.values import Num
from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    "1 / 1267650600228229401496703205376": "7.888609052210118054e-31",
    "1e25000 + 0.5 > 1e25000": "false",
    "1e-30000 * 0.5": "5e-30001",
    "0.1 + 0.2": "0.3",
    "1 / 3": "0.33333333333333333334",
    "7 / 2": "3.5",
    "10 / 4": "2.5",
    "-7 % 3": "-1",
    "1e400 + 1": (
        "10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000001"
    ),
    "9007199254740993 + 0.5": "9.0071992547409935e+15",
    "round(2.5)": "3",
    "round(-2.5)": "-3",
    "round(0.4999999999999999999)": "0",
    "ceil(1.0001)": "2",
    "floor(-1.5)": "-2",
    "abs(-1.5)": "1.5",
    "1e15 * 1.5": "1500000000000000",
    "123456789 * 1000.001": "1.23456912456789e+11",
    "5 / 0.1": "50",
    "2 - 0.9": "1.1",
    "1.5 % 1": "fault: rem: modulo on floating-point number",
    "numbers.range(3, 1)": "[3, 2, 1]",
    "numbers.range_step(10, 1, 4)": "[10, 6, 2]",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


INTEGERS = st.one_of(st.integers(-(10**6), 10**6), st.integers(-(10**40), 10**40))


@given(INTEGERS, INTEGERS)
def test_integers_are_exact(a: int, b: int) -> None:
    assert value("[input.a + input.b, input.a - input.b, input.a * input.b]", a=a, b=b) == [a + b, a - b, a * b]


@given(INTEGERS, INTEGERS.filter(bool))
def test_the_remainder_has_the_sign_of_the_dividend(a: int, b: int) -> None:
    rest = value("input.a % input.b", a=a, b=b)
    assert (a - rest) % b == 0
    assert abs(rest) < abs(b)
    assert rest * a >= 0


@given(st.fractions(max_denominator=10**9).filter(bool))
def test_64_bit_floats_read_back_from_their_text(exact: Fraction) -> None:
    rounded = bigfloat.rounded(exact)
    assert abs(rounded - exact) <= abs(exact) / (1 << 63)
    read = bigfloat.load(bigfloat.number(rounded))
    # Below a power of two floats lie closer, which Go's shortest text does not heed: 2^65 / 1 is 36893488147419103230.
    a, b = abs(rounded.numerator), rounded.denominator
    power = a & (a - 1) == 0 and b & (b - 1) == 0
    assert read == rounded or (power and abs(read - rounded) * (1 << 64) == abs(rounded))


def test_a_power_of_two_has_gos_text() -> None:
    assert value("input.a / input.b", a=36893488147419103231, b=1) == 36893488147419103230
    assert value("input.a * input.b", a=18446744073709551616, b=2) == 36893488147419103232


@given(INTEGERS, INTEGERS.filter(bool))
def test_quotients_are_the_nearest_64_bit_floats(a: int, b: int) -> None:
    got = value("input.a / input.b", a=a, b=b)
    assert Fraction(got) == 0 if not a else abs(Fraction(got) * b / a - 1) <= Fraction(4, 1 << 64)


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_rounding(a: int, b: int) -> None:
    exact = Num(f"{a}.{b:06d}")
    up, down, near = value("[ceil(input.x), floor(input.x), round(input.x)]", x=exact)
    assert abs(near - exact) <= 1
    assert down - 1 <= exact <= up + 1


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 50))
def test_ranges(a: int, b: int, step: int) -> None:
    got = value("numbers.range_step(input.a, input.b, input.s)", a=a, b=b, s=step)
    assert got == (list(range(a, b + 1, step)) if a <= b else list(range(a, b - 1, -step)))
