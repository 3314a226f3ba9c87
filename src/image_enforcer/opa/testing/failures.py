"""The expression at which a test failed, with the values of what is in it below it, as OPA draws it.

The checks split an expression into several; what was written as one is told as one. Values stand below the column of
what they are values of, joined by bars.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...rego import UNDEFINED, Location, Policy
from ...rego.check.visit import children, walk
from ...rego.places import NO_LOCATION
from ...rego.syntax.nodes import (
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    ObjectComprehension,
    Ref,
    SetComprehension,
    Term,
    TermExpr,
    Var,
    With,
)
from ...rego.syntax.printer import term_text
from ..explain.bindings import Bindings, literal
from ..explain.events import Event
from .results import FailedAt

WIDEST: Final = 64
"""Bytes of a value that are shown."""

WIDEST_IN_TRACE: Final = 32


def failed_at(events: Sequence[Event], names: Mapping[str, str], written: WrittenBodies) -> FailedAt | None:
    """The last expression that failed, the query itself aside."""
    for event in reversed(events):
        if event.op != "Fail" or not event.location.row or not event.query:
            continue
        node = event.node
        if isinstance(node, Expr) and isinstance(node.terms, Every):
            continue  # what failed stands inside
        place = f"{event.location.file}:{event.location.row}"
        return FailedAt(place, _drawn(event, names, written) if isinstance(node, Expr) else "")
    return None


def values_in(event: Event, names: Mapping[str, str]) -> str:
    """The values of what a step is about, for a column of a trace."""
    from ...rego.syntax.nodes import Rule

    bound = {v.name: t for v, t in event.bound}
    node = event.node.head if isinstance(event.node, Rule) else event.node
    found: dict[str, Term] = {}
    if not isinstance(event.node, Rule):
        found.update((term_text(ref), value) for ref, value in event.known)
    for x in walk(node):
        if isinstance(x, Var) and x.name in bound:
            found[term_text(Var(names.get(x.name, x.name)))] = bound[x.name]
    return "{" + ", ".join(f"{k}: {truncated(term_text(found[k]), WIDEST_IN_TRACE)}" for k in sorted(found)) + "}"


class WrittenBodies:
    """Finds what the checks have made of an expression, by where it was written."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._found: dict[str, dict[Location, tuple[Body, Expr]]] = {}

    def around(self, expr: Expr) -> tuple[Expr, list[Expr]]:
        """The expression that was written, and those made of it besides the one at hand."""
        there = self._of(expr.loc.file).get(expr.loc) if expr.loc.row else None
        if there is None:
            return expr, []
        body, _ = there
        base = expr
        if expr.generated:
            base = next((e for e in body if not e.generated and _inside(expr.loc, e.loc)), expr)
        made = [e for e in body if (e.generated or e is base) and _inside(e.loc, base.loc)]
        return base, [e for e in made if e != expr]

    def _of(self, file: str) -> dict[Location, tuple[Body, Expr]]:
        found = self._found.get(file)
        if found is None:
            found = self._found[file] = {}
            for module in self._policy.compiled.values():
                for rule in module.rules:
                    if rule.loc.file == file:
                        found.update((e.loc, (body, e)) for body in _bodies(rule) for e in body)
        return found


def _bodies(node: object) -> Iterator[Body]:
    """Every body below a node."""
    from ...rego.syntax.nodes import Rule

    for x in walk(node):
        match x:
            case Rule() | Every() | Not() | ArrayComprehension() | SetComprehension() | ObjectComprehension():
                yield x.body
            case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                yield lhs
                yield rhs


def _inside(inner: Location, outer: Location) -> bool:
    return outer.begin <= inner.begin and inner.end <= outer.end


@dataclass(slots=True)
class _Shown:
    """A value, by what was written; ``value`` is empty where it is not known to have one."""

    title: str
    value: str
    loc: Location
    col: int
    known: bool = True


