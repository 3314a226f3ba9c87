"""Sets that are made only to be looked through once: their rules' bodies go in the place of the scan.

``denied if { some [_, _, _, layer] in layers; layer in vulnerable }`` asks whether one member will do. Instead of
making ``layers``, sorting it and going through it, the bodies of its rules run as part of the one that asks: the first
member that will do ends the search, and what a member is made of is never put together. OPA makes the whole set, and
so do we wherever the difference could be seen: neither the set nor what follows the scan may be able to raise an error
(:mod:`.raising`), the answer must be the same whatever the order of the members, however often each comes and however
its numbers are spelt (:mod:`.spelling`), and the set must not be needed often. What is known only at run time
(``with``, lazy documents) is looked at by the generated code, which has the plain form beside this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..check.visit import walk as nodes_of
from ..records import fields, is_record, replace
from ..syntax import nodes as ast
from ..values import Value
from . import ops
from .ops import Block, Clause, Const, Op, Operand, Reg, Routine
from .program import ProgramPlanner
from .raising import Raising
from .relaxing import order_free
from .spelling import one_spelling, unseen
from .trim import registers

MOST_USES: Final = 2
MOST_CHEAP_USES: Final = 8
"""How many references there may be to a set, more where its rules call nothing. Each one runs its rules anew; one that
is made is made once."""

MOST_RULES: Final = 4
MOST_OPS: Final = 200
"""How far a body may grow: rules of sets that go into it, and instructions."""

MOST_MODULES: Final = 200
"""Modules, beyond which it is not found out how often a set is used."""


class Streams:
    """Puts the rules of sets in the place of scans."""

    def __init__(self, planner: ProgramPlanner, modules: Mapping[str, ast.Module], raising: Raising) -> None:
        self._planner = planner
        self._modules = modules
        self._raising = raising
        self._uses: Counter[tuple[Value, ...]] | None = None

    def applied(self, routine: Routine, static: Callable[[int], bool]) -> Routine | None:
        """The routine without the sets that it does not need; None where it needs all."""
        match routine.kind:
            case "complete" if routine.early_exit:  # the first block that gives the value decides
                clauses = tuple(
                    Clause(tuple(b for block in c.blocks for b in self._block(block, static))) for c in routine.clauses
                )
            case "set":
                clauses = tuple(Clause((b,)) for c in routine.clauses for b in self._block(c.blocks[0], static))
            case _:
                return None
        return None if clauses == routine.clauses else replace(routine, clauses=clauses)

    def _block(self, block: Block, static: Callable[[int], bool]) -> list[Block]:
        """The blocks that together say what one said: one for each rule of a set that went into it."""
        todo, done = [block], list[Block]()
        while todo:
            at = todo.pop(0)
            parts = self._parted(at, static) if len(todo) + len(done) < MOST_RULES else None
            if parts is None:
                done.append(at)
            else:
                todo[:0] = parts
        return done

    def _parted(self, block: Block, static: Callable[[int], bool]) -> list[Block] | None:
        if not order_free(block):
            return None
        at = next((i for i, op in enumerate(block.ops) if isinstance(op, ops.LOOPS)), None)
        if at is None:
            return None
        scan, before, after = block.ops[at], block.ops[:at], block.ops[at + 1 :]
        if not isinstance(scan, ops.Scan) or not isinstance(scan.source, Reg):
            return None
        made = next((op for op in before if isinstance(op, ops.DocValue) and op.dst == scan.source), None)
        if made is None or made.state != 0 or made.replaceable or static(made.doc):
            return None
        if Counter(registers(block))[made.dst] != 2 or not self._raising.harmless(after):
            return None
        routine = self._planner.routine(made.doc, "")
        if routine.kind != "set" or not self._raising.cannot(made.doc) or not self._seldom(made.path, _cheap(routine)):
            return None
        members = {reg for reg in (scan.key, scan.value) if reg is not None}
        if not _spelt_alike(routine) and not unseen(members, after):
            return None
        rest = tuple(op for op in before if op is not made)
        parts = [_joined(rest, c.blocks[0], scan, after, block.end) for c in routine.clauses]
        return None if any(len(p.ops) > MOST_OPS for p in parts) else parts

    def _seldom(self, path: tuple[Value, ...], cheap: bool) -> bool:
        """Whether few references stand for the document at the path or what is in it."""
        if len(self._modules) > MOST_MODULES:
            return False
        if self._uses is None:
            self._uses = Counter()
            for module in self._modules.values():
                for rule in module.rules:
                    for node in nodes_of(rule):
                        if isinstance(node, ast.Ref) and isinstance(node.head, ast.Var) and node.head.name == "data":
                            self._uses.update(_prefixes(node))
        most = MOST_CHEAP_USES if cheap else MOST_USES
        return self._uses[path] <= most and not any(self._uses[(*path[:n], ANY)] for n in range(len(path)))


def _spelt_alike(routine: Routine) -> bool:
    """Whether equal members of a set are the same in every way. Two rules may each write the same number their way."""
    rules = [c.blocks[0] for c in routine.clauses]
    return len(rules) == 1 and all(isinstance(r.end, ops.AddMember) and one_spelling(r.end.value, r.ops) for r in rules)


def _cheap(routine: Routine) -> bool:
    """Whether a set's rules but look into documents, and make nothing of what they find."""
    return all(isinstance(op, _LOOKS) for c in routine.clauses for op in c.blocks[0].ops)


