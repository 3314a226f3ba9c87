"""Comparison in Rego's total order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..values import Value, compare, equal
from .contract import Builtin


def neq(a: Value, b: Value) -> Value:
    """``a != b``."""
    return not equal(a, b)


def lt(a: Value, b: Value) -> Value:
    """``a < b`` in the order of values."""
    if type(a) is int and type(b) is int:
        return a < b
    return compare(a, b) < 0


def lte(a: Value, b: Value) -> Value:
    """``a <= b`` in the order of values."""
    if type(a) is int and type(b) is int:
        return a <= b
    return compare(a, b) <= 0


def gt(a: Value, b: Value) -> Value:
    """``a > b`` in the order of values."""
    if type(a) is int and type(b) is int:
        return a > b
    return compare(a, b) > 0


def gte(a: Value, b: Value) -> Value:
    """``a >= b`` in the order of values."""
    if type(a) is int and type(b) is int:
        return a >= b
    return compare(a, b) >= 0


BUILTINS: Final[Mapping[str, Builtin]] = {
    "equal": Builtin(equal),
    "neq": Builtin(neq),
    "lt": Builtin(lt),
    "lte": Builtin(lte),
    "gt": Builtin(gt),
    "gte": Builtin(gte),
}
