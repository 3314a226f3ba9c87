"""The text as it is being written: lines, indentation, and the comment that waits for the end of its line.

Writing functions take the comments that are still to be written and give back those that remain. Where two comments
meet in one line, :class:`Crowded` goes up to the first place that can do without the layout of what it is writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...rego.errors import Problem
from ...rego.syntax.nodes import Body, Expr, Term
from .places import Place
from .remarks import NONE, Remark, Remarks
from .style import Style

INDENT = "\t"


class Crowded(Exception):
    """A comment has no line of its own to stand in; ``rest`` are those to be written after all."""

    def __init__(self, rest: Remarks) -> None:
        self.rest = rest

    def dropping(self) -> Crowded:
        """The same, with nothing left to be written."""
        self.rest = NONE
        return self


class Misplaced(Exception):
    """The layout has come to an end that it cannot have; the text says why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of the layout that others lead back to: a term holds bodies, and a body holds terms."""

    term: Callable[..., Remarks]
    expr: Callable[[Page, Expr, Remarks], Remarks]
    body: Callable[[Page, Body, Remarks], Remarks]


class Page:
    """What has been written so far. ``last_line_comments``: text kept as it was keeps the comment behind it too."""

    def __init__(self, style: Style, layout: Layout) -> None:
        self.style = style
        self.layout = layout
        self.faults: list[Problem] = []
        self.level = 0
        self.in_line = False
        self.waiting: Remark | None = None
        self.last_line_comments = False
        self.grouped_expr: Expr | None = None
        """The expression whose terms are to be written in parentheses."""
        self.grouped_term: Term | None = None
        """The term that is to be written in parentheses."""
        self._pieces: list[str] = []
        self._delayed = False

    def text(self) -> str:
        """Everything, with one newline at its end."""
        made = "".join(self._pieces)
        return made.rstrip("\n") + "\n" if made.endswith("\n") else made

    def write(self, text: str) -> None:
        """Go on in the line."""
        self._pieces.append(text)

    def mark(self) -> tuple[int, int]:
        """Where the text ends now."""
        return len(self._pieces), self.level

    def back_to(self, mark: tuple[int, int]) -> None:
        """Forget what was written since."""
        del self._pieces[mark[0] :]
        self.level = mark[1]

    def start_line(self) -> None:
        """Indent."""
        self.in_line = True
        self._pieces.append(INDENT * self.level)

    def end_line(self) -> None:
        """Write the waiting comment, unless it is to wait for another line, and end the line."""
        self.in_line = False
        if self.waiting is not None and not self._delayed:
            self._pieces.append(" " + self.waiting.text)
            self.waiting = None
        self._delayed = False
        self._pieces.append("\n")

    def blank_line(self) -> None:
        """An empty line, behind the one that is being written."""
        if self.in_line:
            self.end_line()
        self._pieces.append("\n")

    def line(self, text: str) -> None:
        """A whole line, or what one ends with."""
        if not self.in_line:
            self.start_line()
        self._pieces.append(text)
        self.end_line()

    def open_lines(self) -> None:
        """Begin to write in lines further in; a waiting comment waits for the first of them to end."""
        self._delayed = True
        self.end_line()
        self.up()
        self.start_line()

    def up(self) -> None:
        """Further in."""
        self.level += 1

    def down(self) -> None:
        """Further out."""
        if self.level == 0:
            raise Misplaced("negative indentation level")
        self.level -= 1

    def fault(self, problem: Problem) -> None:
        """Remember what is wrong with the text."""
        self.faults.append(problem)

    # --- comments --------------------------------------------------------------------------------

    def comments(self, remarks: Iterable[Remark]) -> None:
        """Comments in lines of their own, empty lines between them kept, blocks of metadata apart."""
        last: Remark | None = None
        in_block = False
        for remark in remarks:
            if last is not None:
                if remark.row - last.row > 1:
                    self.blank_line()
                    in_block = False
                elif in_block and remark.is_metadata:
                    self.blank_line()
            in_block = in_block or remark.is_metadata
            self.line(remark.text)
            last = remark

    def insert(self, remarks: Remarks, row: int) -> Remarks:
        """The comments above a row; the one in it waits for the end of the line. Gives those below."""
        before, at, rest = remarks.split(row)
        if before:
            self.comments(before)
            if row - before[-1].row > 1:
                self.blank_line()
        if self.waiting is None:
            self.waiting = at
        elif at is not None:
            self.waiting = None
            raise Crowded(rest)
        return rest

    def as_it_was(self, place: Place, remarks: Remarks) -> Remarks:
        """Write a stretch of the source as it is; the comments in it are then written."""
        text = place.text
        if not text:
            raise Misplaced("original unformatted text is empty")
        self.write(text)
        last = place.row + text.count("\n")
        if self.last_line_comments:
            for remark in remarks.on_row(last):
                self.write(" " + remark.original)
            return remarks.split(last)[2]
        return remarks.without(len(remarks.split(last)[0]))
