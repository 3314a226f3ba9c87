"""Values as Rego text: what error messages, ``print`` and ``sprintf("%v")`` show."""

from __future__ import annotations

from .meter import CELL, LARGE, METER
from .values import Num, RegoSet, integer_text, sorted_keys, unkey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from .values import Value

_ESCAPES: Final = {
    '"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip


def quoted(text: str) -> str:
    """A string in double quotes as Go writes it: what cannot be printed is escaped."""
    if text.isprintable():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join([_escape(c) for c in text]) + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code < 0xDD00:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def term(value: Value) -> str:
    """A value as OPA prints terms: ``{"a", "b"}`` for sets, ``set()`` for the empty one, objects in key order."""
    t = type(value)
    if value is None:
        return "null"
    if t is bool:
        return "true" if value else "false"
    if t is int:
        return integer_text(value)
    if t is Num:
        return str(value.text)
    if t is str:
        if len(value) > LARGE:
            METER.spend(len(value) >> 1, 2 * len(value) if value.isprintable() else 10 * len(value))
        return quoted(value)
    if t is list or t is dict:
        METER.spend(len(value) + 2, (len(value) + 2) * CELL)
    if t is list:
        return "[" + ", ".join([term(v) for v in value]) + "]"
    if t is RegoSet:
        return "{" + ", ".join([term(v) for v in value]) + "}" if len(value) else "set()"
    if t is dict:
        return "{" + ", ".join([f"{term(unkey(k))}: {term(value[k])}" for k in sorted_keys(value)]) + "}"
    return term(value.to_value())
