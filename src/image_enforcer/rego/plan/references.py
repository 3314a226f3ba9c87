"""References in plans: which steps are loaded, looked up, scanned; which belong to documents that rules make.

Below ``data`` constant steps lead down the tree of documents as long as they last; behind the first other one a cursor
goes on at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..syntax import nodes as ast
from ..values import Value, index_of
from . import ops
from .documents import Node
from .ops import Const, InputRoot, Operand
from .unification import Slot, unify

if TYPE_CHECKING:
    from .bodies import BodyPlanner


def plan_reference(planner: BodyPlanner, ref: ast.Ref) -> Operand:
    """Plan a reference: constant steps are loaded, bound ones looked up, unbound ones scanned."""
    head = ref.head
    if isinstance(head, ast.Var) and head.name == "input" and "input" not in planner.env:
        return _steps(planner, InputRoot(planner.state), ref.path)
    if planner.names_data(head):
        return _data(planner, ref)
    return _steps(planner, planner.value(head), ref.path)


def _steps(
    planner: BodyPlanner, source: Operand, path: Sequence[ast.Term], base: Sequence[Value] | None = None
) -> Operand:
    """Plan steps from a value; ``base`` is the path of a base document."""
    walked: list[Operand] | None = None if base is None else list(map(Const, base))
    placed = base is not None and planner.world.may_replace(tuple(base))
    i = 0
    while i < len(path):
        names: list[str] = []
        while i < len(path):
            step = path[i]
            if not (isinstance(step, ast.Scalar) and isinstance(step.value, str)):
                break
            if walked is not None and index_of(step.value) >= 0:  # there it finds a place in an array, too
                break
            names.append(step.value)
            i += 1
        if names:
            dst = planner.reg()
            planner.ops.append(ops.Load(dst, source, tuple(names)))
            source = dst
            if walked is not None:
                walked += map(Const, names)
            continue
        source = _step(planner, source, path[i], walked, placed)
        i += 1
    if isinstance(source, InputRoot):
        return _input(planner)
    return source


def _step(planner: BodyPlanner, source: Operand, step: ast.Term, walked: list[Operand] | None, placed: bool) -> Operand:
    dst = planner.reg()
    if planner.known(step):
        k = planner.value(step)
        where = tuple(walked) if walked is not None and placed else ()
        planner.ops.append(ops.Get(dst, source, k, walked is not None, where, planner.state))
        if walked is not None:
            walked.append(k)
        return dst
    written = planner.written.get(source)
    if written is not None:
        index = planner.reg()
        planner.ops.append(ops.ScanWritten(*written, index, dst))
        unify(planner, step, Slot(index))
        return dst
    nameless = isinstance(step, ast.Var) and step.is_wildcard
    if nameless and not placed:
        planner.ops.append(ops.Scan(source, None, dst))
        return dst
    index = planner.reg()
    planner.ops.append(ops.Scan(source, index, dst))
    if walked is not None:
        walked.append(index)
    if not nameless:
        unify(planner, step, Slot(index))
    return dst


def _input(planner: BodyPlanner) -> Operand:
    reg = planner.reg()
    planner.ops.append(ops.Load(reg, InputRoot(planner.state), ()))
    return reg


def _data(planner: BodyPlanner, ref: ast.Ref) -> Operand:
    path = ref.path
    node, i = planner.reached(path)
    if node is None:
        return _base(planner, path)
    if node.doc >= 0:
        return _document(planner, node, path[i:])
    if i < len(path):
        return _cursor(planner, node, path[i:])
    dst = planner.reg()
    planner.ops.append(ops.Extent(dst, planner.state, tuple(_constant(planner, t) for t in path)))
    return dst


def _constant(planner: BodyPlanner, term: ast.Term) -> Value:
    if isinstance(term, ast.Scalar):
        return term.value
    operand = planner.env[term.name] if isinstance(term, ast.Var) else None
    assert isinstance(operand, Const)
    return operand.value


def _base(planner: BodyPlanner, path: Sequence[ast.Term]) -> Operand:
    keys: list[Value] = []
    for step in path:
        if not (isinstance(step, ast.Scalar) and isinstance(step.value, str)):
            break
        keys.append(step.value)
    dst = planner.reg()
    planner.ops.append(ops.LoadData(dst, planner.state, tuple(keys)))
    found = _steps(planner, dst, path[len(keys) :], keys)
    settled = planner.reg()
    planner.ops.append(ops.Settle(settled, found, planner.state))
    return settled


def _cursor(planner: BodyPlanner, node: Node, steps: Sequence[ast.Term]) -> Operand:
    opened = planner.reg()
    planner.ops.append(ops.CursorOpen(opened, planner.state, node.path))
    cursor: Operand = opened
    for step in steps:
        dst = planner.reg()
        if planner.known(step):
            planner.ops.append(ops.CursorStep(dst, planner.state, cursor, planner.value(step)))
        else:
            index = planner.reg()
            planner.ops.append(ops.CursorScan(planner.state, cursor, index, dst))
            if not (isinstance(step, ast.Var) and step.is_wildcard):
                unify(planner, step, Slot(index))
        cursor = dst
    value = planner.reg()
    planner.ops.append(ops.CursorValue(value, planner.state, cursor))
    return value


def _document(planner: BodyPlanner, node: Node, rest: Sequence[ast.Term]) -> Operand:
    replaceable = planner.world.replaceable(node.path)
    if rest and node.kind in ("set", "object") and planner.world.savings.demand and planner.known(rest[0]):
        depth = planner.world.depth(node)
        mask = "".join("b" if planner.known(t) else "u" for t in rest[:depth]).rstrip("u")
        # a step that an earlier unbound step of the same reference binds is not known before the scan
        lead = len(mask) - len(mask.lstrip("b"))
        keys = tuple(planner.value(t) for t, m in zip(rest, mask, strict=False) if m == "b")
        dst = planner.reg()
        planner.world.demand(node, mask)
        planner.ops.append(ops.DocDemand(dst, planner.state, node.doc, mask, keys, node.path, replaceable))
        return _steps(planner, dst, rest[lead:])
    dst = planner.reg()
    planner.ops.append(ops.DocValue(dst, planner.state, node.doc, node.path, replaceable))
    return _steps(planner, dst, rest)
