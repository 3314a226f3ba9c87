"""The built-in functions of OPA: operands, results and kinds, read from the table beside this module."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pkgutil import get_data

from .records import record
from .types import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    AnyOf,
    ArrayType,
    FunctionType,
    ObjectType,
    Property,
    SetType,
    Type,
)


@record(frozen=True, slots=True)
class Signature:
    """One built-in. ``result`` is None where it has none (``print``)."""

    name: str
    args: tuple[Type, ...]
    variadic: Type | None
    result: Type | None
    infix: str | None = None
    relation: bool = False
    nondeterministic: bool = False
    deprecated: bool = False
    names: tuple[str, ...] = ()
    """Names of the operands and of the result, empty where there is none."""

    @property
    def function(self) -> FunctionType:
        """The type of the function."""
        return FunctionType(self.args, self.result, self.variadic, self.names)


@cache
def signatures() -> Mapping[str, Signature]:
    """Every built-in by name."""
    # importlib.resources takes longer to import than the table to be read
    data = get_data(__package__, "signatures.txt")
    assert data is not None
    text = data.decode()
    rows = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {s.name: s for s in map(_parse, rows)}


def signature(name: str) -> Signature | None:
    """One built-in, None where OPA has none of that name."""
    return signatures().get(name)


def _parse(line: str) -> Signature:
    left, _, notes = line.partition(" | ")
    name, _, rest = left.partition(" ")
    reader = _Reader(rest)
    reader.take("(")
    args: list[Type] = []
    names: list[str] = []
    variadic: Type | None = None
    while not reader.ahead(")"):
        if reader.ahead("..."):
            reader.take("...")
            variadic = reader.type()
        else:
            names.append(reader.label())
            args.append(reader.type())
        if reader.ahead(","):
            reader.take(",")
    reader.take(")")
    reader.take("->")
    if not reader.ahead("void"):
        names.append(reader.label())
    result = None if reader.ahead("void") else reader.type()
    flags = notes.split(", ") if notes else []
    infix = next((f.removeprefix("infix ") for f in flags if f.startswith("infix ")), None)
    return Signature(
        name,
        tuple(args),
        variadic,
        result,
        infix,
        "relation" in flags,
        "nondeterministic" in flags,
        "deprecated" in flags,
        tuple(names),
    )


_LABEL = re.compile(r"([A-Za-z_][A-Za-z0-9_ -]*): ")
_BASIC = {"null": NULL, "boolean": BOOLEAN, "number": NUMBER, "string": STRING}


class _Reader:
    """Reads types from the table's text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def ahead(self, text: str) -> bool:
        while self.text[self.at : self.at + 1] == " ":
            self.at += 1
        return self.text.startswith(text, self.at)

    def take(self, text: str) -> None:
        if not self.ahead(text):
            raise ValueError(f"expected {text} at {self.text[self.at :]!r}")
        self.at += len(text)

    def word(self) -> str:
        self.ahead("")
        start = self.at
        while self.at < len(self.text) and (self.text[self.at].isalnum() or self.text[self.at] == "_"):
            self.at += 1
        return self.text[start : self.at]

    def label(self) -> str:
        """``name:`` before a type, where there is one."""
        self.ahead("")
        m = _LABEL.match(self.text, self.at)
        if m is None:
            return ""
        self.at = m.end()
        return m.group(1)

    def type(self) -> Type:
        word = self.word()
        if word in _BASIC:
            return _BASIC[word]
        match word:
            case "any":
                return AnyOf(tuple(self.list())) if self.ahead("<") else ANY
            case "array":
                static = tuple(self.list()) if self.ahead("<") else ()
                dynamic = self.inner() if self.ahead("[") else None
                return ArrayType(static, dynamic)
            case "set":
                return SetType(self.inner())
            case "object":
                return self.object()
        raise ValueError(f"unknown type {word!r}")

    def list(self) -> list[Type]:
        self.take("<")
        found = [self.type()]
        while self.ahead(","):
            self.take(",")
            found.append(self.type())
        self.take(">")
        return found

    def inner(self) -> Type:
        self.take("[")
        found = self.type()
        self.take("]")
        return found

    def object(self) -> ObjectType:
        static: list[Property] = []
        if self.ahead("<"):
            self.take("<")
            while not self.ahead(">"):
                name = self.word()
                self.take(":")
                static.append(Property(name, self.type()))
                if self.ahead(","):
                    self.take(",")
            self.take(">")
        dynamic: tuple[Type, Type] | None = None
        if self.ahead("["):
            self.take("[")
            key = self.type()
            self.take(":")
            dynamic = (key, self.type())
            self.take("]")
        return ObjectType(tuple(static), dynamic)
