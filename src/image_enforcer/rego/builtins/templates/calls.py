"""The functions of templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus

from ...meter import METER
from ..byte_texts import from_bytes, to_bytes
from .values import METERED, NOTHING, Byte, Found, Given, Printer, concrete, go_type, is_true, sprint, text_of


class CallFault(Exception):
    """What is wrong with a function's arguments."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes, at least, and whether the first has to be a string."""

    run: Callable[[list[Given]], Given]
    least: int
    variadic: bool = False
    text_first: bool = False


# --- elements ------------------------------------------------------------------------------------

_ZERO_VALUE: Final = "reflect: call of reflect.Value.Type on zero Value"


def _size(value: Any) -> int:
    return len(to_bytes(value)) if isinstance(value, str) else len(value)


def _length(values: list[Given]) -> Given:
    item = values[0]
    if isinstance(item, Found) and item.value is None:
        raise CallFault("len of nil pointer")
    item = concrete(item)
    if item is NOTHING:
        raise CallFault(_ZERO_VALUE)
    if not isinstance(item, str | list | dict):
        raise CallFault(f"len of type {go_type(item)}")
    return _size(item)


def _position(value: Given, most: int) -> int:
    if value is NOTHING:
        raise CallFault("cannot index slice/array with nil")
    if not isinstance(value, int) or isinstance(value, bool):
        raise CallFault(f"cannot index slice/array with type {go_type(value)}")
    if not 0 <= value <= most:
        raise CallFault(f"index out of range: {value}")
    return int(value)


def _index(values: list[Given]) -> Given:
    item = concrete(values[0])
    if item is NOTHING:
        raise CallFault("index of untyped nil")
    for given in values[1:]:
        METER.spend(4)
        index = concrete(given)
        if isinstance(item, Found):
            if item.value is None:
                raise CallFault("index of nil pointer")
            item = item.value
        if isinstance(item, dict):
            if index is NOTHING:
                raise CallFault("value is nil; should be of type string")
            if type(index) is not str:
                raise CallFault(f"value has type {go_type(index)}; should be string")
            item = Found(item.get(index))
        elif isinstance(item, str | list):
            raw = to_bytes(item) if isinstance(item, str) else item
            at = _position(index, len(raw))
            if at == len(raw):
                kind = "string" if isinstance(item, str) else "slice"
                raise CallFault(f"reflect: {kind} index out of range")
            item = Byte(raw[at]) if isinstance(raw, bytes) else Found(raw[at])
        else:
            raise CallFault(f"can't index item of type {go_type(item)}")
    return item


_GROWS_BY_HALF: Final = 512
"""From here on Go's arrays no longer double as they are read."""


def _capacity(items: Sequence[Any]) -> int:
    """How many elements Go has made room for: those behind the last are null, and can be sliced."""
    size = len(items)
    return size if size > _GROWS_BY_HALF or not size else 1 << (size - 1).bit_length()


def _slice(values: list[Given]) -> Given:
    item = concrete(values[0])
    if item is NOTHING:
        raise CallFault("slice of untyped nil")
    indexes = values[1:]
    if len(indexes) > 3:
        raise CallFault(f"too many slice indexes: {len(indexes)}")
    if isinstance(item, str):
        if len(indexes) == 3:
            raise CallFault("cannot 3-index slice a string")
        raw: Any = to_bytes(item)
        most = len(raw)
    elif isinstance(item, list):
        raw, most = item, _capacity(item)
    else:
        raise CallFault(f"can't slice item of type {go_type(item)}")
    bounds = [0, len(raw), most]
    for i, index in enumerate(indexes):
        bounds[i] = _position(index, most)
    if bounds[0] > bounds[1]:
        raise CallFault(f"invalid slice index: {bounds[0]} > {bounds[1]}")
    if len(indexes) == 3 and bounds[1] > bounds[2]:
        raise CallFault(f"invalid slice index: {bounds[1]} > {bounds[2]}")
    METER.spend(bounds[1], 16 * bounds[1])
    if isinstance(raw, bytes):
        made = from_bytes(raw[bounds[0] : bounds[1]])
        return type(item)(made)
    return [*raw, *[None] * (most - len(raw))][bounds[0] : bounds[1]]


def _call(values: list[Given]) -> Given:
    """There are no functions among values."""
    name, function = values[0], concrete(values[1])
    if function is NOTHING:
        raise CallFault("call of nil")
    raise CallFault(f"non-function {name} of type {go_type(function)}")


# --- comparison ----------------------------------------------------------------------------------

_BASIC: Final = (bool, complex, int, float, str)


