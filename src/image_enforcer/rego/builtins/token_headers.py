"""Headers of tokens to be signed, as OPA's library reads them: more leniently than JSON, with faults of its own."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NoReturn

from ..errors import BuiltinError
from ..meter import METER
from ..text import quoted
from .byte_texts import from_bytes, to_bytes

MAX_DEPTH: Final = 300
_SPACE: Final = b" \n\t\r"
_STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_NUMBER: Final = re.compile(rb"[0-9.\-eE+]*")
_WORDS: Final = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}


class _Fault(Exception):
    """What is wrong, and what was left of the text."""

    def __init__(self, why: str, tail: bytes) -> None:
        super().__init__(why)
        self.why = why
        self.tail = tail


class _Number:
    """A number, which no header needs."""


def text_of(header: str, name: str) -> str:
    """The string that a header holds under a name, the first where there are several; raises :class:`BuiltinError`."""
    raw = to_bytes(header)
    METER.spend(4 * len(raw), 20 * len(raw))
    try:
        reader = _Reader(raw.lstrip(_SPACE))
        found = reader.value(0)
    except _Fault as fault:
        raise BuiltinError(f"cannot parse JSON: {fault.why}; unparsed tail: {_shown(fault.tail)}") from None
    tail = reader.rest().lstrip(_SPACE)
    if tail:
        raise BuiltinError(f"unexpected tail: {_shown(tail)}")
    for k, value in found if isinstance(found, tuple) else ():
        if k == name:
            if type(value) is str:
                return value
            raise BuiltinError(f"value doesn't contain string; it contains {_kind(value)}")
    raise BuiltinError(f'jwsbb: header "{name}" not found')


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case tuple():
            return "object"
        case list():
            return "array"
        case _:
            return "number"


def _shown(tail: bytes) -> str:
    return quoted(from_bytes(tail if len(tail) <= 80 else tail[:40] + b"..." + tail[-40:]))


class _Reader:
    """Reads one value; an object is a tuple of its pairs."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0

    def rest(self) -> bytes:
        return self.raw[self.at :]

    def fail(self, why: str) -> NoReturn:
        raise _Fault(why, self.rest())

    def space(self) -> bytes:
        """The next byte that is no space, empty at the end."""
        while self.raw[self.at : self.at + 1] in (b" ", b"\n", b"\t", b"\r"):
            self.at += 1
        return self.raw[self.at : self.at + 1]

    def value(self, depth: int) -> Any:
        c = self.raw[self.at : self.at + 1]
        if not c:
            self.fail("cannot parse empty string")
        if depth >= MAX_DEPTH:
            self.fail(f"too big depth for the nested JSON; it exceeds {MAX_DEPTH}")
        if c in (b"{", b"["):
            self.at += 1
            what = "object" if c == b"{" else "array"
            try:
                return self.object(depth + 1) if c == b"{" else self.array(depth + 1)
            except _Fault as fault:
                raise _Fault(f"cannot parse {what}: {fault.why}", fault.tail) from None
        if c == b'"':
            try:
                return self.string()
            except _Fault as fault:
                raise _Fault(f"cannot parse string: {fault.why}", fault.tail) from None
        if c in _WORDS:
            return self.word(*_WORDS[c])
        return self.number()

    def word(self, word: bytes, value: bool | None) -> Any:
        if self.raw.startswith(word, self.at):
            self.at += len(word)
            return value
        if word != b"null" or self.raw[self.at : self.at + 3].lower() != b"nan":
            self.fail(f"unexpected value found: {quoted(from_bytes(self.rest()))}")
        self.at += 3
        return _Number()

    def number(self) -> _Number:
        found = _NUMBER.match(self.raw, self.at)
        assert found is not None
        size = found.end() - self.at
        if found.end() < len(self.raw) and (size == 0 or (size == 1 and self.raw[self.at] in b"-+")):
            if self.raw[found.end() : found.end() + 3].lower() not in (b"inf", b"nan"):
                why = f"cannot parse number: unexpected char: {quoted(from_bytes(self.raw[self.at : self.at + 1]))}"
                self.fail(why)
            self.at = found.end() + 3
        else:
            self.at = found.end()
        return _Number()

    def array(self, depth: int) -> list[Any]:
        if not self.space():
            self.fail("missing ']'")
        if self.space() == b"]":
            self.at += 1
            return []
        while True:
            self.space()
            try:
                self.value(depth)
            except _Fault as fault:
                raise _Fault(f"cannot parse array value: {fault.why}", fault.tail) from None
            c = self.space()
            if not c:
                self.fail("unexpected end of array")
            if c not in (b",", b"]"):
                self.fail("missing ',' after array value")
            self.at += 1
            if c == b"]":
                return []

    def object(self, depth: int) -> tuple[tuple[str, Any], ...]:
        pairs: list[tuple[str, Any]] = []
        if not self.space():
            self.fail("missing '}'")
        if self.space() == b"}":
            self.at += 1
            return ()
        while True:
            pairs.append(self.pair(depth))
            c = self.space()
            if not c:
                self.fail("unexpected end of object")
            if c not in (b",", b"}"):
                self.fail("missing ',' after object value")
            self.at += 1
            if c == b"}":
                return tuple(pairs)

    def pair(self, depth: int) -> tuple[str, Any]:
        if self.space() != b'"':
            self.fail('cannot find opening \'"" for object key')
        try:
            name = self.string()
        except _Fault as fault:
            raise _Fault(f"cannot parse object key: {fault.why}", fault.tail) from None
        if self.space() != b":":
            self.fail("missing ':' after object key")
        self.at += 1
        self.space()
        try:
            return name, self.value(depth)
        except _Fault as fault:
            raise _Fault(f"cannot parse object value: {fault.why}", fault.tail) from None

    def string(self) -> str:
        found = _STRING.match(self.raw, self.at)
        if found is not None:
            self.at = found.end()
            return _unescaped(found[1])
        raise _Fault("missing closing '\"'", b"")


def _unescaped(raw: bytes) -> str:
    text = from_bytes(raw)
    if "\\" not in text:
        return text
    try:
        found: str = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return found
