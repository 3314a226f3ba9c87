"""The first JSON value of a body, as a Go decoder reads it: what follows is ignored, faults are told in its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ...rego import Value, from_json
from ...rego.json_text import MAX_DEPTH

_SPACE: Final = re.compile(rb"[ \t\r\n]*")
# A run and an escape at a time: a repeated group would keep a place to go back to for each of its turns.
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_ESCAPE: Final = re.compile(rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_HALF_ESCAPE: Final = re.compile(rb"u[0-9a-fA-F]{0,3}")
_NUMBER: Final = re.compile(rb"(-?(?:0|[1-9][0-9]*)?)((?:\.[0-9]*)?)((?:[eE][+-]?[0-9]*)?)")
_LITERALS: Final = {b"t": b"true", b"f": b"false", b"n": b"null"}
_ESCAPES: Final = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SURROGATE: Final = re.compile("[\udc80-\udcff]")
_GO_ESCAPES: Final = {
    7: "\\a",
    8: "\\b",
    9: "\\t",
    10: "\\n",
    11: "\\v",
    12: "\\f",
    13: "\\r",
    34: '"',
    39: "\\'",
    92: "\\\\",
}


class JsonFault(ValueError):
    """Text that is no JSON value; the message is Go's."""


def first_value(raw: bytes, decode: Callable[[bytes], Value] = from_json) -> Value:
    """The first value of a text; raises :class:`JsonFault`, with ``EOF`` where there is nothing at all.

    ``decode`` is asked first, for texts that hold one value and nothing else.
    """
    try:
        return decode(raw)
    except ValueError:
        pass
    text = raw[slice(*_extent(raw))]
    try:
        return from_json(_sound(text))
    except ValueError as e:
        raise JsonFault(str(e)) from None


def _sound(text: bytes) -> bytes:
    """With U+FFFD for each byte that is not UTF-8 and for each half of a surrogate pair."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        text = _SURROGATE.sub("\ufffd", text.decode("utf-8", "surrogateescape")).encode("utf-8")
    if b"\\u" not in text:
        return text
    return _ESCAPES.sub(lambda m: b"\\ufffd" if m.group(2) else m.group(), text)


def _extent(raw: bytes) -> tuple[int, int]:
    """Where the first value begins and ends."""
    at = start = _skip(raw, 0)
    if at == len(raw):
        raise JsonFault("EOF")
    stack: list[int] = []
    expected = "value"
    while True:
        if at >= len(raw):
            raise JsonFault("unexpected EOF")
        byte = raw[at]
        if expected == "separator":
            inside = stack[-1]
            if byte == 0x2C:
                expected = "key" if inside == 0x7B else "value"
                at += 1
            elif byte == (0x7D if inside == 0x7B else 0x5D):
                stack.pop()
                at += 1
            else:
                raise _unexpected(byte, "after object key:value pair" if inside == 0x7B else "after array element")
        elif expected in ("key", "first key"):
            if byte == 0x7D and expected == "first key":
                stack.pop()
                at += 1
                expected = "separator"
            elif byte == 0x22:
                at = _skip(raw, _string(raw, at))
                if at >= len(raw):
                    raise JsonFault("unexpected EOF")
                if raw[at] != 0x3A:
                    raise _unexpected(raw[at], "after object key")
                at += 1
                expected = "value"
            else:
                raise _unexpected(byte, "looking for beginning of object key string")
        elif byte == 0x5D and expected == "first element":
            stack.pop()
            at += 1
            expected = "separator"
        elif byte in b"{[":
            stack.append(byte)
            if len(stack) > MAX_DEPTH:
                raise JsonFault(f"nested deeper than {MAX_DEPTH} levels")
            at += 1
            expected = "first key" if byte == 0x7B else "first element"
        else:
            at = _scalar(raw, at)
            expected = "separator"
        if expected == "separator" and not stack:
            return start, at
        at = _skip(raw, at)


def _skip(raw: bytes, at: int) -> int:
    found = _SPACE.match(raw, at)
    return at if found is None else found.end()


def _scalar(raw: bytes, at: int) -> int:
    first = raw[at : at + 1]
    if first == b'"':
        return _string(raw, at)
    literal = _LITERALS.get(first)
    if literal is not None:
        for i, wanted in enumerate(literal):
            if at + i >= len(raw):
                raise JsonFault("unexpected EOF")
            if raw[at + i] != wanted:
                raise _unexpected(raw[at + i], f"in literal {literal.decode()} (expecting {chr(wanted)!r})")
        return at + len(literal)
    if first == b"-" or first.isdigit():
        return _number(raw, at)
    raise _unexpected(raw[at], "looking for beginning of value")


def _number(raw: bytes, at: int) -> int:
    found = _NUMBER.match(raw, at)
    assert found is not None
    whole, fraction, exponent = found.groups()
    if whole == b"-":
        raise _at(raw, at + 1, "in numeric literal")
    if fraction == b".":
        raise _at(raw, found.end(2), "after decimal point in numeric literal")
    if exponent and not exponent[-1:].isdigit():
        raise _at(raw, found.end(), "in exponent of numeric literal")
    return found.end()


def _run(raw: bytes, at: int) -> int:
    found = _PLAIN.match(raw, at)
    return at if found is None else found.end()


def _string(raw: bytes, at: int) -> int:
    end = _run(raw, at + 1)
    while (escape := _ESCAPE.match(raw, end)) is not None:
        end = _run(raw, escape.end())
    if raw[end : end + 1] == b'"':
        return end + 1
    if raw[end : end + 1] != b"\\":
        raise _at(raw, end, "in string literal")
    half = _HALF_ESCAPE.match(raw, end + 1)
    if half is None:
        raise _at(raw, end + 1, "in string escape code")
    raise _at(raw, half.end(), "in \\u hexadecimal character escape")


def _at(raw: bytes, at: int, context: str) -> JsonFault:
    return _unexpected(raw[at], context) if at < len(raw) else JsonFault("unexpected EOF")


def _unexpected(byte: int, context: str) -> JsonFault:
    return JsonFault(f"invalid character '{go_char(byte)}' {context}")


def go_char(byte: int) -> str:
    """A byte as Go quotes the character of that number."""
    if byte in _GO_ESCAPES:
        return _GO_ESCAPES[byte]
    if byte < 0x20 or byte == 0x7F:
        return f"\\x{byte:02x}"
    if 0x80 <= byte <= 0xA0 or byte == 0xAD:
        return f"\\u{byte:04x}"
    return chr(byte)
