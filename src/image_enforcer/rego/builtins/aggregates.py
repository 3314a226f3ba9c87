"""Aggregates over collections."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from ..errors import OperandError
from ..meter import LARGE, METER
from ..values import UNDEFINED, Num, RegoSet, Value, compare, sort_values, type_name
from . import bigfloat, operands
from .arithmetic import integral, is_negative, mul
from .contract import Builtin, Context


def count(a: Value) -> Value:
    """How many elements, members, pairs, or characters."""
    t = type(a)
    if t is str or t is list or t is dict or t is RegoSet:
        return len(a)
    raise operands.wrong(a, 1, "array", "object", "set", "string")


def _items(a: Value) -> list[Value]:
    if type(a) is list or type(a) is RegoSet:
        if len(a) > LARGE:
            METER.spend(len(a))
        return a.sorted() if isinstance(a, RegoSet) else a
    raise operands.wrong(a, 1, "set", "array")


def _numbers(a: Value) -> list[int | Num]:
    items = _items(a)
    for item in items:
        if type(item) is not int and type(item) is not Num:
            kind = type_name(a)
            raise OperandError(f"operand 1 must be {kind} of numbers but got {kind} containing {type_name(item)}")
    return items


def sum_(a: Value) -> Value:
    """The sum, 0 for nothing; exact where all are integers, else each sum with a mantissa of 64 bits."""
    items = _numbers(a)
    if all(type(item) is int for item in items):
        return sum(items)
    whole = [integral(item) for item in items]
    if None not in whole:
        return sum(number for number in whole if number is not None)
    inexact = Fraction(0)
    for item in items:
        inexact = bigfloat.rounded(inexact + bigfloat.load(item))
    return bigfloat.number(inexact)


def product(context: Context, a: Value) -> Value:
    """The product, 1 for nothing; exact where all are integers, else with a mantissa of 53 bits from the start."""
    items = _numbers(a)
    if all(integral(item) is not None for item in items):
        total: Value = 1
        for item in items:
            total = mul(context, total, item)
        return total
    inexact, negative = Fraction(1), False
    for item in items:
        inexact = bigfloat.rounded(inexact * bigfloat.load(item), bigfloat.DOUBLE)
        negative ^= is_negative(item)
    return bigfloat.number(inexact, negative_zero=negative, bits=bigfloat.DOUBLE)


def max_(a: Value) -> Value:
    """The greatest in the order of values; undefined for nothing."""
    items = _items(a)
    if not items:
        return UNDEFINED
    best = items[0]
    for item in items[1:]:
        if compare(best, item) <= 0:
            best = item
    return best


def min_(a: Value) -> Value:
    """The least in the order of values; undefined for nothing."""
    items = _items(a)
    if not items:
        return UNDEFINED
    best = items[0]
    for item in items[1:]:
        if compare(item, best) <= 0:
            best = item
    return best


def sort(a: Value) -> Value:
    """The elements in the order of values."""
    return sort_values(_items(a))


def all_(a: Value) -> Value:
    """Whether all are true."""
    if type(a) is not list and type(a) is not RegoSet:
        raise operands.wrong(a, 1, "array", "set")
    return all(item is True for item in a)


def any_(a: Value) -> Value:
    """Whether any is true."""
    if type(a) is not list and type(a) is not RegoSet:
        raise operands.wrong(a, 1, "array", "set")
    return any(item is True for item in a)


BUILTINS: Final[Mapping[str, Builtin]] = {
    "count": Builtin(count),
    "sum": Builtin(sum_),
    "product": Builtin(product, context=True),
    "max": Builtin(max_),
    "min": Builtin(min_),
    "sort": Builtin(sort),
    "all": Builtin(all_),
    "any": Builtin(any_),
}