_LOOKS = ops.Load | ops.LoadData | ops.Settle | ops.Get | ops.Scan | ops.TestEqual | ops.TestTrue

ANY: Final = object()
"""A step that is known only at run time."""


def _prefixes(ref: ast.Ref) -> list[tuple[Value, ...]]:
    steps: list[Value] = []
    found: list[tuple[Value, ...]] = []
    for term in ref.path:
        if not isinstance(term, ast.Scalar) or not isinstance(term.value, str):
            return [*found, (*steps, ANY)]
        steps.append(term.value)
        found.append(tuple(steps))
    return found


def _joined(before: tuple[Op, ...], rule: Block, scan: ops.Scan, after: tuple[Op, ...], end: ops.End) -> Block:
    """One rule's instructions between those before the scan and those after it, with its member in the scan's place."""
    assert isinstance(rule.end, ops.AddMember)
    first = 1 + max((reg.n for reg in registers((before, scan, after, end))), default=-1)

    def moved(reg: Reg) -> Operand:
        return Reg(reg.n + first)

    inner = _mapped((rule.ops, rule.end), moved)
    member: Operand = inner[1].value
    names: dict[Reg, Operand] = {reg: member for reg in (scan.key, scan.value) if reg is not None}
    return Block(tuple(map(_unordered, _taken_apart((*before, *inner[0], *after), names))), end)


def _taken_apart(every: tuple[Op, ...], names: dict[Reg, Operand]) -> list[Op]:
    """The instructions with other names for registers, and without arrays that are made only to be taken apart."""
    arrays: dict[Operand, tuple[Operand, ...]] = {}
    found: list[Op] = []
    for op in every:
        op = _mapped(op, lambda reg: names.get(reg, reg))
        match op:
            case ops.BuildArray(dst, items):
                arrays[dst] = items
            case ops.CheckArray(source, length) if source in arrays:
                if len(arrays[source]) != length:
                    found.append(ops.Fail())
                continue
            case ops.Item(dst, source, index) if source in arrays and index < len(arrays[source]):
                names[dst] = arrays[source][index]
                continue
            case _:
                pass
        found.append(op)
    mentions = Counter(registers(tuple(found)))
    return [op for op in found if not (isinstance(op, ops.BuildArray) and mentions[op.dst] == 1)]


def _unordered(op: Op) -> Op:
    return replace(op, ordered=False) if isinstance(op, ops.Scan) else op


def _mapped(part: Any, name: Callable[[Reg], Operand]) -> Any:
    """Part of a plan with other operands in the place of registers."""
    match part:
        case Reg():
            return name(part)
        case tuple():
            return tuple([_mapped(p, name) for p in part])
        case Const() | ops.InputRoot() | str() | int() | None:
            return part
        case Block(inner, end):
            return Block(_mapped(inner, name), _mapped(end, name))
        case _ if is_record(part):
            return replace(
                part, **{f.name: _mapped(getattr(part, f.name), name) for f in fields(part) if f.name != "loc"}
            )
        case _:
            return part
