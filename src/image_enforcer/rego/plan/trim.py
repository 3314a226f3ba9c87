"""What a finished plan does not need: keys of scans that nobody reads, and order where none can be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..records import fields, is_record, replace
from . import ops
from .ops import Block, Clause, Const, Reg, Routine

_QUIET = (
    ops.Load | ops.LoadData | ops.Settle | ops.Get | ops.Scan | ops.Fail | ops.Indexed | ops.KeyOf | ops.TestEqual
    | ops.TestTrue | ops.CheckArray | ops.Item | ops.CheckObject | ops.CheckKind | ops.Copy | ops.BuildArray
    | ops.BuildSet | ops.KeepOrder
)  # fmt: skip
"""Instructions that cannot end an evaluation with an error: it cannot matter which element comes to them first."""


def trimmed(routine: Routine) -> Routine:
    """The same routine with less to do."""
    clauses = (*routine.clauses, *([routine.default] if routine.default else []))
    uses = Counter(reg.n for c in clauses for b in c.blocks for reg in registers(b))
    return replace(
        routine,
        clauses=tuple(_clause(c, uses) for c in routine.clauses),
        default=_clause(routine.default, uses) if routine.default else None,
    )


def _clause(clause: Clause, uses: Counter[int]) -> Clause:
    return Clause(tuple(_block(b, uses) for b in clause.blocks))


def _block(block: Block, uses: Counter[int]) -> Block:
    unordered = _ignores_order(block.end)
    made: list[ops.Op] = []
    for op in reversed(block.ops):
        if isinstance(op, ops.Scan):
            unused = op.key is not None and op.value is not None and uses[op.key.n] == 1
            op = replace(op, key=None if unused else op.key, ordered=not unordered)
        unordered = unordered and isinstance(op, _QUIET)
        made.append(_inside(op, uses))
    return Block(tuple(reversed(made)), block.end)


def _inside(op: ops.Op, uses: Counter[int]) -> ops.Op:
    match op:
        case ops.Collect() | ops.Negation() | ops.ForEvery():
            return replace(op, block=_block(op.block, uses))
        case ops.Both() | ops.Either():
            return replace(op, lhs=_block(op.lhs, uses), rhs=_block(op.rhs, uses))
        case _:
            return op


def _ignores_order(end: ops.End) -> bool:
    """Whether the solutions come to the same in any order."""
    match end:
        case ops.Found():
            return True
        case ops.Give(value, stop):
            return stop and isinstance(value, Const)
        case _:
            return False


def registers(part: object) -> Iterator[Reg]:
    """Every mention of a register."""
    match part:
        case Reg():
            yield part
        case tuple():
            for p in part:
                yield from registers(p)
        case Const() | str() | int() | None:
            pass
        case Block(inner, end):
            yield from registers(inner)
            yield from registers(end)
        case _ if is_record(part):
            for f in fields(part):
                yield from registers(getattr(part, f.name))
        case _:
            pass
