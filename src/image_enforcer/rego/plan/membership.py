"""Questions: ``x in p`` asked of the rules of the set ``p`` with ``x`` known, where the set need not be made.

The set is read by one instruction and tested by another; where nothing else reads it and it can be asked, both become
one :class:`~.ops.DocMember`. A set can be asked where enumerating it cannot raise (:mod:`.raising`) and knowing the
member saves each rule that scans one of its scans.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..records import replace
from ..syntax import nodes as ast
from . import ops
from .documents import Node
from .ops import Block, Clause, Op, Reg, Routine
from .program import ProgramPlanner
from .purity import walk
from .raising import Raising
from .trim import registers


class Questions:
    """Which sets can be asked, each worked out once."""

    def __init__(self, planner: ProgramPlanner) -> None:
        self.planner = planner
        self.raising = Raising(planner)
        self._askable: dict[int, bool] = {}

    def askable(self, doc: int) -> bool:
        """Whether a document is a set that is better asked for one member than made."""
        got = self._askable.get(doc)
        if got is None:
            node = self.planner.world.documents[doc]
            got = self._askable[doc] = _known_heads(node) and self.raising.cannot(doc) and self._saves(doc)
        return got

    def _saves(self, doc: int) -> bool:
        saved = False
        made, asked = self.planner.routine(doc, ""), self.planner.question(doc)
        for whole, one in zip(made.clauses, asked.clauses, strict=True):
            before, after = _scans(whole), _scans(one)
            if before and after >= before:
                return False
            saved = saved or before > after
        return saved

    def placed(self, routine: Routine) -> Routine:
        """The routine with questions in the place of sets that are read for one membership only."""
        clauses = (*routine.clauses, *([routine.default] if routine.default else []))
        blocks = [b for c in clauses for b in c.blocks]
        every = [op for b in blocks for op in walk(b)]
        sets = {op.dst: op for op in every if isinstance(op, ops.DocValue) and self._may_ask(op)}
        if not sets:
            return routine
        tests = Counter(op.args[1] for op in every if isinstance(op, ops.CallBuiltin) and _tests(op))
        mentions = Counter(reg for b in blocks for reg in registers(b))
        alone = {reg: op for reg, op in sets.items() if tests[reg] and mentions[reg] == tests[reg] + 1}
        return replace(
            routine,
            clauses=tuple(_clause(c, alone) for c in routine.clauses),
            default=_clause(routine.default, alone) if routine.default else None,
        )

    def _may_ask(self, op: ops.DocValue) -> bool:
        return not op.replaceable and self.planner.world.documents[op.doc].kind == "set" and self.askable(op.doc)


def _known_heads(node: Node) -> bool:
    return node.kind == "set" and all(r.rule.head.key is not None and _pattern(r.rule.head.key) for r in node.rules)


def _pattern(term: ast.Term) -> bool:
    """Whether a member can be taken apart by the term."""
    match term:
        case ast.Var(name):
            return name not in ("input", "data")
        case ast.Scalar():
            return True
        case ast.Array(items):
            return all(_pattern(i) for i in items)
        case _:
            return False


def _scans(clause: Clause) -> int:
    return sum(isinstance(op, ops.LOOPS) for b in clause.blocks for op in walk(b))


def _tests(op: ops.CallBuiltin) -> bool:
    return (
        op.name == "internal.member_2"
        and not op.mockable
        and len(op.args) == 2
        and isinstance(op.args[1], Reg)
        and op.args[0] != op.args[1]
    )


def _clause(clause: Clause, sets: dict[Reg, ops.DocValue]) -> Clause:
    return Clause(tuple(_block(b, sets) for b in clause.blocks))


def _block(block: Block, sets: dict[Reg, ops.DocValue]) -> Block:
    return replace(block, ops=tuple(_asked(block.ops, sets)))


def _asked(every: tuple[Op, ...], sets: dict[Reg, ops.DocValue]) -> Iterator[Op]:
    for op in every:
        match op:
            case ops.DocValue(dst) if dst in sets:
                pass
            case ops.CallBuiltin(Reg() as dst, _, _, (value, Reg() as source)) if source in sets and _tests(op):
                yield ops.DocMember(dst, sets[source].state, sets[source].doc, value)
            case ops.Collect() | ops.Negation() | ops.ForEvery():
                yield replace(op, block=_block(op.block, sets))
            case ops.Both() | ops.Either():
                yield replace(op, lhs=_block(op.lhs, sets), rhs=_block(op.rhs, sets))
            case _:
                yield op
