"""Plans as text: what a query does step by step, and what each document that it needs does.

A step that cannot go on fails: the loop above it, from which it is indented, goes on with its next element. Registers
are ``r0``, ``r1``…; ``@1`` is the world as a ``with`` has changed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

from ..json_text import to_json
from ..places import Location
from . import ops
from .ops import Block, Clause, Const, InputRoot, Operand, Reg, Routine
from .program import ProgramPlanner

WIDEST: Final = 60
"""Characters of a constant that are shown."""

INDENT: Final = "  "


def program_text(planner: ProgramPlanner, query: Routine) -> str:
    """A query and all that it may ask for, in the order in which that comes up."""
    written = _Writer(planner)
    todo = [query]
    seen: set[tuple[int, str]] = set()
    parts: list[str] = []
    while todo:
        routine = todo.pop(0)
        parts.append("\n".join(written.routine(routine)))
        for wanted in _wanted(planner, routine):
            if wanted not in seen:
                seen.add(wanted)
                todo.append(planner.question(wanted[0]) if wanted[1] == "q" else planner.routine(*wanted))
    return "\n\n".join(parts) + "\n"


def _wanted(planner: ProgramPlanner, routine: Routine) -> Iterator[tuple[int, str]]:
    """The documents and demands that a routine names."""
    for op in _steps(routine):
        match op:
            case ops.DocValue(doc=doc) | ops.CallFunction(doc=doc):
                yield doc, ""
            case ops.CallGiven(doc=doc, mask=mask) | ops.DocDemand(doc=doc, mask=mask):
                yield doc, mask
            case ops.DocMember(doc=doc):
                yield doc, "q"
            case ops.Extent(path=path):
                for node in planner.world.documents:
                    if node.path[: len(path)] == path and node.kind != "function":
                        yield node.doc, ""
            case _:
                pass


def _steps(routine: Routine) -> Iterator[object]:
    clauses = [*routine.clauses, *([] if routine.default is None else [routine.default])]
    todo: list[object] = [block for clause in clauses for block in clause.blocks]
    while todo:
        block = todo.pop(0)
        assert isinstance(block, Block)
        for op in block.ops:
            yield op
            todo.extend(v for f in fields(op) if isinstance(v := getattr(op, f.name), Block))


class _Writer:
    """Writes routines; ``planner`` knows the names of documents."""

    def __init__(self, planner: ProgramPlanner) -> None:
        self._documents = planner.world.documents

    def routine(self, routine: Routine) -> Iterator[str]:
        """One routine, line by line."""
        marks = [
            *([f"takes {', '.join(map(_operand, routine.params))}"] if routine.params else []),
            *(["the first value will do"] if routine.early_exit else []),
            *(["remembered"] if routine.memo else []),
        ]
        yield self._title(routine) + (f"  # {'; '.join(marks)}" if marks else "")
        if routine.gate is not None:
            yield f"{INDENT}only if"
            yield from self._block(routine.gate, 2)
        several = len(routine.clauses) > 1
        for number, clause in enumerate(routine.clauses, start=1):
            if several:
                yield f"{INDENT}rule {number}"
            yield from self._clause(clause, 2 if several else 1)
        if routine.default is not None:
            yield f"{INDENT}default"
            yield from self._clause(routine.default, 2)

    def _title(self, routine: Routine) -> str:
        if routine.kind == "query":
            return "query"
        demand = f" for keys {routine.mask}" if routine.mask else ""
        return f"{routine.kind} {self._name(routine.doc)}{demand}"

    def _clause(self, clause: Clause, depth: int) -> Iterator[str]:
        for at, block in enumerate(clause.blocks):
            if at:
                yield f"{INDENT * depth}else"
            yield from self._block(block, depth)

    def _block(self, block: Block, depth: int) -> Iterator[str]:
        for op in block.ops:
            yield INDENT * depth + self._op(op)
            for f in fields(op):
                inner = getattr(op, f.name)
                if isinstance(inner, Block):
                    yield from self._block(inner, depth + 2)
                    if f.name == "lhs":
                        yield f"{INDENT * (depth + 1)}{'and' if isinstance(op, ops.Both) else 'or'}"
            depth += isinstance(op, ops.LOOPS)
        yield INDENT * depth + self._end(block.end)

    # --- steps -----------------------------------------------------------------------------------

    def _op(self, op: ops.Op) -> str:
        return self._reading(op) or _making(op) or _plain(op)

    def _reading(self, op: ops.Op) -> str:
        """A step that looks something up; nothing for others."""
        match op:
            case ops.Load(dst, source, keys):
                return f"{_operand(dst)} = {_operand(source)}{_path(keys)}"
            case ops.LoadData(dst, state, keys):
                return f"{_operand(dst)} = data{_at(state)}{_path(keys)}"
            case ops.Settle(dst, source):
                return f"{_operand(dst)} = whole {_operand(source)}"
            case ops.Get(dst, source, key):
                return f"{_operand(dst)} = {_operand(source)}[{_operand(key)}]"
            case ops.Scan(source, key, value):
                return f"for {_pair(key, value)} in {_operand(source)}"
            case ops.DocValue(dst, state, doc):
                return f"{_operand(dst)} = {self._name(doc)}{_at(state)}"
            case ops.DocDemand(dst, state, doc, mask, keys):
                return f"{_operand(dst)} = {self._name(doc)}{_at(state)} for {mask} [{_operands(keys)}]"
            case ops.DocMember(dst, state, doc, value):
                return f"{_operand(dst)} = {_operand(value)} in {self._name(doc)}{_at(state)}"
            case ops.Extent(dst, state, path):
                return f"{_operand(dst)} = all of data{_path(path)}{_at(state)}"
            case ops.CursorOpen(dst, state, path):
                return f"{_operand(dst)} = place data{_path(path)}{_at(state)}"
            case ops.CursorStep(dst, _, cursor, key):
                return f"{_operand(dst)} = place {_operand(cursor)}[{_operand(key)}]"
            case ops.ScanWritten(keys, _, key, value):
                names = ", ".join(_operand(r) for r in (key, value) if r is not None)
                return f"for {names} as written of {_operands(keys)}"
            case ops.CursorScan(_, cursor, key, dst):
                return f"for {_operand(key)}, {_operand(dst)} below place {_operand(cursor)}"
            case ops.CursorValue(dst, _, cursor):
                return f"{_operand(dst)} = what stands at place {_operand(cursor)}"
            case ops.CallFunction(dst, state, doc, args):
                return f"{_operand(dst)} = {self._name(doc)}({_operands(args)}){_at(state)}"
            case ops.CallGiven(dst, state, doc, _, args, given):
                wanted = f" where it fits {_operands(given)}" if given else " where it fits"
                return f"{_operand(dst)} = {self._name(doc)}({_operands(args)}){_at(state)}{wanted}"
            case ops.CallBuiltin(dst, state, name, args):
                shown = f"{name}({_operands(args)}){_at(state)}"
                return shown if dst is None else f"{_operand(dst)} = {shown}"
            case ops.CallRelation(dst, state, name, args):
                return f"for {_operand(dst)} in {name}({_operands(args)}){_at(state)}"
            case _:
                return ""

    @staticmethod
    def _end(end: ops.End) -> str:
        match end:
            case ops.Found(stop):
                return "holds, enough" if stop else "holds"
            case ops.Append(value) | ops.AddMember(value):
                return f"add {_operand(value)}"
            case ops.PutPair(key, value):
                return f"add {_operand(key)}: {_operand(value)}"
            case ops.Give(value, stop):
                return f"give {_operand(value)}{', enough' if stop else ''}"
            case ops.PutPath(keys, value, is_set):
                steps = "".join(f"[{_operand(k)}]" for k in keys)
                return f"{'add to' if is_set else 'put at'} {steps or 'itself'} {_operand(value)}"
            case ops.Solve(values):
                return f"solved by {_operands(values) or 'itself'}"
            case _:
                return _plain(end)

    def _name(self, doc: int) -> str:
        return "data" + _path(self._documents[doc].path)


def _making(op: ops.Op) -> str:
    """A step that tests or makes something; nothing for others."""
    match op:
        case ops.Fail():
            return "fail"
        case ops.Unevaluated(name, position):
            return f"error: {name} would need the value of its operand {position}"
        case ops.TestEqual(a, b):
            return f"{_operand(a)} = {_operand(b)}?"
        case ops.TestTrue(a):
            return f"{_operand(a)}?"
        case ops.Indexed(source, tests):
            return f"{_operand(source)} {' or '.join(f'{word} {_constant(v)}' for word, v in tests)}?"
        case ops.KeyOf(source, key):
            return f"{_operand(key)} is a key of {_operand(source)}, if that has keys?"
        case ops.CheckArray(source, length):
            return f"{_operand(source)} is an array of {length}?"
        case ops.CheckObject(source, length):
            return f"{_operand(source)} is an object of {length}?"
        case ops.CheckKind(source, kind):
            return f"{_operand(source)} may be {'a set' if kind == 'set' else f'an {kind}'}?"
        case ops.Item(dst, source, index):
            return f"{_operand(dst)} = {_operand(source)}[{index}]"
        case ops.Copy(dst, source):
            return f"{_operand(dst)} = {_operand(source)}"
        case ops.BuildArray(dst, items):
            return f"{_operand(dst)} = [{_operands(items)}]"
        case ops.BuildSet(dst, items):
            return f"{_operand(dst)} = {{{_operands(items)}}}"
        case ops.KeepOrder(dst, source):
            return f"{_operand(dst)} = {_operand(source)} as written"
        case ops.BuildObject(dst, pairs):
            return f"{_operand(dst)} = {{{', '.join(f'{_operand(k)}: {_operand(v)}' for k, v in pairs)}}}"
        case ops.Collect(dst, kind):
            return f"{_operand(dst)} = {kind} of"
        case ops.Negation():
            return "not"
        case ops.ForEvery(domain, key, value):
            return f"every {_pair(key, value)} in {_operand(domain)}{' as written' if op.written else ''}"
        case ops.Both() | ops.Either():
            return "either" if isinstance(op, ops.Either) else "both"
        case ops.WithState(dst, src, replaces):
            changes = ", ".join(map(_replacement, replaces))
            return f"@{dst} ={_at(src)} with {changes}"
        case _:
            return ""


def _operand(operand: Operand | None) -> str:
    match operand:
        case Reg(n):
            return f"r{n}"
        case Const(value):
            return _constant(value)
        case InputRoot(state):
            return f"input{_at(state)}"
        case None:
            return "_"


def _operands(operands: Sequence[Operand]) -> str:
    return ", ".join(map(_operand, operands))


def _pair(key: Reg | None, value: Reg | None) -> str:
    return _operand(value) if key is None else f"{_operand(key)}, {_operand(value)}"


def _constant(value: Any) -> str:
    text = to_json(value)
    return text if len(text) <= WIDEST else text[:WIDEST] + "…"


def _path(steps: Sequence[Any]) -> str:
    return "".join(f".{s}" if isinstance(s, str) and s.isidentifier() else f"[{_constant(s)}]" for s in steps)


def _at(state: int) -> str:
    return f" @{state}" if state else ""


def _replacement(item: ops.Replace) -> str:
    target = "".join(("data" if item.kind == "nothing" else item.name or item.kind, _path(item.path)))
    return f"{target} as {'nothing' if item.kind == 'nothing' else item.function or _operand(item.value)}"


def _plain(op: object) -> str:
    """A step by its name and fields: what has no words of its own."""
    words = [type(op).__name__.lower()]
    for f in fields(op):  # type: ignore[arg-type] # all steps are records
        value = getattr(op, f.name)
        if isinstance(value, Block | Location):
            continue
        shown = _operand(value) if isinstance(value, Reg | Const | InputRoot) else str(value)
        words.append(f"{f.name}={shown}")
    return " ".join(words)
