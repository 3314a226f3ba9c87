"""Numbers of schemas and documents: exact for comparing, 64-bit floats for being the same, and Go's texts of them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from ...json_text import to_json
from ...meter import CELL, METER
from ...values import Num, Value
from .. import bigfloat
from ..float_texts import FIXED_BELOW, FIXED_FROM
from .faults import SchemaFault

_WIDEST: Final = 400
"""Bits up to which the shortest text is looked for; beyond them it is the text that was written."""
_INT64: Final = 1 << 63


def is_number(value: Value) -> bool:
    """Whether a JSON value is a number."""
    return type(value) is int or type(value) is Num


def exact(value: int | Num) -> Fraction:
    """The exact value."""
    return bigfloat.exact(value)


def count(value: Value) -> int | None:
    """A number that is written as an integer and fits 64 bits."""
    if type(value) is Num and value.text == "-0":
        return 0
    return value if type(value) is int and -_INT64 <= value < _INT64 else None


def shown(value: int | Num) -> str:
    """A limit as error texts have it: the fewest digits, with an exponent below -4 and from 6."""
    fraction = exact(value)
    if not fraction:
        return "0"
    bits = max(bigfloat.PRECISION, fraction.numerator.bit_length())
    if fraction.denominator != 1:
        bits = max(bits, fraction.denominator.bit_length())
    if bits > _WIDEST:
        METER.spend(bits)
        written = Decimal(value).normalize()
        digits, point = "".join(map(str, written.as_tuple().digits)), written.adjusted() + 1
    else:
        digits, point = bigfloat.shortest(bigfloat.rounded(fraction, bits), bits)
    sign = "-" if fraction < 0 else ""
    exponent = point - 1
    if exponent < FIXED_FROM or exponent >= FIXED_BELOW:
        mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"


def same_text(value: Value) -> str:
    """JSON text in which values are equal that differ but in how numbers are written, as 64-bit floats are read."""
    return to_json(_as_floats(value))


def _as_floats(value: Value) -> Any:
    if type(value) is dict:
        METER.spend(len(value), 2 * CELL * len(value))
        return {k: _as_floats(v) for k, v in value.items()}
    if type(value) is list:
        METER.spend(len(value), CELL * len(value))
        return [_as_floats(v) for v in value]
    return _as_float(value) if is_number(value) else value


def _as_float(value: int | Num) -> int | Num:
    try:
        near = float(value)
    except OverflowError:
        near = float("inf")
    if near in (float("inf"), float("-inf")):
        text = value.text if isinstance(value, Num) else str(value)
        raise SchemaFault(f"json: cannot unmarshal number {text} into Go value of type float64")
    if near == 0:
        return Num("-0") if str(near).startswith("-") else 0
    written = Decimal(repr(near)).normalize()
    if near.is_integer() and abs(near) < 1e21:
        return int(f"{written:f}")
    if 1e-6 <= abs(near) < 1e21:
        return Num(f"{written:f}")
    sign, digits, _ = written.as_tuple()
    mantissa = f"{digits[0]}" + (f".{''.join(map(str, digits[1:]))}" if len(digits) > 1 else "")
    exponent = written.adjusted()
    return Num(f"{'-' if sign else ''}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent)}")
