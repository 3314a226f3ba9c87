"""Types of values: asking for them, and conversions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Final

from ..errors import BuiltinError
from ..text import quoted
from ..values import Num, RegoSet, Value, type_name
from . import operands
from .contract import Builtin
from .remembered import of_text
from .strings import lower as go_lower


def _is(*types: type) -> Builtin:
    def run(a: Value) -> Value:
        return type(a) in types

    return Builtin(run)


def name(a: Value) -> Value:
    """The name of the value's type."""
    return type_name(a)


_NUMBER: Final = re.compile(
    r"[-+]?(?:0[xX](?=[_.]*[0-9a-fA-F])[0-9a-fA-F_]*\.?[0-9a-fA-F_]*[pP][-+]?[0-9][0-9_]*"
    r"|(?=[_.]*[0-9])[0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9][0-9_]*)?)"
)
_APART: Final = re.compile(r"(?<![0-9])_|_(?![0-9])")
_APART_IN_HEXADECIMAL: Final = re.compile(r"(?<![0-9a-fA-FxX])_|_(?![0-9a-fA-F])")
"""Underscores that do not stand between digits."""
_LEAST_EXPONENT: Final = -30_103
"""Smaller decimal exponents are none of OPA's numbers, since it has binary ones down to -100,000 only."""


def to_number(a: Value) -> Value:
    """A number for null, booleans, numbers and strings; the text of a string is kept, even forms that JSON has not."""
    match a:
        case None:
            return 0
        case bool():
            return 1 if a else 0
        case str():
            return _parse(a)
        case int() | Num():
            return a
    raise operands.wrong(a, 1, "null", "boolean", "number", "string")


def _parse(text: str) -> Value:
    """A number in the syntax of Go's ``strconv.ParseFloat``."""
    if go_lower(text.lstrip("+-")) in ("nan", "inf", "infinity"):
        raise operands.wrong(text, 1, "valid number string")
    if re.fullmatch(r"-?(?:0|[1-9][0-9]*)", text) and text != "-0":
        return _whole(text)
    hexadecimal = text.lstrip("+-")[:2] in ("0x", "0X")
    apart = _APART_IN_HEXADECIMAL if hexadecimal else _APART
    if not _NUMBER.fullmatch(text) or ("_" in text and apart.search(text)):
        raise BuiltinError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax")
    plain = text.replace("_", "")
    value = _from_hexadecimal(plain) if hexadecimal else float(plain)
    if abs(value) == inf:
        raise BuiltinError(f"strconv.ParseFloat: parsing {quoted(text)}: value out of range")
    number = Num(repr(value) if hexadecimal else plain)
    if number and number.adjusted() < _LEAST_EXPONENT:
        raise BuiltinError("invalid number: number too big")
    number.text = text
    return number


def _from_hexadecimal(text: str) -> float:
    try:
        return float.fromhex(text)
    except OverflowError:
        return inf


def _whole(text: str) -> int:
    if len(text) > 310:
        raise BuiltinError(f"strconv.ParseFloat: parsing {quoted(text)}: value out of range")
    return int(text)


def _cast(expected: str, accept: Callable[[Value], bool]) -> Builtin:
    def run(a: Value) -> Value:
        if accept(a):
            return a
        raise operands.wrong(a, 1, expected)

    return Builtin(run)


def cast_array(a: Value) -> Value:
    """An array as it is, a set as an array in order."""
    if type(a) is list:
        return a
    if type(a) is RegoSet:
        return list(a)
    raise operands.wrong(a, 1, "array", "set")


def cast_set(a: Value) -> Value:
    """A set as it is, an array as a set."""
    if type(a) is RegoSet:
        return a
    if type(a) is list:
        return RegoSet.of(a)
    raise operands.wrong(a, 1, "array", "set")


BUILTINS: Final[Mapping[str, Builtin]] = {
    "is_array": _is(list),
    "is_boolean": _is(bool),
    "is_null": _is(type(None)),
    "is_number": _is(int, Num),
    "is_object": _is(dict),
    "is_set": _is(RegoSet),
    "is_string": _is(str),
    "type_name": Builtin(name),
    "to_number": Builtin(of_text(to_number)),
    "cast_array": Builtin(cast_array),
    "cast_set": Builtin(cast_set),
    "cast_string": _cast("string", lambda a: type(a) is str),
    "cast_boolean": _cast("boolean", lambda a: type(a) is bool),
    "cast_null": _cast("null", lambda a: a is None),
    "cast_object": _cast("object", lambda a: type(a) is dict),
}
