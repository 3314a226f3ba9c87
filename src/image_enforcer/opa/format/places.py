"""Where the parts of a policy stand, as OPA's parser records it; the layout keeps line breaks by these places."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...rego.places import Location
from ...rego.syntax.nodes import Expr, Ref, Scalar, Term

NOWHERE: Final = -1
"""The row of what is not there: every comment stands behind it."""
_OPENING: Final = ("[", "{", "(")


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the source, and the row and column that it counts as standing at."""

    row: int
    col: int
    offset: int
    begin: int
    end: int
    source: str

    @property
    def text(self) -> str:
        """What is written there."""
        return self.source[self.begin : self.end]

    @property
    def first(self) -> str:
        """Its first character."""
        return self.source[self.begin : self.begin + 1]

    @property
    def end_row(self) -> int:
        """The row of its last character."""
        return self.row + self.source.count("\n", self.begin, self.end)

    def on_row(self, row: int) -> Place:
        """The same stretch, counted as another row."""
        return replace(self, row=row)


def place_of(loc: Location) -> Place:
    """The place of a location."""
    return Place(loc.row, loc.col, loc.offset, loc.begin, loc.end, loc.source)


def term_place(term: Term) -> Place:
    """The place of a term: a negative number shows its sign alone, steps into a composite what follows that one."""
    place = place_of(term.loc)
    match term:
        case Scalar(value) if place.first == "-" and not isinstance(value, str):
            return replace(place, end=place.begin + 1)
        case Ref((head, _, *_)) if place.begin == place.offset and place_of(head.loc).first in _OPENING:
            return replace(place, begin=head.loc.end - 1)
        case _:
            return place


def terms_end_row(place: Place, expr: Expr) -> int:
    """The row where an expression ends, what follows its ``with`` left aside."""
    end = place.end
    if expr.withs:
        offset = expr.withs[0].loc.offset - place.offset
        if 0 < offset <= end - place.begin:
            end = place.begin + offset
    text = place.source[place.begin : end].rstrip(" \t\r\n")
    return place.row + text.count("\n")


def closing_row(place: Place, opening: str, closing: str, skip: str = "") -> int:
    """The row where what first opens in a place closes; ``skip`` is a pair of brackets to step over first."""
    text, at, row = place.text, 0, place.row
    if skip:
        found = _partner(text, text.find(skip[0]), skip[0], skip[1])
        at, row = found, row + text.count("\n", max(text.find(skip[0]), 0), found)
    start = text.find(opening, at)
    if start < 0:
        return NOWHERE
    end = _partner(text, start, opening, closing)
    return NOWHERE if end >= len(text) else row + text.count("\n", start, end)


def _partner(text: str, start: int, opening: str, closing: str) -> int:
    """Where the bracket that opens at ``start`` closes; the text's length where it does not."""
    if start < 0:
        return len(text)
    depth, at = 1, start + 1
    while True:
        end = text.find(closing, at)
        if end < 0:
            return len(text)
        depth += text.count(opening, at, end) - 1
        if depth == 0:
            return end
        at = end + 1
