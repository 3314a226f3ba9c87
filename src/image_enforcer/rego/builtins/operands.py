"""Checking operands: the value, or OPA's complaint about it. Large ones are charged for being walked."""

from __future__ import annotations

import re
from typing import Final

from ..errors import OperandError
from ..meter import LARGE, METER
from ..values import MAX_DIGITS, Num, RegoSet, Value, type_name

_INTEGER: Final = re.compile(r"[-+]?([0-9]*(?:\.0*)?)")
_LONGEST: Final = 19


def wrong(value: Value, position: int, *expected: str) -> OperandError:
    """``operand N must be string but got number``, or ``… one of {…} but got …``."""
    want = expected[0] if len(expected) == 1 else "one of {" + ", ".join(expected) + "}"
    return OperandError(f"operand {position} must be {want} but got {type_name(value)}")


def bad(position: int, text: str) -> OperandError:
    """``operand N text``."""
    return OperandError(f"operand {position} {text}")


def string(value: Value, position: int) -> str:
    """A string."""
    if type(value) is str:
        if len(value) > LARGE:
            METER.spend(len(value) >> 4)
        return value
    raise wrong(value, position, "string")


def number(value: Value, position: int) -> int | Num:
    """A number."""
    if type(value) is int or type(value) is Num:
        return value
    raise wrong(value, position, "number")


def integer(value: Value, position: int) -> int:
    """A number of 64 bits that is written as an integer, or with but zeros behind its point, in 19 characters."""
    if type(value) is int:
        if -(1 << 63) <= value < 1 << 63:
            return value
    elif type(value) is Num:
        found = _INTEGER.fullmatch(value.text)
        if found is not None and len(found.group(1)) <= _LONGEST and -(1 << 63) < value < 1 << 63:
            return int(value)
    else:
        raise wrong(value, position, "number")
    raise bad(position, "must be integer number but got floating-point number")


def big_integer(value: Value, position: int) -> int:
    """A number whose value is an integer, of any size."""
    if type(value) is int:
        return value
    if type(value) is Num:
        if value.adjusted() > 300:
            METER.spend(value.adjusted() >> 2)
        if value.adjusted() < MAX_DIGITS and value == value.to_integral_value():
            return int(value)
        raise bad(position, "must be integer number but got floating-point number")
    raise wrong(value, position, "integer")


def array(value: Value, position: int) -> list[Value]:
    """An array."""
    if type(value) is list:
        if len(value) > LARGE:
            METER.spend(len(value))
        return value
    raise wrong(value, position, "array")


def obj(value: Value, position: int) -> dict[Value, Value]:
    """An object."""
    if type(value) is dict:
        if len(value) > LARGE:
            METER.spend(len(value))
        return value
    raise wrong(value, position, "object")


def a_set(value: Value, position: int) -> RegoSet:
    """A set."""
    if type(value) is RegoSet:
        if len(value) > LARGE:
            METER.spend(len(value))
        return value
    raise wrong(value, position, "set")


def strings(value: Value, position: int) -> list[str]:
    """A string, or the members of an array or set of strings."""
    if type(value) is str:
        return [value]
    if type(value) is not list and type(value) is not RegoSet:
        raise wrong(value, position, "string", "set", "array")
    if len(value) > LARGE:
        METER.spend(len(value))
    for item in value:
        if type(item) is not str:
            kind = type_name(value)
            raise OperandError(
                f"operand {position} must be {kind} of strings but got {kind} containing {type_name(item)}"
            )
    return list(value)