def _basic(value: Given) -> str:
    """The kind in which values are compared; empty for those that are not."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, Byte):
        return "uint"
    return next((kind.__name__ for kind in _BASIC if isinstance(value, kind)), "")


def _same_kinds(a: Given, b: Given) -> bool:
    kinds = {_basic(a), _basic(b)}
    return len(kinds) == 1 or kinds == {"int", "uint"}


def _incompatible(a: Given, b: Given) -> CallFault:
    return CallFault(f"incompatible types for comparison: {go_type(a)} and {go_type(b)}")


def _equal(values: list[Given]) -> bool:
    first = concrete(values[0])
    if len(values) == 1:
        raise CallFault("missing argument for comparison")
    return any(_are_equal(first, concrete(other)) for other in values[1:])


def _are_equal(a: Given, b: Given) -> bool:
    METER.spend(4)
    if not _same_kinds(a, b):
        if a is not NOTHING and b is not NOTHING:
            raise _incompatible(a, b)
        return False
    if _basic(a):
        return bool(a == b)
    if a is NOTHING or b is NOTHING:
        return a is b
    if type(a) is not type(b):
        shown = f"{_under_s(a)}: {go_type(a)}, {go_type(b)}: {text_of(b)}"
        raise CallFault(f"non-comparable types {shown}")
    raise CallFault(f"non-comparable type {_under_s(b)}: {go_type(b)}")


def _under_s(value: Given) -> str:
    return Printer(METERED, []).format(value, "s", set(), None, None)


def _less(values: list[Given]) -> bool:
    a, b = concrete(values[0]), concrete(values[1])
    if not _basic(a) or not _basic(b):
        raise CallFault("invalid type for comparison")
    if not _same_kinds(a, b):
        raise _incompatible(a, b)
    if isinstance(a, bool | complex):
        raise CallFault("invalid type for comparison")
    return bool(a < b)


def _less_or_equal(values: list[Given]) -> bool:
    return _less(values) or _equal(values)


# --- texts ---------------------------------------------------------------------------------------

_HTML: Final = str.maketrans({"\x00": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS: Final = {"\\": "\\\\", "'": "\\'", '"': '\\"'}
_JS_SPECIAL: Final = re.compile("[\\\\'\"<>&=\x00-\x1f\x80-\U0010ffff]")


def _joined(values: list[Given]) -> str:
    printable = ["<no value>" if _is_nil(v) else v for v in values]
    text = sprint(printable)
    METER.spend(len(text) >> 2, 8 * len(text))
    return text


def _is_nil(value: Given) -> bool:
    return value is NOTHING or (isinstance(value, Found) and value.value is None)


def _html(values: list[Given]) -> str:
    return _joined(values).translate(_HTML)


def _js(values: list[Given]) -> str:
    return _JS_SPECIAL.sub(_js_escaped, _joined(values))


def _js_escaped(match: re.Match[str]) -> str:
    char = match.group()
    if char in _JS:
        return _JS[char]
    if char >= "\x80" and char.isprintable():
        return char
    return f"\\u{0xFFFD if 0xD800 <= ord(char) < 0xE000 else ord(char):04X}"


def _urlquery(values: list[Given]) -> str:
    return quote_plus(to_bytes(_joined(values)), safe="")


def _printf(values: list[Given]) -> str:
    METER.spend(len(values[0]) >> 2, 8 * len(values[0]))
    arguments: list[Any] = [v.value if isinstance(v, Found) else None if v is NOTHING else v for v in values[1:]]
    return Printer(METERED, arguments).run(values[0])


def _println(values: list[Given]) -> str:
    texts = [text_of(v) for v in values]
    METER.spend(len(texts), 2 * sum(map(len, texts)))
    return " ".join(texts) + "\n"


FUNCTIONS: Final[Mapping[str, Function]] = {
    "and": Function(lambda _: NOTHING, 1, variadic=True),
    "or": Function(lambda _: NOTHING, 1, variadic=True),
    "not": Function(lambda values: not is_true(values[0]), 1),
    "len": Function(_length, 1),
    "index": Function(_index, 1, variadic=True),
    "slice": Function(_slice, 1, variadic=True),
    "call": Function(_call, 1, variadic=True),
    "eq": Function(_equal, 1, variadic=True),
    "ne": Function(lambda values: not _equal(values), 2),
    "lt": Function(_less, 2),
    "le": Function(_less_or_equal, 2),
    "gt": Function(lambda values: not _less_or_equal(values), 2),
    "ge": Function(lambda values: not _less(values), 2),
    "html": Function(_html, 0, variadic=True),
    "js": Function(_js, 0, variadic=True),
    "urlquery": Function(_urlquery, 0, variadic=True),
    "print": Function(sprint, 0, variadic=True),
    "println": Function(_println, 0, variadic=True),
    "printf": Function(_printf, 1, variadic=True, text_first=True),
}
"""By name; ``and`` and ``or`` are evaluated where they stand, since they look no further than they must."""
