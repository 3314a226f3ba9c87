"""Arithmetic as OPA does it beyond integers: binary floats with a 64-bit mantissa, printed as shortly as they can be.

A number is an exact :class:`~fractions.Fraction` that fits the mantissa. Rounding is to nearest, ties to even,
as Go's ``big.Float`` does.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from typing import Final

from ..errors import LimitError
from ..meter import METER
from ..values import Num, integer

PRECISION = 64
DOUBLE = 53
"""The mantissa of a 64-bit float: ``product`` begins with one and keeps to its precision."""
MAX_EXPONENT = 62_000
"""Decimal exponents beyond which arithmetic refuses: exact fractions of such size would fill the memory."""


def exact(value: int | Num) -> Fraction:
    """A number's exact value; raises :class:`LimitError` where its exponent is out of all bounds."""
    if isinstance(value, int):
        if value.bit_length() > 4096:
            METER.spend(value.bit_length() >> 2)
        return Fraction(value)
    if not value:
        return Fraction(0)
    size = abs(value.adjusted())
    if size > 300:
        if size > MAX_EXPONENT:
            raise LimitError("memory", f"a number of more than {MAX_EXPONENT} digits before or behind its point")
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
    """The fewest decimal digits that read back as this float, and the position of the point before which they stand.

    Go's way: digit by digit, until cutting the rest off, or adding one, stays within half a unit of the last bit.
    """
    n, scale = abs(value.numerator), 1 - value.denominator.bit_length()
    spare = bits + 1 - n.bit_length()
    mantissa = n << spare if spare >= 0 else n >> -spare
    with localcontext(_DIGITS):
        half = Decimal(2) ** (scale - spare)
        exact = mantissa * half
        digits, lower, upper = (_digits(x) for x in (exact, (mantissa - 1) * half, (mantissa + 1) * half))
        point = exact.adjusted() + 1
    inclusive = not mantissa & 2
    for i, digit in enumerate(digits):
        below, above = lower[i : i + 1] or "0", upper[i : i + 1] or "0"
        down = below != digit or (inclusive and i + 1 == len(lower))
        up = digit != above and (inclusive or int(digit) + 1 < int(above) or i + 1 < len(upper))
        if down or up:
            kept, rest = digits[: i + 1], digits[i + 1 :]
            if up and (not down or rest > "5" or (rest == "5" and int(digit) & 1)):
                kept = str(int(kept) + 1)
                point += len(kept) - (i + 1)
            return kept.rstrip("0"), point
    return digits, point


_DIGITS: Final = Context(prec=150, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""More digits than can decide whether a decimal fraction is nearer to a float than half a unit of its last bit."""


def _digits(value: Decimal) -> str:
    return "".join(map(str, value.as_tuple().digits)).rstrip("0") or "0"


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
