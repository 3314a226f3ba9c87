"""Traces as text, in OPA's layout, with the names that variables were written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ...rego import Location
from ...rego.check.visit import Rewriter
from ...rego.syntax.nodes import (
    ArrayComprehension,
    Body,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    ObjectComprehension,
    Ref,
    Rule,
    Set,
    SetComprehension,
    Term,
    TermExpr,
    Var,
)
from ...rego.syntax.printer import expr_text, logical_text, term_text
from ...rego.syntax.term_order import members_in_order
from ...rego.text import quoted
from .events import Event

WIDEST_PLACE: Final = 64
"""Characters of a file's place that are shown."""


class _Written(Rewriter):
    """Puts the names back that variables were written with."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def term(self, term: Term) -> Term:
        """A term, as :class:`Rewriter` does it."""
        if isinstance(term, Var):
            name = self.names.get(term.name)
            return term if name is None else Var(name, term.loc)
        return super().term(term)


def trace_text(events: Sequence[Event], names: Mapping[str, str], paths: Mapping[int, Ref]) -> str:
    """A line for each event.

    ``names`` are those that generated names stand for, ``paths`` those of rules by identity.
    """
    rows = trace_rows(events, names, paths)
    width = max((len(place) for place, _ in rows), default=0)
    return "".join([f"{place:<{width}}     {said}\n" for place, said in rows])


def trace_rows(
    events: Sequence[Event], names: Mapping[str, str], paths: Mapping[int, Ref]
) -> list[tuple[str, str]]:  # fmt: skip
    """The place of each event and what is said of it, as far to the right as it is nested."""
    written = _Written(names)
    depths: dict[int, int] = {}
    rows: list[tuple[str, str]] = []
    for event, place in zip(events, _places(events), strict=True):
        depth = depths.setdefault(event.query, depths.get(event.parent, 0) + 1)
        inner = event.op != "Enter" and not (event.op == "Redo" and not isinstance(event.node, Expr))
        rows.append((place, "| " * (depth if inner else depth - 1) + _said(event, written, paths)))
    return rows


def _said(event: Event, written: _Written, paths: Mapping[int, Ref]) -> str:
    if event.op == "Note":
        return f"Note {quoted(event.message)}"
    if event.op == "Index" and event.ref is not None:
        return f"Index {term_text(event.ref)} {event.message}"
    node: Any = event.node
    if isinstance(node, Rule):
        said = f"{event.op} {term_text(paths[id(node)])}"
    elif isinstance(node, Expr):
        said = f"{event.op} {expression(_without_key(written.expr(node)))}"
    else:
        said = f"{event.op} {body(written.body(node))}"
    return f"{said} {event.message}" if event.message else said


def _without_key(expr: Expr) -> Expr:
    terms = expr.terms
    if isinstance(terms, Every) and isinstance(terms.key, Var) and terms.key.is_generated:
        return replace(expr, terms=replace(terms, key=None))
    return expr


def _places(events: Sequence[Event]) -> list[str]:
    places = [_place(e.location) for e in events]
    longest = max(map(len, places), default=0)
    if longest <= WIDEST_PLACE:
        return places
    return [p if len(p) <= WIDEST_PLACE else "..." + p[3 - WIDEST_PLACE :] for p in places]


def _place(location: Location) -> str:
    if not location.row:
        return ""
    return f"{location.file or 'query'}:{location.row}"


# --- expressions as they are evaluated: calls flat, only equations between their sides ------------


def body(exprs: Body) -> str:
    """Expressions joined by semicolons."""
    return "; ".join(map(expression, exprs))


def expression(expr: Expr) -> str:
    """One expression."""
    match expr.terms:
        case TermExpr(inner):
            text = term(inner)
        case CallExpr(operator, args):
            name = term_text(operator)
            if name == "eq" and len(args) == 2:
                text = f"{term(args[0])} = {term(args[1])}"
            else:
                text = f"{name}({', '.join(map(term, args))})"
        case Every(key, value, domain, inside):
            variables = term(value) if key is None else f"{term(key)}, {term(value)}"
            text = f"every {variables} in {term(domain)} {{ {body(inside)} }}"
        case Not(inside, explicit=explicit):
            text = f"not {{{body(inside)}}}" if explicit or len(inside) > 1 else f"not {body(inside)}"
        case LogicalAnd() | LogicalOr() as either:
            text = logical_text(either, body)
        case _:
            return expr_text(expr)
    if expr.negated:
        text = "not " + text
    return text + "".join(f" with {term(w.target)} as {term(w.value)}" for w in expr.withs)


def term(shown: Term) -> str:
    """One term."""
    match shown:
        case ArrayComprehension(inner, inside):
            return f"[{term(inner)} | {body(inside)}]"
        case SetComprehension(inner, inside):
            return f"{{{term(inner)} | {body(inside)}}}"
        case ObjectComprehension(k, v, inside):
            return f"{{{term(k)}: {term(v)} | {body(inside)}}}"
        case Set(items) if items:
            return f"{{{', '.join(dict.fromkeys(map(term, members_in_order(items))))}}}"
        case _:
            return term_text(shown)
