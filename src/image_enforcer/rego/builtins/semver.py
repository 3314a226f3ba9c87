"""Semantic versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..errors import BuiltinError
from ..text import term
from ..values import Value
from . import operands
from .contract import Builtin
from .remembered import of_text, of_texts

_VERSION: Final = re.compile(
    r"v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)

Version = tuple[tuple[int, int, int], tuple[str, ...]]


def parse(text: str) -> Version | None:
    """A version's numbers and pre-release identifiers, None where the text is none."""
    m = _VERSION.fullmatch(text)
    if m is None or max(len(m.group(1)), len(m.group(2)), len(m.group(3))) > 19:
        return None
    numbers = (int(m.group(1)), int(m.group(2)), int(m.group(3)))
    if max(numbers) >= 1 << 63:
        return None
    pre = tuple(m.group(4).split(".")) if m.group(4) else ()
    if any(p.isdigit() and len(p) > 1 and p[0] == "0" for p in pre):
        return None
    return numbers, pre


def _compare(a: Version, b: Version) -> int:
    if a[0] != b[0]:
        return -1 if a[0] < b[0] else 1
    if not a[1] or not b[1]:
        return bool(b[1]) - bool(a[1])
    for x, y in zip(a[1], b[1], strict=False):
        if x == y:
            continue
        if x.isdigit() and y.isdigit():
            return -1 if (len(x), x) < (len(y), y) else 1
        if x.isdigit() != y.isdigit():
            return -1 if x.isdigit() else 1
        return -1 if x < y else 1
    return (len(a[1]) > len(b[1])) - (len(a[1]) < len(b[1]))


def compare(a: Value, b: Value) -> Value:
    """-1, 0 or 1 by the precedence of two versions; build metadata does not count, a leading ``v`` is allowed."""
    first, second = operands.string(a, 1), operands.string(b, 2)
    versions: list[Version] = []
    for position, text in ((1, first), (2, second)):
        version = parse(text)
        if version is None:
            raise BuiltinError(f"operand {position}: string {term(text)} is not a valid SemVer")
        versions.append(version)
    return _compare(versions[0], versions[1])


def is_valid(a: Value) -> Value:
    """Whether it is a version; false for anything but strings."""
    return type(a) is str and parse(a) is not None


BUILTINS: Final[Mapping[str, Builtin]] = {
    "semver.compare": Builtin(of_texts(compare)),
    "semver.is_valid": Builtin(of_text(is_valid)),
}
