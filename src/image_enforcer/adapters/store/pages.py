"""Published entries in their order, as far as one answer holds them.

How large values are is asked first, and only those are read that are given out, so that a revision of any size takes as
much memory as one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, literal, not_, or_, select

from ...domain.facts import Entry, Kind
from . import schema

ROW: Final = 256
"""Bytes that an entry counts for beside its value and its key."""

_table: Final = schema.entries
_LAYER: Final = _table.c.kind == Kind.LAYER.value
_RANK: Final = case(
    (and_(_table.c.value.is_(None), not_(_LAYER)), 0), (and_(_table.c.value.is_not(None), _LAYER), 1),
    (_table.c.value.is_not(None), 2), else_=3,
)  # fmt: skip
"""The order in which a revision's entries are told; see :class:`~image_enforcer.domain.facts.Changes`."""
_ORDER: Final = (_table.c.revision, _RANK, _table.c.kind, _table.c.key)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the order of all."""

    revision: int
    rank: int
    kind: str
    key: str

    @classmethod
    def read(cls, text: str) -> Place | None:
        """A place from its text; None where it is none."""
        try:
            revision, rank, kind, key = text.split(" ", 3)
            return None if "\0" in text else cls(int(revision), int(rank) & 3, kind, key)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.revision} {self.rank} {self.kind} {self.key}"

    def behind(self) -> ColumnElement[bool]:
        """Whether an entry stands behind it."""
        later: ColumnElement[bool] = _table.c.key > self.key
        for column, value in ((_table.c.kind, self.kind), (_RANK, self.rank), (_table.c.revision, self.revision)):
            later = or_(column > literal(value), and_(column == literal(value), later))
        return later


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one answer. ``last`` is the last revision that they have all of, None where they are all there are.

    ``rest`` is where they end within the next one; there is none where they end with a revision.
    """

    entries: tuple[Entry, ...]
    last: int | None
    rest: Place | None = None


def read(conn: Connection, since: int, place: Place | None, most: int, size: int) -> Page:
    """The entries behind a revision, or behind a place in the next one that has some."""
    behind = _table.c.revision > since
    if place is not None:
        behind = and_(behind, _table.c.revision >= place.revision, place.behind())
    length = func.coalesce(func.length(_table.c.value), 0) + func.length(_table.c.key)
    listing = select(_table.c.revision, _RANK.label("rank"), _table.c.kind, _table.c.key, length.label("length"))
    listing = listing.where(behind).order_by(*_ORDER)
    rows = conn.execute(listing.limit(most + 1)).all()
    following: int | None = None
    if len(rows) > most:
        following = rows[-1].revision
        rows = [row for row in rows if row.revision < following]
        if not rows:
            # One revision's entries come together, however many they are, as long as their bytes are not too many.
            one = listing.where(_table.c.revision == following)
            rows = conn.execute(one.limit(size // ROW + 2)).all()
    fitting = _fitting(rows, size)
    if fitting == len(rows):
        last = None if following is None else rows[-1].revision
        return Page(_entries(conn, behind, rows), last)
    cut = rows[fitting].revision
    whole = [row for row in rows if row.revision < cut]
    if whole:
        return Page(_entries(conn, behind, whole), whole[-1].revision)
    return Page(_entries(conn, behind, rows[:fitting]), since, _place(rows[fitting - 1]))


def _fitting(rows: Sequence[Row[int, int, str, str, int]], size: int) -> int:
    """How many of them are no more than so many bytes; one at least."""
    left = size
    for number, row in enumerate(rows):
        left -= row.length + ROW
        if left < 0 and number:
            return number
    return len(rows)


def _entries(
    conn: Connection, behind: ColumnElement[bool], rows: Sequence[Row[int, int, str, str, int]]
) -> tuple[Entry, ...]:
    if not rows:
        return ()
    columns = (_table.c.kind, _table.c.key, _table.c.value, _table.c.revision)
    last = _place(rows[-1])
    upto = and_(_table.c.revision <= last.revision, not_(last.behind()))
    found = conn.execute(select(*columns).where(behind, upto).order_by(*_ORDER))
    return tuple([Entry(kind=Kind(kind), key=key, value=value, revision=at) for kind, key, value, at in found])


def _place(row: Row[int, int, str, str, int]) -> Place:
    return Place(row.revision, row.rank, row.kind, row.key)
