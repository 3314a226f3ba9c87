"""The comments that are still to be written, in the order in which they stand."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ...rego.syntax.nodes import Comment


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment as it is written, and as it stood in the source."""

    text: str
    row: int
    col: int
    original: str

    @property
    def is_metadata(self) -> bool:
        """Whether it opens a block of annotations."""
        return self.col == 1 and self.text[1:].strip().startswith("METADATA")


def remark(comment: Comment) -> Remark:
    """A comment without the space at its end."""
    loc = comment.loc
    return Remark("#" + comment.text.rstrip(), loc.row, loc.col, loc.text)


class Remarks:
    """A view of remarks ordered by row, from one of them on. Values: what is taken off is a view of its own."""

    __slots__ = ("_all", "_rows", "_start")

    def __init__(self, remarks: tuple[Remark, ...], rows: list[int], start: int = 0) -> None:
        self._all = remarks
        self._rows = rows
        self._start = start

    @classmethod
    def of(cls, remarks: Iterable[Remark]) -> Remarks:
        """A view of all of them."""
        found = tuple(remarks)
        return cls(found, [r.row for r in found])

    def _from(self, start: int) -> Remarks:
        return Remarks(self._all, self._rows, start)

    def __bool__(self) -> bool:
        return self._start < len(self._all)

    def __iter__(self) -> Iterator[Remark]:
        return iter(self._all[self._start :])

    @property
    def first_row(self) -> int:
        """The row of the next one."""
        return self._rows[self._start]

    def split(self, row: int) -> tuple[tuple[Remark, ...], Remark | None, Remarks]:
        """Those above a row, the one in it, and those below it."""
        if not self or self.first_row > row:
            return (), None, self
        at = bisect_left(self._rows, row, self._start)
        after = bisect_right(self._rows, row, at)
        return self._all[self._start : at], self._all[after - 1] if after > at else None, self._from(after)

    def without(self, count: int) -> Remarks:
        """All but the first so many."""
        return self._from(self._start + count)

    def between(self, above: int, below: int) -> Remark | None:
        """The first one in the rows between two."""
        at = bisect_right(self._rows, above, self._start)
        return self._all[at] if at < len(self._all) and self._rows[at] < below else None

    def on_row(self, row: int) -> tuple[Remark, ...]:
        """Those in a row."""
        at = bisect_left(self._rows, row, self._start)
        return self._all[at : bisect_right(self._rows, row, at)]


NONE: Final = Remarks((), [])
