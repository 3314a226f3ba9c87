"""Bitwise operations on integers of any size, negative ones in two's complement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..errors import LimitError, OperandError
from ..meter import METER
from ..values import MAX_BITS, MAX_DIGITS, Num, Value, type_name
from .contract import Builtin, Context

MAX_SHIFT: Final = (1 << 64) - 1
"""Shifts are counted in 64 bits, as in OPA: what is above them is dropped."""


def _integer(value: Value, position: int) -> int:
    if type(value) is int:
        return value
    if type(value) is Num:
        if value.adjusted() > 300:
            METER.spend(value.adjusted() >> 2)
        if value.adjusted() < MAX_DIGITS and value == value.to_integral_value():
            return int(value)
        raise OperandError(f"operand {position} must be integer number but got floating-point number")
    raise OperandError(f"operand {position} must be integer but got {type_name(value)}")


def _binary(operation: Callable[[int, int], int]) -> Builtin:
    def run(a: Value, b: Value) -> Value:
        return operation(_integer(a, 1), _integer(b, 2))

    return Builtin(run)


def negate(a: Value) -> Value:
    """Every bit turned: ``-a - 1``."""
    return ~_integer(a, 1)


def _shift(b: Value) -> int:
    by = _integer(b, 2)
    if by < 0:
        raise OperandError("operand 2 must be an unsigned integer number but got a negative integer")
    return by & MAX_SHIFT


def lsh(context: Context, a: Value, b: Value) -> Value:
    """Shifted to the left."""
    value, by = _integer(a, 1), _shift(b)
    if not value:
        return 0
    bits = value.bit_length() + by
    if bits > MAX_BITS:
        raise LimitError("memory", f"an integer of more than {MAX_BITS} bits")
    context.spend(bits >> 6)
    return value << by


def rsh(a: Value, b: Value) -> Value:
    """Shifted to the right; negative numbers stay negative."""
    value, by = _integer(a, 1), _shift(b)
    if by > 1 << 40:
        return -1 if value < 0 else 0
    return value >> by


BUILTINS: Final[Mapping[str, Builtin]] = {
    "bits.and": _binary(lambda a, b: a & b),
    "bits.or": _binary(lambda a, b: a | b),
    "bits.xor": _binary(lambda a, b: a ^ b),
    "bits.negate": Builtin(negate),
    "bits.lsh": Builtin(lsh, context=True),
    "bits.rsh": Builtin(rsh),
}
