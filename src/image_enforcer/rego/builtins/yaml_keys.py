"""The order in which Go's YAML library writes the keys of an object."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cmp_to_key


def in_order(keys: Iterable[str]) -> list[str]:
    """Runs of digits by their value, and letters behind what is none."""
    return sorted(keys, key=cmp_to_key(_compare))


def _compare(a: str, b: str) -> int:
    return _before(b, a) - _before(a, b)


def _before(a: str, b: str) -> bool:
    digits = False
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x == y:
            digits = _is_digit(x)
            continue
        if x.isalpha() or y.isalpha():
            if x.isalpha() and y.isalpha():
                return x < y
            return x.isalpha() if digits else y.isalpha()
        leading = "0" in (x, y) and any(c != "0" for c in _digits_back(a[:i]))
        (m, end_a), (n, end_b) = _run(a, i, leading), _run(b, i, leading)
        if m != n:
            return m < n
        return x < y if end_a == end_b else end_a < end_b
    return len(a) < len(b)


def _is_digit(c: str) -> bool:
    return unicodedata.category(c) == "Nd"


def _digits_back(text: str) -> str:
    start = len(text)
    while start and _is_digit(text[start - 1]):
        start -= 1
    return text[start:]


def _run(text: str, at: int, leading: bool) -> tuple[int, int]:
    """The number that the digits from a place on are, in 64 bits that overflow, and where they end."""
    number = int(leading)
    while at < len(text) and _is_digit(text[at]):
        number = (number * 10 + ord(text[at]) - ord("0") + (1 << 63)) % (1 << 64) - (1 << 63)
        at += 1
    return number, at
