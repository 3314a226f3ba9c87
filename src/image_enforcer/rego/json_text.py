"""JSON text to values and back, exactly: numbers keep their text, keys come out in order, hostile text is refused."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from .errors import LimitError
from .json_quick import quick_json
from .meter import LARGE, METER, make_room
from .packed import Branch, Packed, branched
from .text import term
from .values import Num, RegoSet, Value, integer, integer_text, sorted_keys, unkey

MAX_DEPTH: Final = 512
"""How deep documents may nest."""

MAX_EXPONENT: Final = 30_103
"""Decimal exponents beyond this one are refused, as OPA refuses binary ones beyond 100,000."""

MAX_TEXT: Final = 256 << 20
"""How many characters of JSON text are written at most, about."""

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
    if _too_deep(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        if b"-0" in raw and _MINUS_ZERO.search(raw):
            return _slowly(raw)
        return _DECODER.decode(raw)
    except msgspec.DecodeError as e:
        if _SURROGATE.search(raw):
            return _slowly(raw)
        raise ValueError(str(e)) from None


LARGE_DOCUMENT: Final = 4 << 20
"""Bytes of text from which on a document's large objects are packed."""

_LARGE_OBJECT: Final = 4 << 20
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
        return _packed(raw, min(least, _LARGE_OBJECT))
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
    if b"-0" in raw and _MINUS_ZERO.search(raw):
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
    if b"\\" in raw:
        raw = _ESCAPED.sub(b"", raw)
    marks = bytearray()
    for at in range(0, len(raw), _PART):
        marks += raw[at : at + _PART].translate(_SQUARE, _NO_MARK)
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

_ESCAPE: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029<>&\ud800-\udfff]')
_ESCAPE_PLAIN: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _escaped(match: re.Match[str]) -> str:
    c = match.group()
    if "\ud800" <= c <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(c) or f"\\u{ord(c):04x}"


def quote(text: str, html_safe: bool = True) -> str:
    """A JSON string as Go writes it: ``<``, ``>`` and ``&`` as escapes where ``html_safe``."""
    pattern = _ESCAPE if html_safe else _ESCAPE_PLAIN
    return f'"{text}"' if pattern.search(text) is None else f'"{pattern.sub(_escaped, text)}"'


def key_text(k: Any) -> str:
    """An object's key, in key form, as the string that JSON has for it."""
    return k if type(k) is str else to_json(unkey(k)) if type(k) is not int and k is not None else to_json(k)


def to_json(value: Value, indent: int | None = None, html_safe: bool = True, most: int = MAX_TEXT) -> str:
    """A value as JSON text: keys in order, sets as arrays in Rego's order, keys that are no strings as JSON text.

    Raises ``LimitError`` (kind ``output``) where the text would have more than about ``most`` characters or nest
    too deep: a small value can be a long text, since its parts may be one and the same.
    """
    if indent is None and html_safe and most == MAX_TEXT:
        made = quick_json(value)
        if made is not None:
            return made
    writer = _Writer("\n" if indent is not None else "", " " * (indent or 0), html_safe, most)
    payer = METER.payer
    if payer is None:
        METER.payer = writer
    try:
        return writer.text(value, writer.newline)
    except RecursionError:
        if make_room():
            return to_json(value, indent, html_safe, most)
        raise LimitError("depth", "a value nests too deep to be written") from None
    finally:
        METER.payer = payer


class _Writer:
    """Writes one text, counting its characters before they are put together."""

    __slots__ = ("escape", "html_safe", "left", "most", "newline", "step", "work")

    def __init__(self, newline: str, step: str, html_safe: bool, most: int) -> None:
        self.newline = newline
        self.step = step
        self.html_safe = html_safe
        self.escape = _ESCAPE if html_safe else _ESCAPE_PLAIN
        self.most = self.left = most
        self.work = most >> 3

    def _count(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise LimitError("output", f"a text of more than {self.most} characters")

    def spend(self, steps: int, size: int = 0) -> None:  # noqa: ARG002 - the text itself is what is counted
        """Where no evaluation does: pay for the sorting of sets within sets, whose parts may be one and the same."""
        self.work -= steps
        if self.work < 0:
            raise LimitError("output", f"a text of more than {self.most} characters, or as much work")

    def text(self, value: Value, newline: str) -> str:
        """A value's text; ``newline`` is a line break and the indentation, or empty."""
        t = type(value)
        if t is str:
            self._count(len(value) + 4)
            if len(value) > LARGE:
                METER.spend(len(value) >> 2, 10 * len(value) if self.escape.search(value) else len(value))
            return f'"{value}"' if self.escape.search(value) is None else quote(value, self.html_safe)
        if value is None:
            return "null"
        if t is bool:
            return "true" if value else "false"
        if t is int:
            return integer_text(value)
        if t is Num:
            return str(value.text)
        if t is dict or t is Branch:
            return self._object(value, newline)
        if t is list:
            return self._array(value, newline)
        if t is RegoSet:
            return self._array(value.sorted(), newline)
        if t is Packed:
            return self._packed(value, newline)
        return self.text(value.to_value(), newline)

    def _packed(self, value: Packed, newline: str) -> str:
        """Member by member: none of them is kept."""
        inner = newline + self.step if newline else ""
        size = len(value) * (len(inner) + 8)
        self._count(size)
        METER.spend(len(value), 2 * size)
        colon = ": " if newline else ":"
        texts = [f"{quote(k, self.html_safe)}{colon}{self.text(value.once(k), inner)}" for k in sorted(value.keys())]
        return f"{{{inner}{f',{inner}'.join(texts)}{newline}}}" if texts else "{}"

    def _array(self, items: list[Value], newline: str) -> str:
        if not items:
            return "[]"
        inner = newline + self.step if newline else ""
        size = len(items) * (len(inner) + 4)
        self._count(size)
        METER.spend(len(items), 2 * size)
        texts = [self.text(i, inner) for i in items]
        return f"[{inner}{f',{inner}'.join(texts)}{newline}]"

    def _object(self, value: dict[Any, Value], newline: str) -> str:
        if not value:
            return "{}"
        inner = newline + self.step if newline else ""
        size = len(value) * (len(inner) + 8)
        self._count(size)
        METER.spend(len(value), 2 * size)
        try:
            keys = sorted(value)
            plain = self.escape.search("".join(keys)) is None
        except TypeError:
            value = {key_text(k): value[k] for k in sorted_keys(value)}
            keys = sorted(value)
            plain = False
        colon = ": " if newline else ":"
        texts: list[str] = []
        for k in keys:
            v = value[k]
            text = "true" if v is True else "false" if v is False else self.text(v, inner)
            texts.append(f'"{k}"{colon}{text}' if plain else f"{quote(k, self.html_safe)}{colon}{text}")
        return f"{{{inner}{f',{inner}'.join(texts)}{newline}}}"


__all__ = ["MAX_DEPTH", "MAX_TEXT", "from_json", "key_text", "packed_from_json", "quote", "term", "to_json"]
