"""Entries that keep their lines: those of composites and calls, and the expressions of bodies in brackets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ...rego.syntax.nodes import Array, Body, Call, Expr, Object, Ref, Scalar, Set, Term, Var
from ...rego.syntax.term_order import term_order
from .page import Crowded, Page
from .places import Place, closing_row, place_of, term_place
from .remarks import Remarks
from .style import parts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """An entry and its place, that of its key where it is a pair."""

    term: Term
    place: Place
    value: Term | None = None


def members(term: Set) -> list[Item]:
    """The members of a set, each once."""
    found: dict[Hashable, Item] = {}
    for item in term.items:
        found.setdefault(identity(item) if len(term.items) > 1 else None, Item(item, term_place(item)))
    return _in_order(list(found.values()))


def pairs(term: Object) -> list[Item]:
    """The pairs of an object."""
    return _in_order([Item(key, term_place(key), value) for key, value in term.pairs])


def _in_order(items: list[Item]) -> list[Item]:
    """OPA goes by values where places tell nothing."""
    if len(items) > 1 and items[0].place == items[1].place:
        return sorted(items, key=lambda item: term_order(item.term))
    return items


def identity(term: Term) -> Hashable:
    """What two terms have in common that are one member of a set."""
    match term:
        case Scalar(value):
            return (bool if isinstance(value, bool) else str if isinstance(value, str) else int), value
        case Var(name):
            return name
        case Ref(terms):
            return Ref, tuple([identity(t) for t in terms])
        case Array(items):
            return Array, tuple([identity(t) for t in items])
        case Set(items):
            return Set, frozenset([identity(t) for t in items])
        case Object(found):
            return Object, frozenset([(identity(k), identity(v)) for k, v in found])
        case Call(operator, args):
            return Call, identity(operator), tuple([identity(t) for t in args])
        case _:
            return term


def write_items(
    page: Page, items: Sequence[Item], last: Place, closing: int, remarks: Remarks,
    write: Callable[[Page, Item, Remarks], Remarks],
) -> Remarks:  # fmt: skip
    """Entries, those of one line in one line. ``last`` is where what holds them begins, ``closing`` the row it ends."""
    lines = _lines(page, items, lambda item: item.place, last, [i.term for i in items if i.value is None])
    spread = len(lines) > 1
    if not spread:
        if remarks and remarks.between(last.row, closing) is not None:
            raise Crowded(remarks)
        if items:
            # a break in front of the first entry is kept
            cut = last.text.find(items[0].place.text)
            spread = cut > 0 and last.text.find("\n", 0, cut) > 0
    try:
        if spread:
            page.open_lines()
        for line in lines[:-1]:
            remarks = _write_line(page, line, remarks, write)
            page.write(",")
            page.end_line()
            page.start_line()
        remarks = _write_line(page, lines[-1], remarks, write)
        if spread:
            page.write(",")
            page.end_line()
            remarks = page.insert(remarks, closing)
            page.down()
            page.start_line()
    except Crowded as crowded:
        raise crowded.dropping() from None
    return remarks


def _write_line(
    page: Page, items: Sequence[Item], remarks: Remarks, write: Callable[[Page, Item, Remarks], Remarks]
) -> Remarks:
    for i, item in enumerate(items):
        if i:
            page.write(", ")
        remarks = write(page, item, remarks)
    return remarks


def write_braced(page: Page, body: Body, last: Place, place: Place, pair: str, remarks: Remarks) -> Remarks:
    """A body up to what closes it, in lines of its own unless it stood in that of ``last``; ``place`` holds it all."""
    lines = _lines(page, body, lambda expr: place_of(expr.loc), last, body)
    if place_of(body[0].loc).row > last.row or len(lines) > 1:
        page.end_line()
        page.up()
        try:
            return _closed(page, page.layout.body(page, body, remarks), place, pair)
        finally:
            page.down()
            page.start_line()
    for i, expr in enumerate(body):
        page.write("; " if i else " ")
        remarks = page.layout.expr(page, expr, remarks)
    return _closed(page, remarks, place, pair)


def _closed(page: Page, remarks: Remarks, place: Place, pair: str) -> Remarks:
    try:
        return page.insert(remarks, closing_row(place, *pair))
    except Crowded as crowded:
        raise crowded.dropping() from None


def _lines(
    page: Page, items: Iterable[T], place: Callable[[T], Place], last: Place, named: Sequence[Term | Expr]
) -> list[list[T]]:
    """Entries by the lines in which they begin; in one, if a name in ``named`` looks like a compiler's."""
    found = list(items)
    if page.style.generated_names and any(isinstance(n, Var) and n.is_generated for n in parts(named)):
        return [found]
    found.sort(key=lambda item: _row_and_column(place(item)))
    lines: list[list[T]] = [[]]
    row = last.row
    for i, item in enumerate(found):
        at = place(item).row
        if i and at > row:
            lines.append([])
        row = at
        lines[-1].append(item)
    return lines


def _row_and_column(place: Place) -> tuple[int, int]:
    return place.row, place.col
