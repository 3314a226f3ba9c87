"""Calls of built-ins with an operand in which a variable has no value: OPA ends the evaluation and shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..places import Location
from ..syntax import nodes as ast
from ..syntax.printer import term_text
from ..syntax.term_order import term_order
from . import ops
from .ops import Const, Operand

if TYPE_CHECKING:
    from .bodies import BodyPlanner

MARK = "\x00"
"""What parts a variable's name from the number of the call that it belongs to."""


def unevaluated(planner: BodyPlanner, name: str, args: Sequence[ast.Term], at: int, loc: Location) -> ops.Unevaluated:
    """The error of a call whose operand number ``at`` has no value."""
    return ops.Unevaluated(name, at + 1, tuple(_joined(_shown(planner, args[at]))), loc)


def _shown(planner: BodyPlanner, term: ast.Term) -> Iterator[str | Operand]:
    match term:
        case ast.Var(name) if name not in planner.env:
            yield term_text(ast.Var(name.partition(MARK)[0]))
        case ast.Array(items):
            yield from _listed(planner, "[", [(i,) for i in items], "]")
        case ast.Set(items):
            yield from _listed(planner, "{", [(i,) for i in sorted(items, key=term_order)], "}")
        case ast.Object(pairs):
            yield from _listed(planner, "{", sorted(pairs, key=lambda p: term_order(p[0])), "}")
        case ast.Var():
            yield planner.value(term)
        case _:
            yield term_text(term)


def _listed(
    planner: BodyPlanner, start: str, items: Sequence[tuple[ast.Term, ...]], end: str
) -> Iterator[str | Operand]:
    yield start
    for at, item in enumerate(items):
        if at:
            yield ", "
        yield from _shown(planner, item[0])
        if len(item) > 1:
            yield ": "
            yield from _shown(planner, item[1])
    yield end


def _joined(parts: Iterator[str | Operand]) -> Iterator[Operand]:
    """Texts and values by turns, beginning and ending with a text."""
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            yield Const(text)
            yield part
            text = ""
    yield Const(text)
