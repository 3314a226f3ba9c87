"""JSON text as Go's decoder reads a stream: the first value, pairs as they are written, Go's words for faults."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from ..errors import BuiltinError, LimitError
from ..meter import METER
from ..text import quoted
from .byte_texts import as_utf8, to_bytes

MAX_DEPTH: Final = 500
"""How deep a text may nest here."""

GO_DEPTH: Final = 10_000
"""How deep it may nest in Go."""

_SPACE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Pairs:
    """An object as it is written: names may come twice."""

    items: tuple[tuple[str, Any], ...]

    def get(self, name: str) -> Any:
        """The last value of a name, None where it is not there or null."""
        return next((v for k, v in reversed(self.items) if k == name), None)


class _Refused(Exception):
    """A constant that JSON does not have."""


def _refuse(_name: str) -> Any:
    raise _Refused


@dataclass(frozen=True, slots=True)
class _Number:
    """A number's text: nobody here computes with it."""

    text: str


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=lambda pairs: Pairs(tuple(pairs)),
    parse_float=_Number,
    parse_int=_Number,
    parse_constant=_refuse,
)


def first_value(text: str) -> tuple[Any, str]:
    """The first value of a text and what follows it.

    Raises :class:`BuiltinError`, and :class:`LimitError` for what Go reads and nests too deep here.
    """
    METER.spend(len(text) >> 3, 20 * len(text))
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if text.count("[") + text.count("{") > MAX_DEPTH and (depth := _depth(text)) > MAX_DEPTH:
        if depth > GO_DEPTH:
            raise BuiltinError("exceeded max depth")
        raise LimitError("depth", f"JSON text nests deeper than {MAX_DEPTH} levels")
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, _Refused, RecursionError):
        raise BuiltinError(fault(text)) from None
    rest = text[end:]
    if isinstance(value, _Number) and rest.startswith((".", "e", "E")):  # Python stops before what goes wrong in it
        wrong = _found(text)
        if wrong is not None:
            raise BuiltinError(wrong)
    return value, rest


def _depth(text: str) -> int:
    METER.spend(len(text))
    deepest = depth = 0
    for found in _MARK.finditer(text):
        if found.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif found.group() in "]}":
            depth -= 1
    return deepest


_MARK: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


def kind(value: Any) -> str:
    """What Go calls a value in its complaints."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "string"
        case Pairs():
            return "object"
        case list():
            return "array"
        case _:
            return "number"


def fault(text: str) -> str:
    """What Go's scanner says to a text whose first value is not well formed."""
    return _found(text) or "unexpected EOF"


def _found(text: str) -> str | None:
    raw = to_bytes(text)
    METER.spend(2 * len(raw))
    try:
        _Scanner(raw).value()
    except _At as found:
        return str(found)
    return None


class _At(Exception):
    """The fault that was found."""


def shown(byte: int) -> str:
    """A byte between single quotes."""
    if byte == ord("'"):
        return "'\\''"
    if byte == ord('"'):
        return "'\"'"
    return f"'{quoted(chr(byte))[1:-1]}'"


_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_ESCAPES: Final = frozenset(b'bfnrt\\/"')
_DIGITS: Final = frozenset(b"0123456789")


class _Scanner:
    """Walks over one value, and stops at the first byte that cannot be."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def peek(self) -> int:
        if self.at >= len(self.raw):
            raise _At("unexpected EOF" if self.raw.strip(_SPACE) else "EOF")
        return self.raw[self.at]

    def space(self) -> int:
        while self.peek() in _SPACE:
            self.at += 1
        return self.peek()

    def bad(self, context: str) -> _At:
        return _At(f"invalid character {shown(self.peek())} {context}")

    def value(self) -> None:
        closing: list[int] = []
        while True:
            self.begin(closing)
            if not self.end(closing):
                return

    def begin(self, closing: list[int]) -> None:
        """From where a value has to begin down to the first that holds none, or is empty."""
        while True:
            c = self.space()
            if c == ord("["):
                self.at += 1
                closing.append(ord("]"))
                if self.space() == ord("]"):
                    return
            elif c == ord("{"):
                self.at += 1
                closing.append(ord("}"))
                if self.space() == ord("}"):
                    return
                self.name()
            else:
                self.scalar(c)
                return

    def name(self) -> None:
        if self.space() != ord('"'):
            raise self.bad("looking for beginning of object key string")
        self.string()
        if self.space() != ord(":"):
            raise self.bad("after object key")
        self.at += 1

    def end(self, closing: list[int]) -> bool:
        """Past what ends here; whether another value has to follow."""
        while closing:
            c = self.space()
            if c == closing[-1]:
                self.at += 1
                closing.pop()
            elif c == ord(","):
                self.at += 1
                if closing[-1] == ord("}"):
                    self.name()
                return True
            else:
                raise self.bad("after array element" if closing[-1] == ord("]") else "after object key:value pair")
        return False

    def scalar(self, c: int) -> None:
        if c == ord('"'):
            self.string()
        elif c == ord("-") or c in _DIGITS:
            self.number()
        else:
            for word in (b"true", b"false", b"null"):
                if c == word[0]:
                    self.word(word)
                    return
            raise self.bad("looking for beginning of value")

    def word(self, word: bytes) -> None:
        for byte in word:
            if self.peek() != byte:
                raise self.bad(f"in literal {word.decode()} (expecting {shown(byte)})")
            self.at += 1

    def string(self) -> None:
        self.at += 1
        while (c := self.peek()) != ord('"'):
            if c < 0x20:
                raise self.bad("in string literal")
            self.at += 1
            if c == ord("\\"):
                self.escape()
        self.at += 1

    def escape(self) -> None:
        c = self.peek()
        if c == ord("u"):
            for _ in range(4):
                self.at += 1
                if self.peek() not in _HEX:
                    raise self.bad("in \\u hexadecimal character escape")
        elif c not in _ESCAPES:
            raise self.bad("in string escape code")
        self.at += 1

    def number(self) -> None:
        if self.peek() == ord("-"):
            self.at += 1
            if self.peek() not in _DIGITS:
                raise self.bad("in numeric literal")
        if self.peek() == ord("0"):
            self.at += 1
        else:
            self.digits()
        if self.ahead(b"."):
            self.at += 1
            if self.peek() not in _DIGITS:
                raise self.bad("after decimal point in numeric literal")
            self.digits()
        if self.ahead(b"eE"):
            self.at += 1
            if self.peek() in b"+-":
                self.at += 1
            if self.peek() not in _DIGITS:
                raise self.bad("in exponent of numeric literal")
            self.digits()

    def ahead(self, signs: bytes) -> bool:
        return self.at < len(self.raw) and self.raw[self.at] in signs

    def digits(self) -> None:
        while self.at < len(self.raw) and self.raw[self.at] in _DIGITS:
            self.at += 1


def whole_fault(text: str) -> str | None:
    """What is wrong with a text that should be one value and nothing else, None where nothing is."""
    try:
        _, rest = first_value(text)
    except BuiltinError as found:
        return str(found)
    rest = rest.lstrip(" \t\r\n")
    if not rest:
        return None
    if rest[0] in "[{":
        return f"error: invalid character '{rest[0]}' after top-level value"
    try:
        value, _ = first_value(rest)
    except BuiltinError as found:
        return str(found)
    match value:
        case None:
            return None
        case bool():
            token = f"%!s(bool={str(value).lower()})"
        case str():
            token = as_utf8(value)
        case _:
            token = value.text
    return f"error: invalid character '{token}' after top-level value"
