"""Where it can be told how a number is spelt: ``1`` and ``1.0`` are equal, but not the same everywhere.

A set keeps the first of equal spellings. Who looks at values that have not been through a set may meet the others:
that is the same only where values are compared, taken apart and looked into, and nothing is made of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..signatures import signatures
from ..types import BOOLEAN, STRING
from . import ops
from .ops import Block, Const, Op, Operand, Reg
from .trim import registers

ALIKE = frozenset(
    {
        "eq", "equal", "neq", "lt", "lte", "gt", "gte", "count", "internal.member_2", "concat", "contains", "endswith",
        "startswith", "indexof", "indexof_n", "lower", "upper", "replace", "split", "strings.any_prefix_match",
        "strings.any_suffix_match", "strings.count", "strings.reverse", "strings.replace_n", "trim", "trim_left",
        "trim_prefix", "trim_right", "trim_space", "trim_suffix", "regex.match", "regex.is_valid", "regex.replace",
        "regex.split", "glob.match", "type_name", "is_array", "is_boolean", "is_null", "is_number", "is_object",
        "is_set", "is_string", "base64.encode", "base64.decode", "base64.is_valid", "semver.compare",
        "semver.is_valid", "units.parse", "units.parse_bytes", "net.cidr_contains",
    }
)  # fmt: skip
"""Built-ins that give the same for equal operands, spelling and all, and give none of their operands back."""


def one_spelling(value: Operand, before: Sequence[Op]) -> bool:
    """Whether equal values of an operand are spelt alike: there is no number in it that is not written out."""
    if not isinstance(value, Reg):
        return isinstance(value, Const)
    alike: set[Operand] = set()
    for op in before:
        match op:
            case ops.CallBuiltin(Reg() as dst, _, name) if signatures()[name].result in (STRING, BOOLEAN):
                alike.add(dst)
            case ops.BuildArray(dst, items) | ops.BuildSet(dst, items) if _all(items, alike):
                alike.add(dst)
            case ops.BuildObject(dst, pairs) if all(_all(pair, alike) for pair in pairs):
                alike.add(dst)
            case _:
                pass
    return value in alike


def _all(items: Sequence[Operand], alike: set[Operand]) -> bool:
    return all(isinstance(item, Const) or item in alike for item in items)


def unseen(values: set[Reg], after: Sequence[Op]) -> bool:
    """Whether instructions do the same however the numbers in some values are spelt. ``values`` grows on the way."""
    return all(_unseen(values, op) for op in after)


def _unseen(values: set[Reg], op: Op) -> bool:
    match op:
        case ops.Load(dst, source) | ops.Item(dst, source) | ops.Copy(dst, source) | ops.Settle(dst, source):
            return _passed_on(values, (source,), (dst,))
        case ops.Scan(source, key, value):
            return _passed_on(values, (source,), (key, value))
        case ops.BuildArray(dst, items) | ops.BuildSet(dst, items):
            return _passed_on(values, items, (dst,))
        case ops.Get(dst, source, key):
            return key not in values and _passed_on(values, (source,), (dst,))
        case (
            ops.TestEqual()
            | ops.TestTrue()
            | ops.Indexed()
            | ops.KeyOf()
            | ops.CheckArray()
            | ops.CheckObject()
            | ops.CheckKind()
            | ops.DocMember()
        ):
            return True
        case ops.CallBuiltin(_, _, name) if name in ALIKE:
            return True
        case ops.Negation(block):
            return _inside(values, block)
        case ops.Both(lhs, rhs) | ops.Either(lhs, rhs):
            return _inside(values, lhs) and _inside(values, rhs)
        case ops.ForEvery(domain, key, value, block):
            return _passed_on(values, (domain,), (key, value)) and _inside(values, block)
        case ops.Collect(dst, _, block):
            return _inside(values, block) and _passed_on(values, tuple(registers(block.end)), (dst,))
        case _:
            return values.isdisjoint(registers(op))


def _inside(values: set[Reg], block: Block) -> bool:
    return unseen(values, block.ops)


def _passed_on(values: set[Reg], sources: Sequence[Operand], made: Sequence[Reg | None]) -> bool:
    """The values that are made of some are spelt as these are."""
    if not values.isdisjoint(s for s in sources if isinstance(s, Reg)):
        values.update(reg for reg in made if reg is not None)
    return True


__all__ = ["ALIKE", "one_spelling", "unseen"]
