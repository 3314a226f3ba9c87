"""64-bit floats as Go's ``strconv`` and ``fmt`` write them, without their sign."""

from __future__ import annotations

from decimal import Decimal
from math import frexp, ldexp

FIXED_FROM = -4
FIXED_BELOW = 6
"""The decimal exponents between which the shortest text has none."""


def float_text(value: float, verb: str, precision: int | None) -> str:
    """A magnitude under one of the verbs ``e E f F g G x X b``; without a precision as many digits as it takes."""
    match verb:
        case "f" | "F":
            return f"{value:.{_or_six(precision)}f}"
        case "e" | "E":
            return f"{value:.{_or_six(precision)}{verb}}"
        case "g" | "G":
            return shortest(value, verb) if precision is None else f"{value:.{precision}{verb}}"
        case "b":
            return _binary(value)
    text = _hexadecimal(value, precision)
    return text.upper() if verb == "X" else text


def _or_six(precision: int | None) -> int:
    return 6 if precision is None else precision


def shortest(value: float, verb: str = "g") -> str:
    """The fewest digits that read back as this float, with an exponent below -4 and from 6."""
    if value == 0:
        return "0"
    _, digits, scale = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(scale, int)
    exponent = scale + len(digits) - 1
    if FIXED_FROM <= exponent < FIXED_BELOW:
        return f"{Decimal(repr(value)).normalize():f}"
    text = "".join(map(str, digits))
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{mantissa}{'E' if verb == 'G' else 'e'}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _binary(value: float) -> str:
    """The mantissa and the exponent of two in decimal digits, as the float is stored."""
    exponent = max(frexp(value)[1] - 53, -1074) if value else -1074
    return f"{int(ldexp(value, -exponent))}p{exponent:+d}"


def _hexadecimal(value: float, precision: int | None) -> str:
    if value:
        mantissa, exponent = frexp(value)
        bits, exponent = int(ldexp(mantissa, 53)), exponent - 1
    else:
        bits, exponent = 0, 0
    if precision is not None and precision < 13:
        unit = 1 << (52 - 4 * precision)
        bits, rest = divmod(bits, unit)
        bits += rest * 2 > unit or (rest * 2 == unit and bits & 1)
        bits *= unit
        if bits >> 53:
            bits, exponent = bits >> 1, exponent + 1
    digits = f"{bits & ((1 << 52) - 1):013x}"
    digits = digits.rstrip("0") if precision is None else digits[:precision].ljust(precision, "0")
    return f"0x{bits >> 52}{'.' if digits else ''}{digits}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def with_point(text: str, verb: str, precision: int | None) -> str:
    """The text with its point always there, and the zeros that ``%g`` leaves out: what ``#`` asks for."""
    wanted = _or_six(precision) if verb in "gGx" else 0
    end = next((i for i, c in enumerate(text) if c in "pP" or (c in "eE" and verb not in "xX")), len(text))
    head, tail = text[:end], text[end:]
    significant = len([c for c in head if c != "."]) - len(_leading_zeros(head))
    if "." not in head:
        significant += head == "0"
        head += "."
    return head + "0" * (wanted - significant) + tail


def _leading_zeros(text: str) -> str:
    digits = text.replace(".", "")
    return digits[: len(digits) - len(digits.lstrip("0"))]
