"""JSON text to values and back, exactly: numbers keep their text, keys come out in order, hostile text is refused."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from . import json_quick
from .json_output import MAX_TEXT, key_text, quote, to_json
from .packed import Packed, branched
from .text import term
from .values import Num, Value, integer

MAX_DEPTH: Final = 512
"""How deep documents may nest."""

MAX_EXPONENT: Final = 30_103
"""Decimal exponents beyond this one are refused, as OPA refuses binary ones beyond 100,000."""

_HALF: Final = re.compile("[\ud800-\udfff]")
_MINUS_ZERO: Final = re.compile(rb"-0(?![0-9.eE])")


def _float(text: str) -> Num:
    try:
        made = Num(text)
    except ArithmeticError:
        raise ValueError(f"number out of range: {text[:40]}") from None
    if made and abs(made.adjusted()) > MAX_EXPONENT:
        raise ValueError("invalid number: number too big")
    return made


_DECODER: Final = msgspec.json.Decoder(float_hook=_float)


def from_json(text: str | bytes) -> Value:
    """The value of a JSON document; raises :class:`ValueError` with a reason and a place.

    Of a key given twice the last value stays; half of a surrogate pair becomes U+FFFD, as do bytes that are no UTF-8.
    """
    raw = _HALF.sub("\ufffd", text).encode() if isinstance(text, str) else bytes(text)
    if len(raw) > _FLAT and _too_deep(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        if raw.find(b"-0") >= 0 and _MINUS_ZERO.search(raw):
            return _slowly(raw)
        return _DECODER.decode(raw)
    except msgspec.DecodeError as e:
        if _SURROGATE.search(raw):
            return _slowly(raw)
        raise ValueError(str(e)) from None


_FLAT: Final = 2 * MAX_DEPTH
"""Bytes that are too few for documents that nest too deep."""

LARGE_DOCUMENT: Final = 4 << 20
"""Bytes of text from which on a document's large objects are packed."""

LARGE_OBJECT: Final = 4 << 20
"""Bytes of text from which on an object in such a document is packed."""

_MANY: Final = 64
_TINY: Final = 48
_TEXTS: Final = msgspec.json.Decoder(type=dict[str, msgspec.Raw])


def packed_from_json(text: str | bytes, least: int = LARGE_DOCUMENT) -> Value:
    """:func:`from_json`, save that large objects of a document of ``least`` bytes stay text until they are asked for.

    The whole text is looked at, and what is wrong with it said, here and now.
    """
    raw = _HALF.sub("\ufffd", text).encode() if isinstance(text, str) else bytes(text)
    if len(raw) < least:
        return from_json(raw)
    if _too_deep(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return _packed(raw, min(least, LARGE_OBJECT))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return from_json(raw)


def _packed(raw: bytes | msgspec.Raw, least: int) -> Value:
    size = len(memoryview(raw))
    if size < least or bytes(memoryview(raw)[:64]).lstrip(b" \t\r\n")[:1] != b"{":
        return _piece(raw)
    entries: dict[str, Any] = _TEXTS.decode(raw)
    many = len(entries) >= min(_MANY, least)
    for k, text in entries.items():
        length = len(memoryview(text))
        if length >= least:
            entries[k] = _packed(text, least)
        elif many and length > min(_TINY, least):
            _piece(text)  # whether it can be read is said now
        else:
            entries[k] = _piece(text)
    if many:
        return Packed.of(entries, msgspec.Raw, _piece, size)
    return branched(entries)


def _piece(text: bytes | msgspec.Raw) -> Value:
    """The value of a part of a document that does not nest too deep."""
    raw = bytes(text)
    if raw.find(b"-0") >= 0 and _MINUS_ZERO.search(raw):
        return _slowly(raw)
    return _DECODER.decode(raw)


def _slowly(raw: bytes) -> Value:
    """The value, by a decoder that lets us see integers and takes half pairs, once they are made whole."""
    try:
        return json.loads(
            _SURROGATE.sub(_whole_pair, raw), parse_float=_float, parse_int=_int, parse_constant=_no_constant
        )
    except (RecursionError, UnicodeDecodeError) as e:
        raise ValueError(f"unreadable JSON: {e}") from None


_SURROGATE: Final = re.compile(
    rb"\\(?:u[dD][89aAbB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|[^u])",
    re.DOTALL,
)


def _whole_pair(match: re.Match[bytes]) -> bytes:
    return match.group() if match.group("half") is None else b"\\ufffd"


def as_written(value: object) -> msgspec.Raw | dict[str, Value]:
    """A number that is no integer, as it was written, or a packed object: what encoders of msgspec do not know.

    Raises :class:`TypeError` for what no JSON document holds.
    """
    if isinstance(value, Packed):
        return dict(value.items())
    if not isinstance(value, Num):
        raise TypeError(f"{type(value).__name__} is no JSON value")
    return msgspec.Raw(value.text.encode())


def _no_constant(name: str) -> Value:
    raise ValueError(f"{name} is no JSON value")


def _int(text: str) -> int | Num:
    return Num(text) if text == "-0" else integer(text)


def _too_deep(raw: bytes) -> bool:
    """Whether brackets nest too deep; a cheap count first, the exact one only where it may matter.

    Only brackets and quotes are kept, strings taken out, and then innermost pairs, one level at a time: all of it in C,
    since documents may be large. In text that is no JSON, brackets left without a partner count as levels.
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    marks = bytearray()
    at = 0
    while at < len(raw):
        end = at + _PART
        while raw[end - 1 : end] == b"\\":  # what stands behind it belongs to it
            end += 1
        part = raw[at:end]
        marks += (_ESCAPED.sub(b"", part) if b"\\" in part else part).translate(_SQUARE, _NO_MARK)
        at = end
    left = _STRING.sub(b"", marks.replace(b'""', b""))
    for level in range(MAX_DEPTH):
        inner = left.replace(b"[]", b"")
        if len(inner) == len(left):
            return level + left.count(b"[") > MAX_DEPTH
        left = inner
    return left.count(b"[") > 0


_PART: Final = 1 << 20
_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
_STRING: Final = re.compile(rb'"[^"]*"?')
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_MARK: Final = bytes(b for b in range(256) if b not in b'[]{}"')


__all__ = [
    "MAX_DEPTH", "MAX_TEXT", "from_json", "json_quick", "key_text", "packed_from_json", "quote", "term", "to_json",
]  # fmt: skip
