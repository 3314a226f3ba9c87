"""Values of YAML as Go's library makes them, whose objects may have keys of many types; and how Go shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isinf, isnan
from typing import Final

from ..text import quoted
from .float_texts import shortest
from .time_layouts import MONTHS


@dataclass(frozen=True, slots=True)
class Time:
    """A time with an explicit tag; its text is that of JSON."""

    text: str


@dataclass(slots=True, eq=False)
class Table:
    """An object. Keys go with their type, since ``1``, ``1.0`` and ``true`` are three of them.

    Where all keys of the document are strings, it takes nothing but strings from a merge either.
    """

    strings: bool
    entries: dict[Key, GoValue] = field(default_factory=dict)


Scalar = None | bool | int | float | str | Time
Key = tuple[type, Scalar]
GoValue = Scalar | list["GoValue"] | Table


def shown(value: GoValue, *, inside: bool = False) -> str:
    """A value as Go's ``%#v`` has it."""
    match value:
        case None:
            return "interface {}(nil)" if inside else "<nil>"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:#x}" if value >= 1 << 63 else str(value)
        case float():
            return _float(value)
        case str():
            return quoted(value)
        case Time():
            return _time(value)
        case list():
            return f"[]interface {{}}{{{', '.join(shown(v, inside=True) for v in value)}}}"
    kind = "string" if value.strings else "interface {}"
    pairs = [
        f"{shown(key[1], inside=True)}:{shown(value.entries[key], inside=True)}"
        for key in sorted(value.entries, key=_place)
    ]
    return f"map[{kind}]interface {{}}{{{', '.join(pairs)}}}"


_TYPES: Final = (type(None), str, int, float, bool, Time)
"""The types of keys as they follow one another where Go shows an object; the greatest integers are a type apart."""


def _place(key: Key) -> tuple[int, bool, int | float | str]:
    """Where a key stands among others: by type, then by value."""
    kind, value = key
    place = _TYPES.index(kind)
    if isinstance(value, int | float):
        apart = isnan(value) if kind is float else value >= 1 << 63
        return place, not apart, 0 if isnan(value) else value
    return place, False, value if isinstance(value, str) else ""


def _float(value: float) -> str:
    if isnan(value):
        return "NaN"
    sign = "-" if str(value).startswith("-") else ""
    return f"{sign or '+'}Inf" if isinf(value) else sign + shortest(abs(value))


def _time(value: Time) -> str:
    date, zone = value.text[:19], value.text[-1]
    year, month, day, hour, minute, second = map(int, re.findall("[0-9]+", date))
    fraction = re.match(r"\.([0-9]+)", value.text[19:])
    nanos = int(fraction.group(1).ljust(9, "0")) if fraction is not None else 0
    where = "time.UTC" if zone == "Z" else 'time.Location("")'
    return f"time.Date({year}, time.{MONTHS[month - 1]}, {day}, {hour}, {minute}, {second}, {nanos}, {where})"
