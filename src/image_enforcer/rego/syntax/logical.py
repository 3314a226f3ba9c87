"""``and``, ``or`` and ``not`` over bodies, where imports made them keywords, and groups in parentheses."""

from __future__ import annotations

from ..records import replace
from .cursor import MAX_LOGICAL, Cursor
from .expressions import attach_withs, read_expr
from .nodes import Body, Expr, LogicalAnd, LogicalOr, Not
from .operand_faults import check_void, explain_braces, is_ambiguous_union, report_union, report_with_on_operand
from .terms import read_term


def read_not_body(c: Cursor, not_start: int) -> Expr | None:
    """``not { … }``, from the opening brace."""
    brace = c.token.start
    brace_loc = c.loc()
    mark = c.save()
    c.next()
    empty = c.at("}")
    body = c.grammar.body(c, "}")
    if body is None:
        if not empty:
            explain_braces(c, mark, brace, brace_loc, "not ")
        return None
    c.next()
    if is_ambiguous_union(body):
        report_union(c, brace_loc, brace, body, "not ")
        return None
    node = Not(body, c.span(not_start))
    return Expr(node, loc=c.span(not_start))


def _read_operand(c: Cursor, word: str) -> tuple[Body, bool, int] | None:
    start = c.token.start
    if c.at("{"):
        loc = c.loc()
        mark = c.save()
        c.next()
        empty = c.at("}")
        body = c.grammar.body(c, "}")
        if body is None:
            if not empty and word:
                explain_braces(c, mark, start, loc, "", word)
            return None
        c.next()
        if is_ambiguous_union(body):
            report_union(c, loc, start, body, "")
        return body, True, start
    negated = c.at_not()
    not_start = start
    if negated:
        c.next()
        if c.not_bodies and c.at("{"):
            made = read_not_body(c, not_start)
            return None if made is None else ((made,), False, not_start)
    if c.at("(") and c.logical and (not negated or c.not_bodies):
        group = read_group(c, True)
        if group is not None:
            if group[0] is None:
                return None
            if negated:
                node = Not(group[0], c.span(not_start), group[1])
                return (Expr(node, loc=c.span(not_start)),), False, not_start
            return group[0], group[1], group[2]
    begin = c.token.start
    expr = read_expr(c)
    if expr is None:
        return None
    expr = replace(expr, loc=c.span(begin))
    if negated and c.not_bodies:
        place = c.span(not_start)
        expr = Expr(Not((expr,), place, False), loc=place)
    elif negated:
        expr = replace(expr, negated=True)
    return (expr,), False, start if c.not_bodies else begin


def read_or_chain(c: Cursor, lhs: Body, explicit: bool, start: int) -> Expr | None:
    """``and`` and ``or`` behind a first operand, ``and`` binding tighter. ``explicit``: the operand has braces."""
    if c.at("kw:and"):
        first = _read_and_chain(c, lhs, explicit, start)
        if first is None:
            return None
        lhs, explicit = (first,), False
    count = 0
    while c.at("kw:or"):
        c.link(count := count + 1, MAX_LOGICAL)
        c.next()
        operand = _read_operand(c, "or")
        if operand is None:
            return None
        rhs, rhs_explicit, rhs_start = operand
        if c.at("kw:and"):
            folded = _read_and_chain(c, rhs, rhs_explicit, rhs_start)
            if folded is None:
                return None
            rhs, rhs_explicit = (folded,), False
        check_void(c, lhs, "or")
        check_void(c, rhs, "or")
        place = c.span(start)
        lhs, explicit = (Expr(LogicalOr(lhs, rhs, explicit, rhs_explicit, place), loc=place),), False
    return lhs[0]


def _read_and_chain(c: Cursor, lhs: Body, explicit: bool, start: int) -> Expr | None:
    count = 0
    while c.at("kw:and"):
        c.link(count := count + 1, MAX_LOGICAL)
        c.next()
        operand = _read_operand(c, "and")
        if operand is None:
            return None
        rhs, rhs_explicit, _ = operand
        check_void(c, lhs, "and")
        check_void(c, rhs, "and")
        place = c.span(start)
        lhs, explicit = (Expr(LogicalAnd(lhs, rhs, explicit, rhs_explicit, place), loc=place),), False
    return lhs[0]


def fold(c: Cursor, body: Body, explicit: bool, start: int) -> Expr | None:
    """A body that is an operand where ``and`` or ``or`` follows, else its one expression; with its ``with``."""
    if c.at("kw:and", "kw:or"):
        outer = read_or_chain(c, body, explicit, start)
        return None if outer is None else attach_withs(c, outer)
    return attach_withs(c, body[0])


def read_group(c: Cursor, operand: bool) -> tuple[Body | None, bool, int] | None:
    """A group in parentheses, where they hold logical operators; None where they are a term's."""
    mark = c.save()
    start = c.token.start
    loc = c.loc()
    c.enter()
    try:
        c.next()
        if c.at(")"):
            if operand:
                c.error(loc, "empty parenthesized group")
                return None, False, start
            c.restore(mark)
            return None
        lhs = _read_operand(c, "")
        if lhs is None:
            c.restore(mark)
            return None
        body, explicit, begin = lhs
        if c.at("kw:and", "kw:or"):
            chained = read_or_chain(c, body, explicit, begin)
            if chained is None:
                return None, False, start
            with_it = attach_withs(c, chained)
            if with_it is None or not _close_group(c):
                return None, False, start
            return (with_it,), False, start
        if c.at_with() and not explicit and len(body) == 1:
            with_loc = c.loc()
            with_it = attach_withs(c, body[0])
            if with_it is None:
                return None, False, start
            if c.at("kw:and", "kw:or"):
                report_with_on_operand(c, with_loc)
                return None, False, start
            if not _close_group(c):
                return None, False, start
            if operand or c.at("kw:and", "kw:or"):
                return (with_it,), False, start
            c.restore(mark)
            return None
        if explicit:
            shown = c.span(begin).text
            c.restore(mark)
            c.next()
            term = read_term(c)
            c.restore(mark)
            if term is None:
                prefix = "not " if operand else ""
                c.hints.append(f"drop the parens to keep the body: `{prefix}{shown}`")
                c.error(loc, "`(...)` in an operand position cannot contain a body")
                return None, False, start
            return None
        single = body[0].terms if len(body) == 1 else None
        if isinstance(single, LogicalAnd | LogicalOr | Not) or (len(body) == 1 and body[0].negated):
            if not _close_group(c):
                return None, False, start
            return body, False, start
        c.restore(mark)
        return None
    finally:
        c.depth -= 1


def _close_group(c: Cursor) -> bool:
    if not c.at(")"):
        c.error(c.loc(), "expected ) to close parenthesized group")
        return False
    c.next()
    return True