@dataclass(slots=True)
class _Values:
    """Collects the values of what stands in expressions, by what was written."""

    bound: Mapping[str, Term]
    names: Mapping[str, str]
    found: dict[str, _Shown] = field(default_factory=dict)

    def add(self, title: str, value: Term | None, loc: Location, *, over: bool = False) -> None:
        """One value. What is known stays, save with ``over``."""
        before = self.found.get(title)
        if before is None or over or not before.known:
            shown = "undefined" if value is None else term_text(value)
            self.found[title] = _Shown(title, shown, loc, loc.col, value is not None)

    def look(self, node: object, unknown_is_undefined: bool) -> None:
        """Everything in an expression; comprehensions have been evaluated, and their variables are gone."""
        for x in _terms(node):
            match x:
                case Ref(terms, loc) if loc != NO_LOCATION:
                    selected = self._selected(x)
                    if selected is not None:
                        self.add(loc.text, selected, loc)
                    del terms
                case Var(name, loc) if loc != NO_LOCATION:
                    if name in self.bound or name in self.names:
                        self.add(loc.text, self.bound.get(name), loc)
                    elif unknown_is_undefined:
                        self.add(loc.text, None, loc)

    def _selected(self, ref: Ref) -> Term | None:
        """What a reference into a variable's value comes to."""
        head = self.bound.get(ref.head.name) if isinstance(ref.head, Var) else None
        value = Bindings().value(head) if head is not None else UNDEFINED
        from ...rego.run.access import get

        for step in ref.path:
            term = self.bound.get(step.name) if isinstance(step, Var) else step
            at = UNDEFINED if term is None else Bindings().value(term)
            value = get(value, at) if value is not UNDEFINED and at is not UNDEFINED else UNDEFINED
        return None if value is UNDEFINED or not ref.path else literal(value)


def _terms(node: object) -> Iterator[Term]:
    """The terms of an expression, operators and comprehensions' insides left out."""
    todo: list[object] = [node]
    while todo:
        x = todo.pop(0)
        match x:
            case Expr(TermExpr(term), _, withs):
                todo[:0] = [term, *withs]
            case Expr(CallExpr(_, args), _, withs):
                todo[:0] = [*args, *withs]
            case Expr(terms, _, withs):
                todo[:0] = [*children(terms), *withs]
            case With(_, value):
                todo.insert(0, value)
            case Call(_, args):
                todo[:0] = args
            case ArrayComprehension() | SetComprehension() | ObjectComprehension():
                continue
            case Var() | Ref():
                yield x
                todo[:0] = children(x)
            case _:
                todo[:0] = children(x)


def _drawn(event: Event, names: Mapping[str, str], written: WrittenBodies) -> str:
    expr = event.node
    assert isinstance(expr, Expr)
    base, others = written.around(expr)
    values = _Values({v.name: t for v, t in event.bound}, names)
    for ref, value in event.known:
        values.add(ref.head.loc.text or term_text(ref), value, ref.head.loc, over=True)
    values.look(expr, not expr.negated)
    for other in others:
        values.look(other, False)
    return padded(base.loc) + _below(values.found.values())


def padded(loc: Location) -> str:
    """A piece of source behind as much room as stands before it in its line."""
    if not loc.row or not loc.col:
        return loc.text
    return _room(loc, 0, loc.col - 1) + loc.text


def _room(loc: Location, begin: int, end: int) -> str:
    """Blanks for columns of the line of a place; tabs stay tabs."""
    start = loc.offset - (loc.col - 1)
    line = loc.source[start : loc.offset]
    return "".join("\t" if i < len(line) and line[i] == "\t" else " " for i in range(begin, end))


def _has_tabs(loc: Location) -> bool:
    return "\t" in loc.source[loc.offset - (loc.col - 1) : loc.offset]


def _below(found: Iterable[_Shown]) -> str:
    shown = list(found)
    if any(_has_tabs(x.loc) for x in shown) and len({x.loc.row for x in shown}) > 1:
        lines = [f"\n{x.title}: {truncated(x.value, WIDEST)}" for x in sorted(shown, key=lambda x: x.title)]
        return "\n\nWhere:\n" + "".join(lines)
    shown.sort(key=lambda x: (x.col, -x.loc.row, x.title))
    if not shown:
        return ""
    lines = [_line(shown, None), *(_line(shown, i) for i in range(len(shown) - 1, -1, -1))]
    return "\n" + "\n".join(lines)


def _line(shown: Sequence[_Shown], at: int | None) -> str:
    """Bars down to the values that are still to come, and one value."""
    part = shown if at is None else shown[: at + 1]
    out = ""
    column = 0
    for i, x in enumerate(part):
        last = i == len(part) - 1
        if not last and x.col == shown[i + 1].col:
            continue
        out += _room(x.loc, column, x.col - 1)
        if last and at is not None:
            shared = (i > 0 and x.col == shown[i - 1].col) or (i + 1 < len(shown) and x.col == shown[i + 1].col)
            out += (f"{x.title}: " if shared else "") + truncated(x.value, WIDEST)
        else:
            out += "|"
        column = x.col
    return out


def truncated(text: str, most: int) -> str:
    """A text of at most so many bytes."""
    raw = text.encode()
    if len(raw) <= most:
        return text
    return raw[: most - 3].decode(errors="ignore") + "..."
