"""Durations as Go's ``time.ParseDuration`` reads them, with days, weeks and years (of 365 days) beside its units."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ..errors import BuiltinError
from ..text import quoted
from .byte_texts import to_bytes

_UNITS: Final = {
    "ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000,
    "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_HOURS: Final = {"d": 24, "w": 7 * 24, "y": 365 * 24}
_MOST: Final = 1 << 63
_EXTENDED: Final = re.compile(r"([-+]?)((?:[0-9.]+(?:ms|us|µs|ns|[a-z]))+)")
_SEGMENT: Final = re.compile(r"([0-9.]+)(ms|us|µs|ns|[a-z])")
_NUMBER: Final = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_UNIT: Final = re.compile(r"[^0-9.]*")


class _Fault(Exception):
    """What is wrong with a duration."""


def parse(text: str) -> int:
    """Nanoseconds; raises :class:`BuiltinError`."""
    extended = any(unit in text for unit in _HOURS)
    try:
        return _parse(_in_hours(text) if extended else text)
    except _Fault as fault:
        raise BuiltinError(f"time: {fault} {quoted(text) if extended else in_ascii(text)}") from None


def _in_hours(text: str) -> str:
    """The duration with days, weeks and years rewritten as floats of hours, as OPA does it."""
    found = _EXTENDED.fullmatch(text)
    if found is None:
        raise _Fault("invalid duration")
    made = [found.group(1)]
    for digits, unit in _SEGMENT.findall(found.group(2)):
        if unit not in _HOURS:
            made.append(digits + unit)
            continue
        try:
            hours = float(digits) * _HOURS[unit]
        except ValueError:
            raise _Fault("invalid duration") from None
        made.append(f"{Decimal(repr(hours)):f}".removesuffix(".0") + "h" if hours < float("inf") else "+Infh")
    return "".join(made)


def _parse(text: str) -> int:
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total = 0 if rest else _MOST + 1
    at = 0
    while at < len(rest):
        number = _NUMBER.match(rest, at)
        assert number is not None
        whole, part = number.group(1), number.group(2) or ""
        if not whole and not part:
            raise _Fault("invalid duration")
        value = _leading(whole)
        unit_at = number.end()
        unit = _UNIT.match(rest, unit_at)
        assert unit is not None
        at = unit.end()
        if at == unit_at:
            raise _Fault("missing unit in duration")
        size = _UNITS.get(unit.group())
        if size is None:
            raise _Fault(f"unknown unit {in_ascii(unit.group())} in duration")
        if value > _MOST // size:
            raise _Fault("invalid duration")
        total += value * size + _fraction(part, size)
        if total > _MOST:
            break
    if total > _MOST or (total == _MOST and not negative):
        raise _Fault("invalid duration")
    return -total if negative else total


def _leading(digits: str) -> int:
    if len(digits.lstrip("0")) > 19:
        raise _Fault("invalid duration")
    value = int(digits or "0")
    if value > _MOST:
        raise _Fault("invalid duration")
    return value


def _fraction(digits: str, size: int) -> int:
    """Go's floats: digits beyond the 63 bits that hold the fraction are dropped."""
    value, scale = 0, 1.0
    for digit in digits:
        if value > (_MOST - 1) // 10 or value * 10 + int(digit) > _MOST:
            break
        value = value * 10 + int(digit)
        scale *= 10
    return int(float(value) * (float(size) / scale))


def in_ascii(text: str) -> str:
    """A text in the quotes that Go has for times: bytes that are no printable ASCII as two digits each."""
    made = [
        chr(b) if 0x20 <= b < 0x80 else f"\\x{b:02x}" for b in to_bytes(text.replace("\\", "\\\\").replace('"', '\\"'))
    ]
    return f'"{"".join(made)}"'
