"""Chains of ``and`` and ``or``: operands in braces or parentheses, broken over lines as they were."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...rego.syntax.nodes import Body, Expr, LogicalAnd, LogicalOr
from .lists import write_braced
from .operators import is_logical, is_union_expr, needs_parens_beside
from .page import Crowded, Page
from .places import NOWHERE, Place, closing_row, place_of
from .remarks import Remarks


@dataclass(frozen=True, slots=True)
class Operand:
    """An operand; ``brace`` is where the brace of one in braces opens, and what follows."""

    body: Body
    parens: bool = False
    brace: Place | None = None

    @property
    def row(self) -> int:
        """Where it begins."""
        return self.brace.row if self.brace is not None else place_of(self.body[0].loc).row

    @property
    def end_row(self) -> int:
        """Where it ends."""
        if self.brace is not None:
            row = closing_row(self.brace, "{", "}")
            if row != NOWHERE:
                return row
        return _end_row(self.body)


@dataclass(frozen=True, slots=True)
class Step:
    """An operator with what is to its right, and the row where all that is to its left ends."""

    word: str
    operand: Operand
    left_end_row: int


def chain(expr: Expr) -> tuple[Operand, list[Step]]:
    """The first operand of a chain, and its steps."""
    steps: list[Step] = []
    while True:
        node = expr.terms
        if not isinstance(node, LogicalAnd | LogicalOr):
            raise TypeError("a chain of logical operators is wanted")
        word = "and" if isinstance(node, LogicalAnd) else "or"
        place = place_of(expr.loc)
        right = _operand(node.rhs, node.explicit_rhs, word, place, right=True)
        inner = node.lhs[0]
        if (
            not node.explicit_lhs
            and len(node.lhs) == 1
            and is_logical(inner)
            and not needs_parens_beside(word, inner, right=False)
        ):
            steps.append(Step(word, right, _end_row(node.lhs)))
            expr = inner
            continue
        first = _operand(node.lhs, node.explicit_lhs, word, place, right=False)
        steps.append(Step(word, right, first.end_row))
        return first, steps[::-1]


def leading_expr(expr: Expr) -> Expr | None:
    """The expression that a chain is written to begin with; None where that is in brackets."""
    while not expr.negated and is_logical(expr):
        first = chain(expr)[0]
        if first.brace is not None or first.parens:
            return None
        expr = first.body[0]
    return None if expr.negated else expr


def _operand(body: Body, explicit: bool, word: str, place: Place, *, right: bool) -> Operand:
    if explicit or len(body) != 1:
        return Operand(body, brace=_brace(place, body))
    return Operand(body, parens=needs_parens_beside(word, body[0], right=right))


def _end_row(body: Body) -> int:
    place = place_of(body[-1].loc)
    return place.row + place.text.rstrip(" \t\r\n").count("\n")


def _brace(place: Place, body: Body) -> Place:
    """The brace that opens an operand: the last one in front of its first expression."""
    text = place.text
    at = text.rfind("{", 0, min(max(body[0].loc.offset - place.offset, 0), len(text)))
    if at < 0:
        return place
    row = place.row + text.count("\n", 0, at)
    return replace(place, row=row, offset=place.offset + at, begin=place.begin + at)


def write_logical(page: Page, expr: Expr, remarks: Remarks) -> Remarks:
    """A chain; what follows its first break is further in."""
    first, steps = chain(expr)
    remarks = _settled(page, first, remarks)
    further_in = False
    try:
        for step in steps:
            page.write(" " + step.word)
            if step.operand.row > step.left_end_row:
                if not further_in:
                    page.up()
                    further_in = True
                page.end_line()
                page.start_line()
            else:
                page.write(" ")
            remarks = _settled(page, step.operand, remarks)
    finally:
        page.level -= further_in
    return remarks


def _settled(page: Page, operand: Operand, remarks: Remarks) -> Remarks:
    try:
        return _write_operand(page, operand, remarks)
    except Crowded as crowded:
        return crowded.rest


def _write_operand(page: Page, operand: Operand, remarks: Remarks) -> Remarks:
    body, brace = operand.body, operand.brace
    if brace is None:
        page.write("(" * operand.parens)
        try:
            return page.layout.expr(page, body[0], remarks)
        finally:
            page.write(")" * operand.parens)
    if is_union_expr(body[0]):
        page.grouped_expr = body[0]
    page.write("{")
    try:
        remarks = write_braced(page, body, brace, brace, "{}", remarks)
    except Crowded as crowded:
        remarks = crowded.rest
    page.write(" }" if body[-1].loc.row == brace.row else "}")
    return remarks
