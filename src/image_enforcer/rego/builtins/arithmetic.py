"""Arithmetic: exact on integers for ``+ - * %``, 64-bit floats for everything else; and ranges of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from ..errors import BuiltinError, LimitError
from ..meter import CELL, METER
from ..values import MAX_BITS, MAX_DIGITS, Num, RegoSet, Value
from . import bigfloat, operands
from .contract import Builtin, Context

SMALL: Final = 1 << 31


def integral(value: int | Num) -> int | None:
    """The exact integer that a number is, None where it is none."""
    if isinstance(value, int):
        return value
    size = value.adjusted()
    if size > 300:
        METER.spend(size >> 2)
    if size > MAX_DIGITS or value != value.to_integral_value():
        return None
    return int(value)


def plus(a: Value, b: Value) -> Value:
    """``a + b``: exact where both are integers, else rounded to a 64-bit mantissa (``0.1 + 0.2`` is 0.3)."""
    if type(a) is int and type(b) is int:
        return a + b
    x, y = operands.number(a, 1), operands.number(b, 2)
    i, j = integral(x), integral(y)
    if i is not None and j is not None:
        return i + j
    return bigfloat.number(bigfloat.rounded(bigfloat.load(x) + bigfloat.load(y)))


def minus(a: Value, b: Value) -> Value:
    """``a - b`` of numbers, as :func:`plus`; of sets, the members of ``a`` that ``b`` has not."""
    if type(a) is int and type(b) is int:
        return a - b
    if type(a) is RegoSet and type(b) is RegoSet:
        return RegoSet({k: v for k, v in a.members.items() if k not in b.members})
    numeric = (type(a) is int or type(a) is Num, type(b) is int or type(b) is Num)
    if not numeric[0] and type(a) is not RegoSet:
        raise operands.wrong(a, 1, "number", "set")
    if not all(numeric):
        raise operands.wrong(b, 2, "set" if numeric[1] else "number")
    i, j = integral(a), integral(b)
    if i is not None and j is not None:
        return i - j
    return bigfloat.number(bigfloat.rounded(bigfloat.load(a) - bigfloat.load(b)))


def mul(context: Context, a: Value, b: Value) -> Value:
    """``a * b``: exact where both are integers, else rounded to a 64-bit mantissa; minus zero keeps its sign."""
    x, y = operands.number(a, 1), operands.number(b, 2)
    i, j = integral(x), integral(y)
    if i is not None and j is not None:
        bits = i.bit_length() + j.bit_length()
        if bits > 4096:
            if bits > MAX_BITS:
                raise LimitError("memory", f"a product of more than {MAX_BITS} bits")
            context.spend(bits >> 2)
        return i * j
    left, right = bigfloat.load(x), bigfloat.load(y)
    product = bigfloat.rounded(left * right)
    return bigfloat.number(product, not product and is_negative(x) != is_negative(y))


def is_negative(value: int | Num) -> bool:
    """Whether a number is below zero, or minus zero."""
    return value < 0 or (type(value) is Num and value.is_signed())


def div(a: Value, b: Value) -> Value:
    """``a / b`` with a 64-bit mantissa, also of integers: quotients of large integers lose digits. Zero is an error."""
    x, y = operands.number(a, 1), operands.number(b, 2)
    if not y:
        raise BuiltinError("divide by zero")
    if type(x) is int and type(y) is int and -SMALL <= x < SMALL and -SMALL <= y < SMALL and x and x % y == 0:
        return x // y
    quotient = bigfloat.rounded(bigfloat.load(x) / bigfloat.load(y))
    return bigfloat.number(quotient, not quotient and is_negative(x) != is_negative(y))


def rem(a: Value, b: Value) -> Value:
    """``a % b`` of integers, with the sign of ``a`` (``-5 % 3`` is -2). Fractions and zero are errors."""
    x, y = operands.number(a, 1), operands.number(b, 2)
    i, j = integral(x), integral(y)
    if i is None or j is None:
        raise BuiltinError("modulo on floating-point number")
    if not j:
        raise BuiltinError("modulo by zero")
    left = abs(i) % abs(j)
    return -left if i < 0 else left


def _small(value: int | Num) -> bool:
    return type(value) is int and -SMALL <= value < SMALL


def absolute(a: Value) -> Value:
    """The magnitude; of an integer beyond 64 bits only the leading 64 bits survive, as in OPA."""
    x = operands.number(a, 1)
    if _small(x):
        return abs(int(x))
    return bigfloat.number(abs(bigfloat.load(x)))


def round_(a: Value) -> Value:
    """To the nearest integer, halves away from zero."""
    x = operands.number(a, 1)
    if _small(x):
        return x
    value = bigfloat.load(x)
    half = Fraction(1, 2)
    shifted = bigfloat.rounded(value - half if value < 0 or is_negative(x) else value + half)
    return int(bigfloat.rounded(Fraction(int(shifted))))


def ceil(a: Value) -> Value:
    """The integer above; of a fraction between -1 and 0 it is 1, as in OPA."""
    x = operands.number(a, 1)
    if _small(x):
        return x
    value = bigfloat.load(x)
    whole = bigfloat.rounded(Fraction(int(value)))
    if whole < 0 or value == whole:
        return int(whole)
    return int(bigfloat.rounded(whole + 1))


def floor(a: Value) -> Value:
    """The integer below; of a fraction between 0 and 1 it is 0."""
    x = operands.number(a, 1)
    if _small(x):
        return x
    value = bigfloat.load(x)
    whole = bigfloat.rounded(Fraction(int(value)))
    if whole >= 0 or value == whole:
        return int(whole)
    return int(bigfloat.rounded(whole - 1))


def numbers_range(context: Context, a: Value, b: Value) -> Value:
    """Every integer from ``a`` to ``b``, both included, upwards or downwards."""
    return _range(context, operands.big_integer(a, 1), operands.big_integer(b, 2), 1)


def numbers_range_step(context: Context, a: Value, b: Value, step: Value) -> Value:
    """As :func:`numbers_range`, each ``step`` apart; the step must be positive in both directions."""
    first, last, by = operands.big_integer(a, 1), operands.big_integer(b, 2), operands.big_integer(step, 3)
    if by <= 0:
        raise BuiltinError("numbers.range_step: step must be a positive integer")
    return _range(context, first, last, by)


def _range(context: Context, first: int, last: int, step: int) -> list[int]:
    count = abs(last - first) // step + 1
    context.spend(count, 3 * CELL * count)
    return list(range(first, last + 1, step) if first <= last else range(first, last - 1, -step))


BUILTINS: Final[Mapping[str, Builtin]] = {
    "abs": Builtin(absolute),
    "ceil": Builtin(ceil),
    "div": Builtin(div),
    "floor": Builtin(floor),
    "minus": Builtin(minus),
    "mul": Builtin(mul, context=True),
    "plus": Builtin(plus),
    "rem": Builtin(rem),
    "round": Builtin(round_),
    "numbers.range": Builtin(numbers_range, context=True),
    "numbers.range_step": Builtin(numbers_range_step, context=True),
}
