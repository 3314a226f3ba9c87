"""Quantities: ``10K``, ``1.5Mi``, ``200m``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from ..errors import BuiltinError
from ..values import Num, Value
from . import bigfloat, operands
from .contract import Builtin
from .remembered import of_text
from .strings import lower as go_lower

_SCALES: Final = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
_MILLI: Final = Fraction(0.001)
"""What ``m`` stands for: the float nearest to a thousandth, which shows in the last places of large quantities."""
_AMOUNT: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?", re.IGNORECASE)


def _split(text: str, name: str) -> tuple[str, str]:
    """The amount and the unit; an ``e`` is an exponent only where digits or a sign follow."""
    end = 0
    while end < len(text) and text[end] in _IN_AMOUNT:
        if text[end] in "eE":
            after = text[end + 1 : end + 2]
            if not after or after not in "0123456789+-":
                break
            end += after in "+-"
            digits = _DIGITS.match(text, end + 1)
            if digits is not None and len(digits.group()) > _EXPONENT_DIGITS:
                raise BuiltinError(f"{name}: exponent too large")
        end += 1
    return text[:end], text[end:]


_IN_AMOUNT: Final = frozenset("0123456789.eE+-")
_DIGITS: Final = re.compile("[0-9]*")
_EXPONENT_DIGITS: Final = 6


def _amount(text: str, complaint: str) -> Num:
    """The number before a unit, whose exponent is one that we calculate with."""
    if not _AMOUNT.fullmatch(text):
        raise BuiltinError(complaint)
    return Num(text)


def _scale(unit: str, byte: bool) -> Fraction | None:
    if not unit:
        return Fraction(1)
    if not byte:
        if unit == "m":
            return _MILLI
        if unit == "M":
            return Fraction(10**6)
    low = unit.lower()
    if byte and len(low) > 1:
        low = low.removesuffix("b")
    binary = low.endswith("i")
    power = _SCALES.get(low[:-1] if binary else low)
    if power is None:
        return None
    return Fraction(1024**power if binary else 1000**power)


def parse(a: Value) -> Value:
    """A quantity with a decimal or binary unit; ``m`` is a thousandth, ``M`` a million, other letters know no case."""
    text = operands.string(a, 1).replace('"', "")
    if " " in text:
        raise BuiltinError("units.parse: spaces not allowed in resource strings")
    amount, unit = _split(text, "units.parse")
    if not amount:
        raise BuiltinError("units.parse: no amount provided")
    first = unit[:1]
    if not first.isascii():  # OPA sets its first byte apart, and neither half is UTF-8 then
        first = "\ufffd" * len(first.encode("utf-8", "replace"))
    unit = first + go_lower(unit[1:])
    scale = _scale(unit, False)
    if scale is None:
        raise BuiltinError(f"units.parse: unit {unit} not recognized")
    number = _amount(amount, "units.parse: could not parse amount to a number")
    if number and number.adjusted() < -_VANISHING:
        return Num(f"{'-' if number < 0 else ''}0.0000000000")
    value = bigfloat.exact(number) * scale
    if value.denominator == 1:
        return int(value)
    return Num(_ten_places(value))


_VANISHING: Final = 40
"""A number smaller than that power of ten is nothing in ten places, whatever its unit."""


def _ten_places(value: Fraction) -> str:
    """With ten digits behind the point, halves away from zero."""
    digits = str(int(abs(value) * 10**10 + Fraction(1, 2))).rjust(11, "0")
    return f"{'-' if value < 0 else ''}{digits[:-10]}.{digits[-10:]}"


def parse_bytes(a: Value) -> Value:
    """A number of bytes, rounded down; units know no case."""
    text = go_lower(operands.string(a, 1)).replace('"', "")
    if " " in text:
        raise BuiltinError("units.parse_bytes: spaces not allowed in resource strings")
    amount, unit = _split(text, "units.parse_bytes")
    if not amount:
        raise BuiltinError("units.parse_bytes: no byte amount provided")
    scale = _scale(unit, True)
    if scale is None:
        raise BuiltinError(f"units.parse_bytes: byte unit {unit} not recognized")
    number = _amount(amount, "units.parse_bytes: could not parse byte amount to a number")
    if number and number.adjusted() < -_VANISHING:
        return 0
    return int(bigfloat.rounded(bigfloat.load(number) * scale))


BUILTINS: Final[Mapping[str, Builtin]] = {
    "units.parse": Builtin(of_text(parse)),
    "units.parse_bytes": Builtin(of_text(parse_bytes)),
}
