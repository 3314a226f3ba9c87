"""Globs with delimiters, as version 1.0 of gobwas/glob reads them, turned into RE2 patterns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import re2

from ..errors import BuiltinError
from ..values import Value, type_name
from . import operands
from .byte_texts import as_utf8, to_bytes
from .contract import Builtin
from .regex import compiled, sound
from .remembered import LONGEST, MOST


def match(pattern: Value, delimiters: Value, value: Value) -> Value:
    """Whether a text fits a glob. The empty array of delimiters means ``"."``, null means none."""
    form = operands.string(pattern, 1)
    separators: tuple[str, ...]
    if delimiters is None:
        separators = ()
    elif type(delimiters) is list:
        separators = tuple(map(_delimiter, delimiters)) or (".",)
    else:
        raise operands.wrong(delimiters, 2, "array", "null")
    text = operands.string(value, 3)
    if len(form) <= LONGEST and len(text) <= LONGEST and len(separators) <= LONGEST:
        return _known(form, separators, text)
    return _fits(form, separators, text)


def _fits(form: str, separators: tuple[str, ...], text: str) -> bool:
    return compiled(_pattern(form, separators)).fits(sound(text))


_known = lru_cache(maxsize=MOST)(_fits)


def _delimiter(item: Value) -> str:
    if type(item) is not str:
        raise operands.bad(2, f"must be array of strings but got array containing {type_name(item)}")
    if len(item) != 1:
        raise operands.bad(2, "must be array of runes but got array containing string")
    return sound(item)


def quote_meta(pattern: Value) -> Value:
    """The glob that only this text fits."""
    return "".join("\\" + c if c in "*?\\[]{}" else c for c in operands.string(pattern, 1))


@lru_cache(maxsize=1024)
def _pattern(form: str, separators: tuple[str, ...]) -> str:
    reader = _Reader(form, separators)
    return f"(?s:{reader.sequence(level=0)})"


_CUT_SHORT: Final = "unexpected end of input"


class _Reader:
    """Reads one glob. Faults stand where the reader is, in bytes, when it finds them."""

    def __init__(self, form: str, separators: tuple[str, ...]) -> None:
        self.form = form
        self.at = 0
        joined = "".join(re2.escape(s) for s in separators)
        self.single = f"[^{joined}]" if joined else "."

    def fault(self, reason: str) -> BuiltinError:
        offset = len(to_bytes(self.form[: self.at]))
        return BuiltinError(f"glob: syntax error at {offset}: {reason}")

    def read(self) -> str:
        """The next character; none at the end."""
        c = self.form[self.at : self.at + 1]
        if as_utf8(c) != c:
            raise self.fault("invalid UTF-8 sequence")
        self.at += len(c)
        return c

    def sequence(self, level: int) -> str:
        """Terms up to the end, or to the comma or brace that ends them inside ``level`` pairs of braces."""
        out: list[str] = []
        breakers = "?*[{},"[: 6 if level else 4]
        while c := self.read():
            if level and c in ",}":
                self.at -= 1
                break
            if c == "*":
                many = self.form.startswith("*", self.at)
                self.at += many
                out.append(".*" if many else self.single + "*")
            elif c == "?":
                out.append(self.single)
            elif c == "[":
                out.append(self.range())
            elif c == "{":
                out.append(self.alternatives(level + 1))
            else:
                self.at -= 1
                out.append(re2.escape(self.text(breakers)))
        return "".join(out)

    def text(self, breakers: str, cut_short: str = "trailing backslash") -> str:
        """Characters up to one of the breakers; behind a backslash any character is one of them."""
        out: list[str] = []
        while c := self.read():
            if c == "\\":
                c = self.read()
                if not c:
                    raise self.fault(cut_short)
            elif c in breakers:
                self.at -= 1
                break
            out.append(c)
        return "".join(out)

    def alternatives(self, level: int) -> str:
        choices: list[str] = []
        while True:
            choices.append(self.sequence(level))
            c = self.read()
            if not c:
                raise self.fault("unclosed `{`")
            if c == "}":
                return "(?:" + "|".join(choices) + ")"

    def range(self) -> str:
        """A class of characters: a range, or else a text of which each character is one."""
        first = self.read_in_range()
        negation = "^" if first == "!" else ""
        if negation:
            first = self.read_in_range()
        if self.form.startswith("-", self.at):
            self.at += 1
            last = self.read_in_range()
            if self.read_in_range() != "]":
                raise self.fault("expected close range character")
            if last < first:
                raise self.fault("range hi character is less than lo")
            return f"[{negation}{re2.escape(first)}-{re2.escape(last)}]"
        self.at -= 1
        inside = self.text("]", _CUT_SHORT)
        self.read_in_range()
        if not inside:
            raise self.fault("could not parse range")
        return f"[{negation}{''.join(map(re2.escape, inside))}]"

    def read_in_range(self) -> str:
        c = self.read()
        if not c:
            raise self.fault(_CUT_SHORT)
        return c


BUILTINS: Final[Mapping[str, Builtin]] = {"glob.match": Builtin(match), "glob.quote_meta": Builtin(quote_meta)}
