"""Globs with delimiters, as gobwas/glob reads them, turned into RE2 patterns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import re2

from ..errors import BuiltinError
from ..values import Value
from . import operands
from .contract import Builtin
from .regex import compiled, sound


def match(pattern: Value, delimiters: Value, value: Value) -> Value:
    """Whether a text fits a glob. The empty array of delimiters means ``"."``, null means none."""
    form = sound(operands.string(pattern, 1))
    separators: tuple[str, ...]
    if delimiters is None:
        separators = ()
    elif type(delimiters) is list:
        for item in delimiters:
            if type(item) is not str:
                raise BuiltinError("invalid delimiter type")
        separators = tuple(sound(d[:1]) for d in delimiters) or (".",)
        if any(len(d) != 1 for d in delimiters):
            raise operands.bad(2, "must be an array of single characters")
    else:
        raise operands.wrong(delimiters, 2, "array", "null")
    text = sound(operands.string(value, 3))
    return compiled(_pattern(form, separators)).fullmatch(text) is not None


def quote_meta(pattern: Value) -> Value:
    """The glob that only this text fits."""
    return "".join("\\" + c if c in "*?\\[]{}" else c for c in operands.string(pattern, 1))


def _cut_short(form: str) -> BuiltinError:
    return BuiltinError(f"glob: syntax error at {len(form)}: unexpected end of input")


@lru_cache(maxsize=1024)
def _pattern(form: str, separators: tuple[str, ...]) -> str:
    reader = _Reader(form, separators)
    text = reader.sequence(nested=False)
    return f"(?s:{text})"


class _Reader:
    """Reads one glob."""

    def __init__(self, form: str, separators: tuple[str, ...]) -> None:
        self.form = form
        self.at = 0
        joined = "".join(re2.escape(s) for s in separators if s)
        self.single = f"[^{joined}]" if joined else "."

    def sequence(self, nested: bool) -> str:
        out: list[str] = []
        form = self.form
        while self.at < len(form):
            c = form[self.at]
            if nested and c in ",}":
                break
            self.at += 1
            if c == "*":
                if form.startswith("*", self.at):
                    while form.startswith("*", self.at):
                        self.at += 1
                    out.append(".*")
                else:
                    out.append(self.single + "*")
            elif c == "?":
                out.append(self.single)
            elif c == "[":
                out.append(self.range())
            elif c == "{":
                out.append(self.alternatives())
            elif c == "\\" and self.at < len(form):
                out.append(re2.escape(form[self.at]))
                self.at += 1
            else:
                out.append(re2.escape(c))
        return "".join(out)

    def alternatives(self) -> str:
        choices: list[str] = []
        while True:
            choices.append(self.sequence(nested=True))
            if self.at >= len(self.form):
                raise BuiltinError(f"glob: syntax error at {len(self.form)}: unclosed `{{`")
            c = self.form[self.at]
            self.at += 1
            if c == "}":
                return "(?:" + "|".join(choices) + ")"

    def range(self) -> str:
        form = self.form
        end = form.find("]", self.at)
        if end < 0:
            raise _cut_short(form)
        inner = form[self.at : end]
        self.at = end + 1
        negate = inner.startswith("!")
        body = inner[1:] if negate else inner
        if len(body) == 2 and body[1] == "-":  # the bracket is the end of the range
            if form[self.at : self.at + 1] != "]":
                raise _cut_short(form)
            body += "]"
            self.at += 1
        if not body:
            raise BuiltinError("syntax error: empty range")
        if len(body) == 3 and body[1] == "-":
            low, high = body[0], body[2]
            if high < low:
                raise BuiltinError(f"hi character '{high}' should be greater than lo '{low}'")
            text = f"{re2.escape(low)}-{re2.escape(high)}"
        else:
            text = "".join(re2.escape(c) for c in body)
        return f"[{'^' if negate else ''}{text}]"


BUILTINS: Final[Mapping[str, Builtin]] = {"glob.match": Builtin(match), "glob.quote_meta": Builtin(quote_meta)}
