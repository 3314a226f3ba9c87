"""Answers of built-ins that short texts alone decide, remembered: policies ask the same of the same images again.

What is remembered is bounded: so many answers for each built-in, over so long texts. Faults are worked out anew.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from ..values import Value

MOST: Final = 1024
"""Answers of one built-in; the one that nobody asked for longest goes first."""

LONGEST: Final = 200
"""Characters of one operand."""

MOST_LISTS: Final = 256
LONGEST_LIST: Final = 2_000
"""The same for answers that are lists, of so many texts at most."""


def of_text(fn: Callable[[Value], Value]) -> Callable[[Value], Value]:
    """A built-in of one operand."""
    known = lru_cache(maxsize=MOST)(fn)

    def run(a: Value) -> Value:
        return known(a) if type(a) is str and len(a) <= LONGEST else fn(a)

    return run


def of_texts(fn: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    """A built-in of two operands."""
    known = lru_cache(maxsize=MOST)(fn)

    def run(a: Value, b: Value) -> Value:
        if type(a) is str and type(b) is str and len(a) <= LONGEST and len(b) <= LONGEST:
            return known(a, b)
        return fn(a, b)

    return run


def of_texts_and_number(fn: Callable[[Value, Value, Value], Value]) -> Callable[[Value, Value, Value], Value]:
    """A built-in of a pattern, a text and an integer, which gives a list with a text for each place and group."""
    known: Any = lru_cache(maxsize=MOST_LISTS)(fn)

    def run(a: Value, b: Value, n: Value) -> Value:
        if type(a) is str and type(b) is str and type(n) is int and len(a) <= LONGEST and len(b) <= LONGEST:
            short = (a.count("(") + 1) * (len(b) + 1) <= LONGEST_LIST
            return known(a, b, n) if short and -LONGEST <= n <= LONGEST else fn(a, b, n)
        return fn(a, b, n)

    return run
