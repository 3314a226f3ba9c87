"""Values inside templates: those of Go that JSON and literals come to, and how Go prints them.

A string of JSON's numbers is a :class:`JsonNumber`: Go's ``json.Number``, a kind of string. What was found in an object
or array is :class:`Found`, an interface of Go's, until a pipeline hands it on; it may hold ``None``. ``NOTHING`` is no
value at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from ...errors import BuiltinError
from ...meter import CELL, ENTRY, LARGE, METER
from ...text import quoted, term
from ...values import Num, RegoSet, Value, sorted_keys, unkey
from ..json_literals import is_odd
from ..sprintf import Formatter

METERED: Final[Any] = METER
"""The context of formatters, which ask no more of it than to be charged."""


class JsonNumber(str):
    """The text of a number."""

    __slots__ = ()


class Byte(int):
    """A byte of a string."""

    __slots__ = ()


class Nothing:
    """The type of :data:`NOTHING`."""

    __slots__ = ()


NOTHING: Final = Nothing()
"""What a key that is not there leads to."""


@dataclass(frozen=True, slots=True)
class Found:
    """What an element or a key leads to."""

    value: Any


Given = Any
"""A value, something found, or nothing."""


def concrete(value: Given) -> Given:
    """What was found itself; nothing for ``null``."""
    if isinstance(value, Found):
        return NOTHING if value.value is None else value.value
    return value


class OddNumberError(Exception):
    """A number that JSON has no way to write."""


def from_rego(value: Value) -> Any:
    """JSON as Go decodes it; raises :class:`BuiltinError` for what OPA's text of it is no JSON for.

    Raises :class:`OddNumberError` for a number whose text is not that of JSON.
    """
    if type(value) is int:
        return JsonNumber(str(value)) if abs(value) < 1 << 1024 else JsonNumber(term(value))
    if type(value) is Num:
        if is_odd(value):
            raise OddNumberError
        return JsonNumber(value.text)
    if type(value) is list:
        METER.spend(len(value), CELL * len(value))
        return [from_rego(v) for v in value]
    if type(value) is dict:
        METER.spend(len(value), ENTRY * len(value))
        for k in sorted_keys(value):
            if type(k) is not str:
                raise _no_json(unkey(k))
            _check_text(k)
        return {k: from_rego(value[k]) for k in sorted_keys(value)}
    if type(value) is RegoSet:
        members = value.sorted()
        if not members:
            raise BuiltinError("invalid character 's' looking for beginning of value")
        if type(members[0]) is str:
            raise BuiltinError(f"invalid character '{',' if len(members) > 1 else '}'}' after object key")
        raise _no_json(members[0])
    if type(value) is str:
        _check_text(value)
    return value


_NO_JSON_ESCAPE: Final = re.compile(r"\\\\|\\([avxU])")
"""What Go's texts of strings have and JSON has not; pairs of backslashes are passed over."""


def _check_text(text: str) -> None:
    if text.isprintable():
        return
    METER.spend(len(text) >> 2, 4 * len(text))
    for found in _NO_JSON_ESCAPE.finditer(quoted(text)):
        if found.group(1):
            raise BuiltinError(f"invalid character '{found.group(1)}' in string escape code")


def _no_json(key: Value) -> BuiltinError:
    return BuiltinError(f"invalid character '{term(key)[:1]}' looking for beginning of object key string")


_TYPES: Final[tuple[tuple[type[Any], str], ...]] = (
    (JsonNumber, "json.Number"),
    (str, "string"),
    (bool, "bool"),
    (Byte, "uint8"),
    (int, "int"),
    (float, "float64"),
    (complex, "complex128"),
    (list, "[]interface {}"),
    (dict, "map[string]interface {}"),
    (Found, "interface {}"),
)


def go_type(value: Given) -> str:
    """The name of a value's type."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "<nil>")


def is_true(value: Given) -> bool:
    """Whether ``if`` takes it for true: everything but zero and what is empty."""
    value = concrete(value)
    return value is not NOTHING and bool(value)


class Printer(Formatter):
    """Go's ``fmt`` for these values."""

    def with_type(self, arg: Any) -> str:
        """An argument that no verb asks for."""
        return "<nil>" if arg is None else super().with_type(arg)

    def type_name(self, arg: Any) -> str:
        """The name of an argument's type."""
        return go_type(arg)

    def format(self, arg: Any, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        """One argument under one verb."""
        if isinstance(arg, Found):
            arg = arg.value
        if isinstance(arg, str) and len(arg) > LARGE:
            METER.spend(len(arg) >> 4, 8 * len(arg))
        if verb == "T":
            return super().format("<nil>" if arg is None else go_type(arg), "s", flags, width, precision)
        if verb == "p" and isinstance(arg, list | dict):
            raise BuiltinError("the address of a value is not known")
        match arg:
            case None | Nothing():
                return super().format("<nil>", "s", flags, width, precision) if verb == "v" else f"%!{verb}(<nil>)"
            case bool():
                text = super().format("true" if arg else "false", "s", flags - {"0", "#v"}, width, None)
                return text if verb in ("t", "v") else f"%!{verb}(bool={text})"
            case list():
                return self._several(arg, verb, flags, width, precision)
            case dict():
                return self._pairs(arg, verb, flags, width, precision)
            case complex():
                return self._complex(arg, verb, flags, width, precision)
        return super().format(arg, verb, flags, width, precision)

    def _inner(self, arg: Any, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if arg is None:
            return "interface {}(nil)" if "#v" in flags else "<nil>"
        return self.format(arg, verb, flags, width, precision)

    def _several(self, arg: list[Any], verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        METER.spend(len(arg), CELL * len(arg))
        items = [self._inner(item, verb, flags, width, precision) for item in arg]
        METER.spend(0, sum(map(len, items)))
        if "#v" in flags:
            return f"[]interface {{}}{{{', '.join(items)}}}"
        return f"[{' '.join(items)}]"

    def _pairs(self, arg: dict[str, Any], verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        METER.spend(len(arg), ENTRY * len(arg))
        pairs = [
            f"{self._inner(k, verb, flags, width, precision)}:{self._inner(arg[k], verb, flags, width, precision)}"
            for k in sorted(arg)
        ]
        METER.spend(0, sum(map(len, pairs)))
        if "#v" in flags:
            return f"map[string]interface {{}}{{{', '.join(pairs)}}}"
        return f"map[{' '.join(pairs)}]"

    def _complex(self, arg: complex, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if verb not in "vbgGxXfFeE":
            return f"%!{verb}(complex128={self._complex(arg, 'v', flags, width, precision)})"
        real = super().format(arg.real, verb, flags, width, precision)
        return f"({real}{super().format(arg.imag, verb, flags | {'+'}, width, precision)}i)"


def text_of(value: Given) -> str:
    """A value as ``fmt.Sprint`` prints it."""
    if type(value) is str:
        return value
    return Printer(METERED, []).format(value, "v", set(), None, None)


def sprint(values: list[Given]) -> str:
    """Values one after the other; a space between those that are no strings."""
    out: list[str] = []
    before: Any = ""
    for i, value in enumerate(values):
        if isinstance(value, Found):
            value = value.value
        if i and not isinstance(value, str) and not isinstance(before, str):
            out.append(" ")
        out.append(text_of(value))
        before = value
    METER.spend(len(out), 2 * sum(map(len, out)))
    return "".join(out)
