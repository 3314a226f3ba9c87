"""Types of values: asking for them, and conversions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ..errors import BuiltinError
from ..text import quoted
from ..values import Num, RegoSet, Value, type_name
from . import operands
from .contract import Builtin
from .remembered import of_text


def _is(*types: type) -> Builtin:
    def run(a: Value) -> Value:
        return type(a) in types

    return Builtin(run)


def name(a: Value) -> Value:
    """The name of the value's type."""
    return type_name(a)


_NUMBER: Final = re.compile(
    r"[+-]?(?:(?:0[xX](?:_?[0-9a-fA-F])*\.?(?:[0-9a-fA-F_]*)(?:[pP][+-]?[0-9]+)?)|(?:(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?))"
)


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
    plain = text.strip()
    if text.lstrip("+-").lower() in ("nan", "inf", "infinity"):
        raise operands.wrong(text, 1, "valid number string")
    if not text or plain != text or not _NUMBER.fullmatch(text):
        raise BuiltinError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax")
    if re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        return Num(text) if text == "-0" else _whole(text)
    plain = text.replace("_", "")
    try:
        number = Num(repr(float.fromhex(plain)) if "p" in plain or "P" in plain else plain)
    except (ArithmeticError, ValueError):
        raise BuiltinError(f"strconv.ParseFloat: parsing {quoted(text)}: invalid syntax") from None
    number.text = text
    if number and abs(number.adjusted()) > 308:
        raise BuiltinError(f"strconv.ParseFloat: parsing {quoted(text)}: value out of range")
    return number


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
