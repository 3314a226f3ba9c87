"""The way to a fault: the bodies around it from the inside, each with the expression that was evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...rego import UNDEFINED, EvalError, Location
from ...rego.syntax.nodes import Array, CallExpr, Every, Expr, Object, Ref, Set, Term, TermExpr, Var
from ...rego.syntax.nodes import Call as TermCall
from ...rego.syntax.printer import term_text
from .bindings import Bindings, literal

if TYPE_CHECKING:
    from .steps import Steps

WIDEST: Final = 80
"""Characters of an expression, and of a value in it, that are shown."""


@dataclass(frozen=True, slots=True)
class Call:
    """One body on the way to a fault: its number, and the expression that was evaluated.

    ``text`` is its source, with the values of its variables in their places.
    """

    query: int
    location: Location
    text: str

    def __str__(self) -> str:
        words = " ".join(self.text.split())
        text = words if len(words) <= WIDEST else words[:WIDEST] + "..."
        return f"{self.location}: {text}" if text else str(self.location)


@dataclass(frozen=True, slots=True)
class Traced:
    """A fault with the way to it, from the inside."""

    error: EvalError
    calls: tuple[Call, ...] = ()


def way_to(frame: Steps) -> tuple[Call, ...]:
    """The bodies around the one at hand, from the inside."""
    found: list[Call] = []
    at: Steps | None = frame
    while at is not None:
        expr = at.body[min(at.index, len(at.body) - 1)]
        found.append(Call(at.number, expr.loc, _with_values(expr, at.bindings)))
        at = at.parent
    return tuple(found)


def _with_values(expr: Expr, bindings: Bindings) -> str:
    """The source of an expression, the values of the variables that it reads put in."""
    source, text = expr.loc, expr.loc.text
    declared = text.find(" in ") if text.startswith("some ") else 0
    parts: list[tuple[int, int, str]] = []
    for var in _read(expr):
        start, end = var.loc.begin - source.begin, var.loc.end - source.begin
        if var.loc.file != source.file or start < declared or start >= end or text[start:end] != var.loc.text:
            continue
        value = bindings.value(var)
        if value is not UNDEFINED:
            shown = term_text(literal(value))
            if len(shown.encode()) <= WIDEST:
                parts.append((start, end, shown))
    out, at = "", 0
    for start, end, shown in sorted(parts):
        if start >= at:
            out, at = out + text[at:start] + shown, end
    return out + text[at:]


def _read(expr: Expr) -> Iterator[Var]:
    """The variables that an expression reads, those of comprehensions left out."""
    match expr.terms:
        case TermExpr(term):
            yield from _inside(term)
        case CallExpr(_, args):
            for arg in args:
                yield from _inside(arg)
        case Every(_, _, domain, body):
            yield from _inside(domain)
            for inner in body:
                yield from _read(inner)
        case _:
            pass
    for item in expr.withs:
        yield from _inside(item.value)


def _inside(term: Term) -> Iterator[Var]:
    match term:
        case Var():
            yield term
        case Ref(items) | Array(items) | Set(items) | TermCall(_, items):
            for item in items:
                yield from _inside(item)
        case Object(pairs):
            for pair in pairs:
                for item in pair:
                    yield from _inside(item)
        case _:
            pass
