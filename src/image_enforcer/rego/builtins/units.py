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

_SCALES: Final = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5, "e": 6}
MAX_EXPONENT: Final = 5000
_AMOUNT: Final = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?", re.IGNORECASE)


def _split(text: str) -> tuple[str, str]:
    """The amount and the unit; an ``e`` is an exponent only where digits follow."""
    end = 0
    while end < len(text):
        c = text[end]
        if c.isdigit() or c in ".+-":
            end += 1
        elif (
            c in "eE"
            and end + 1 < len(text)
            and (text[end + 1].isdigit() or (text[end + 1] in "+-" and text[end + 2 : end + 3].isdigit()))
        ):
            end += 2
        else:
            break
    return text[:end], text[end:]


def _prepared(a: Value) -> tuple[str, str]:
    text = operands.string(a, 1).replace('"', "")
    if " " in text:
        raise BuiltinError("units.parse: spaces not allowed in resource strings")
    amount, unit = _split(text)
    if not amount:
        raise BuiltinError("units.parse: no amount provided")
    if not _AMOUNT.fullmatch(amount):
        raise BuiltinError("units.parse: could not parse amount to a number")
    _check_exponent(amount, "units.parse")
    return amount, unit


def _check_exponent(amount: str, name: str) -> None:
    exponent = amount.lower().partition("e")[2].lstrip("+-").lstrip("0")
    if len(amount) > MAX_EXPONENT or len(exponent) > 4 or int(exponent or "0") > MAX_EXPONENT:
        raise BuiltinError(f"{name}: exponent too large")


def _scale(unit: str, byte: bool) -> Fraction | None:
    if not unit:
        return Fraction(1)
    if not byte:
        if unit == "m":
            return Fraction(1, 1000)
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
    amount, unit = _prepared(a)
    scale = _scale(unit, False)
    if scale is None:
        raise BuiltinError(f"units.parse: unit {unit} not recognized")
    value = bigfloat.exact(Num(amount)) * scale
    if value.denominator == 1:
        return int(value)
    return Num(_ten_places(value))


def _ten_places(value: Fraction) -> str:
    scaled = round(value * 10**10)
    sign = "-" if scaled < 0 else ""
    digits = str(abs(scaled)).rjust(11, "0")
    return f"{sign}{digits[:-10]}.{digits[-10:]}"


def parse_bytes(a: Value) -> Value:
    """A number of bytes, rounded down; units know no case."""
    text = operands.string(a, 1).replace('"', "").lower()
    if " " in text:
        raise BuiltinError("units.parse_bytes: spaces not allowed in resource strings")
    amount, unit = _split(text)
    if not amount:
        raise BuiltinError("units.parse_bytes: no byte amount provided")
    if not _AMOUNT.fullmatch(amount):
        raise BuiltinError("units.parse_bytes: could not parse byte amount to a number")
    _check_exponent(amount, "units.parse_bytes")
    scale = _scale(unit, True)
    if scale is None:
        raise BuiltinError(f"units.parse_bytes: byte unit {unit} not recognized")
    return int(bigfloat.rounded(bigfloat.load(Num(amount)) * scale))


BUILTINS: Final[Mapping[str, Builtin]] = {"units.parse": Builtin(parse), "units.parse_bytes": Builtin(parse_bytes)}
