"""Places in policy texts. There is one for every part of a policy, so each is kept small and worked out when asked."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final, TypeAlias

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1


class Text:
    """A policy text, and where its lines begin (offsets in characters)."""

    __slots__ = ("line_starts", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.line_starts = [0]
        find = text.find
        at = find("\n")
        while at >= 0:
            self.line_starts.append(at + 1)
            at = find("\n", at + 1)

    def row(self, offset: int) -> int:
        """The row of an offset, from 1."""
        from bisect import bisect_right  # late: who runs code that is there asks for no row

        return bisect_right(self.line_starts, offset)

    def column(self, offset: int) -> int:
        """The column of an offset, from 1, in characters."""
        return offset - self.line_starts[self.row(offset) - 1] + 1

    def location(self, start: int, end: int) -> Location:
        """The location of a stretch of text."""
        return Location(self, start << _BITS | end)

    def apart(self, row: int, col: int, offset: int) -> Location:
        """A place that shows nothing, such as behind the end."""
        return Location(self, (row, col, offset, 0, 0))


_NOWHERE: Final = Text("", "")

Apart: TypeAlias = "tuple[int, int, int, int, int]"
"""Row, column, offset, and begin and end of what is shown."""
_NONE: Final[Apart] = (0, 0, 0, 0, 0)


class Location:
    """Where a piece of source stands. ``row`` and ``col`` count from 1 (0: no place), columns in characters.

    ``offset`` counts characters from 0. The piece itself stands in the text from ``begin`` to ``end``: it is cut out
    when it is asked for, since nested pieces would otherwise cost the square of the text's size. Values: equal where
    file, row, column and offsets are.
    """

    __slots__ = ("_span", "_text")

    def __init__(self, text: Text = _NOWHERE, span: int | Apart = _NONE) -> None:
        """``span`` is begin and end in one number, or a place of its own."""
        self._text = text
        self._span = span

    @classmethod
    def named(cls, file: str, row: int, col: int) -> Location:
        """A place in a text that is not at hand."""
        return cls(Text(file, ""), (row, col, 0, 0, 0))

    def showing(self, begin: int, end: int) -> Location:
        """The same place, showing another stretch of the text."""
        return Location(self._text, (self.row, self.col, self.offset, begin, end))

    def follow(self, other: Location) -> None:
        """Become another place: for what is one thing to OPA wherever it is mentioned, and stands where it was last."""
        self._text, self._span = other._text, other._span

    @property
    def file(self) -> str:
        """The name of the text."""
        return self._text.name

    @property
    def row(self) -> int:
        """From 1; 0 where there is no place."""
        span = self._span
        return self._text.row(span >> _BITS) if isinstance(span, int) else span[0]

    @property
    def col(self) -> int:
        """From 1, in characters."""
        span = self._span
        return self._text.column(span >> _BITS) if isinstance(span, int) else span[1]

    @property
    def offset(self) -> int:
        """Characters in front of it."""
        span = self._span
        return span >> _BITS if isinstance(span, int) else span[2]

    @property
    def begin(self) -> int:
        """Where the piece begins."""
        span = self._span
        return span >> _BITS if isinstance(span, int) else span[3]

    @property
    def end(self) -> int:
        """Where the piece ends."""
        span = self._span
        return span & _MASK if isinstance(span, int) else span[4]

    @property
    def source(self) -> str:
        """The whole text."""
        return self._text.text

    @property
    def text(self) -> str:
        """The piece of source."""
        return self._text.text[self.begin : self.end]

    def _values(self) -> tuple[Any, ...]:
        return self.file, self.row, self.col, self.offset, self.begin, self.end

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Location) and self._values() == other._values())

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"Location(file={self.file!r}, row={self.row}, col={self.col}, offset={self.offset})"

    def __str__(self) -> str:
        return f"{self.file}:{self.row}" if self.file else f"{self.row}:{self.col}"


NO_LOCATION: Final = Location()
