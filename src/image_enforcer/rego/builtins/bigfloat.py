"""Arithmetic as OPA does it beyond integers: binary floats with a 64-bit mantissa, printed as shortly as they can be.

A number is an exact :class:`~fractions.Fraction` that fits the mantissa. Rounding is to nearest, ties to even,
as Go's ``big.Float`` does.
"""

from __future__ import annotations

from fractions import Fraction
from math import log10

from ..errors import BuiltinError
from ..meter import METER
from ..values import Num, integer

PRECISION = 64
DOUBLE = 53
"""The mantissa of a 64-bit float: ``product`` begins with one and keeps to its precision."""
MAX_EXPONENT = 20_000
"""Decimal exponents beyond which arithmetic refuses: exact fractions of such size would fill the memory."""


def exact(value: int | Num) -> Fraction:
    """A number's exact value; raises :class:`BuiltinError` where its exponent is out of all bounds."""
    if isinstance(value, int):
        if value.bit_length() > 4096:
            METER.spend(value.bit_length() >> 2)
        return Fraction(value)
    if not value:
        return Fraction(0)
    size = abs(value.adjusted())
    if size > 300:
        if size > MAX_EXPONENT:
            raise BuiltinError("number out of range")
        METER.spend(size)
    return Fraction(value)


def rounded(value: Fraction, bits: int = PRECISION) -> Fraction:
    """The nearest number with a mantissa of 64 bits, or as many as there may be."""
    if not value:
        return value
    n, d = abs(value.numerator), value.denominator
    shift = bits - (n.bit_length() - d.bit_length())
    mantissa, rest, unit = _divide(n, d, shift)
    if mantissa.bit_length() > bits:
        shift -= 1
        mantissa, rest, unit = _divide(n, d, shift)
    elif mantissa.bit_length() < bits:
        shift += 1
        mantissa, rest, unit = _divide(n, d, shift)
    twice = 2 * rest
    if twice > unit or (twice == unit and mantissa & 1):
        mantissa += 1
    made = Fraction(mantissa << -shift) if shift < 0 else Fraction(mantissa, 1 << shift)
    return -made if value < 0 else made


def _divide(n: int, d: int, shift: int) -> tuple[int, int, int]:
    if shift >= 0:
        n <<= shift
    else:
        d <<= -shift
    q, r = divmod(n, d)
    return q, r, d


def load(value: int | Num) -> Fraction:
    """A number as a 64-bit float."""
    return rounded(exact(value))


def shortest(value: Fraction, bits: int = PRECISION) -> tuple[str, int]:
    """The fewest decimal digits that read back as this float, and the position of the point before which they stand."""
    magnitude = abs(value)
    exponent = _exponent10(magnitude)
    for count in range(1, 23):
        scale = count - exponent - 1
        scaled = magnitude * 10**scale if scale >= 0 else magnitude / 10**-scale
        digits = round(scaled)
        back = Fraction(digits, 10**scale) if scale >= 0 else Fraction(digits * 10**-scale)
        if rounded(back, bits) == magnitude:
            text = str(digits)
            point = exponent + 1 + (len(text) - count)
            return text.rstrip("0") or "0", point
    raise AssertionError("22 digits always suffice for 64 bits")


def _exponent10(magnitude: Fraction) -> int:
    n, d = magnitude.numerator, magnitude.denominator
    guess = int((n.bit_length() - d.bit_length()) * log10(2))
    while magnitude >= Fraction(10) ** (guess + 1):
        guess += 1
    while magnitude < Fraction(10) ** guess:
        guess -= 1
    return guess


def number(value: Fraction, negative_zero: bool = False, bits: int = PRECISION) -> int | Num:
    """A float as a number: an integer where it is one, else with Go's shortest text."""
    if not value:
        return Num("-0") if negative_zero else 0
    digits, point = shortest(value, bits)
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return integer(sign + digits + "0" * (point - len(digits)))
    exponent = point - 1
    if exponent < -4 or exponent >= 6:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return Num(f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}")
    if point <= 0:
        return Num(f"{sign}0.{'0' * -point}{digits}")
    if point >= len(digits):
        return Num(f"{sign}{digits}{'0' * (point - len(digits))}")
    return Num(f"{sign}{digits[:point]}.{digits[point:]}")
