"""Scans in any order, where nobody can tell: a set need not be sorted to be gone through.

Order shows in arrays, in which error comes first, and in which of two spellings of a number a set keeps. Where what
follows a scan cannot raise (:mod:`.raising`) and a solution is worth the same whenever it comes, there is none of it.
Outside strict mode only: there any built-in may raise.
"""

from __future__ import annotations

from ..records import replace
from . import ops
from .ops import Block, Clause, Const, Op, Routine
from .raising import Raising
from .spelling import one_spelling


def relaxed(routine: Routine, raising: Raising) -> Routine:
    """The routine with scans in any order where that cannot be told."""
    return replace(routine, clauses=tuple(Clause(tuple(_block(b, raising) for b in c.blocks)) for c in routine.clauses))


def _block(block: Block, raising: Raising) -> Block:
    free = order_free(block)
    made: list[Op] = []
    for at in range(len(block.ops) - 1, -1, -1):
        op = block.ops[at]
        free = free and raising.harmless(block.ops[at + 1 : at + 2])
        match op:
            case ops.Scan() if free and op.ordered:
                op = replace(op, ordered=False)
            case ops.Collect() | ops.Negation() | ops.ForEvery():
                op = replace(op, block=_block(op.block, raising))
            case ops.Both() | ops.Either():
                op = replace(op, lhs=_block(op.lhs, raising), rhs=_block(op.rhs, raising))
            case _:
                pass
        made.append(op)
    return Block(tuple(reversed(made)), block.end)


def order_free(block: Block) -> bool:
    """Whether the block's solutions are worth the same in any order, and however often each comes."""
    match block.end:
        case ops.Found():
            return True
        case ops.Give(value, stop):
            return stop and isinstance(value, Const)
        case ops.AddMember(value):
            return one_spelling(value, block.ops)
        case _:
            return False
