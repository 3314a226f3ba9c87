"""Bodies and their expressions: ``some``, ``every``, ``not`` and everything a rule asks."""

from __future__ import annotations

from collections.abc import Callable

from ..places import Location
from ..records import replace
from . import lexer
from .cursor import Cursor
from .expressions import attach_withs, read_expr, read_withs
from .keywords import FUTURE_V0
from .logical import fold, read_group, read_not_body, read_or_chain
from .nodes import Body, Call, Every, Expr, Not, Object, SomeDecl, Term, TermExpr, Var
from .operand_faults import report_with_on_operand
from .shapes import dotted
from .terms import read_infix


def read_body(c: Cursor, end: str) -> Body | None:
    """Expressions up to a closing token, which is left at hand."""
    c.enter()
    try:
        return read_query(c, end)
    finally:
        c.depth -= 1


def read_query(c: Cursor, end: str, require_semicolon: bool = False) -> Body | None:
    """Expressions up to ``end``."""
    if c.at(end):
        c.error(c.loc(), "found empty body")
        return None
    found: list[Expr] = []
    while True:
        expr = read_literal(c)
        if expr is None:
            return None
        found.append(replace(expr, index=len(found)))
        if c.at(";"):
            c.next()
            continue
        if c.at(end) or require_semicolon:
            return tuple(found)
        if not c.token.newline:
            if not c.faults:
                _hint_infix(c)
                c.illegal(f"expected \\n or ; or {end}")
            return None


def _hint_infix(c: Cursor) -> None:
    if c.hints:
        return
    examples = {"in": "x in xs", "and": "x and y", "or": "x or y"}
    word = "in"
    if c.at(lexer.IDENT):
        word = c.token.text
        if word not in examples:
            return
    elif c.at(","):
        mark = c.save()
        c.next()
        term = _with_future(c, read_infix)
        c.restore(mark)
        if not (isinstance(term, Call) and dotted(term.operator).startswith("internal.member_")):
            return
    else:
        return
    c.hints.append(f"`import future.keywords.{word}` for `{examples[word]}` expressions")


def _with_future(c: Cursor, read: Callable[[Cursor], Term | Expr | None]) -> Term | Expr | None:
    before, recent = set(c.keywords), c.recent
    c.keywords |= FUTURE_V0
    c.generation += 1
    c.recent = None
    try:
        return read(c)
    finally:
        c.keywords, c.recent = before, recent
        c.generation += 1


def read_literal(c: Cursor) -> Expr | None:
    """One expression with its modifiers."""
    start = c.token.start
    expr = _read_literal_anew(c)
    if expr is None:
        return None
    place = c.span(start)
    if isinstance(expr.terms, Not) and not expr.terms.explicit:
        inner = tuple(replace(e, loc=place) for e in expr.terms.body)
        expr = replace(expr, terms=replace(expr.terms, body=inner))
    return replace(expr, loc=place)


def _read_literal_anew(c: Cursor) -> Expr | None:
    if c.at("{") and c.logical:
        mark, recent = c.save(), c.recent
        start = c.token.start
        c.next()
        body = read_body(c, "}")
        if body is not None:
            c.next()
            if c.at("kw:and", "kw:or"):
                outer = read_or_chain(c, body, True, start)
                return None if outer is None else attach_withs(c, outer)
        c.restore(mark)
        c.recent = recent
    if c.at("(") and c.logical:
        group = read_group(c, False)
        if group is not None:
            body, explicit, start = group
            return None if body is None else fold(c, body, explicit, start)
    if c.kind().startswith("kw:") and c.starts_ref():
        c.as_name = c.pos
        return _read_plain(c, False, None)
    not_start: int | None = None
    negated = c.at_not()
    if negated:
        not_start = c.token.start
        c.next()
        if c.not_bodies and c.at("{"):
            made = read_not_body(c, not_start)
            return None if made is None else fold(c, (made,), False, not_start)
    if c.at("kw:some"):
        if negated:
            c.illegal("illegal negation of 'some'")
            return None
        return _read_some(c)
    if c.at("kw:every"):
        if negated:
            c.illegal("illegal negation of 'every'")
            return None
        return _read_every(c)
    return _read_plain(c, negated, not_start)


def _read_plain(c: Cursor, negated: bool, not_start: int | None) -> Expr | None:
    start = c.token.start
    mark = c.save()
    if negated and c.not_bodies and c.at("(") and not_start is not None:
        group = read_group(c, True)
        if group is not None:
            if group[0] is None:
                return None
            node = Not(group[0], c.span(not_start), group[1])
            return fold(c, (Expr(node, loc=c.span(not_start)),), False, not_start)
    expr = read_expr(c)
    if expr is None:
        return None
    with_loc: Location | None = None
    if c.at_with():
        with_loc = c.loc()
        withs = read_withs(c)
        if withs is None:
            return None
        expr = replace(expr, withs=withs)
    if "every" not in c.keywords and isinstance(expr.terms, TermExpr) and expr.terms.term == Var("every"):
        here = c.save()
        c.restore(mark)
        tried = _with_future(c, _read_every)
        c.restore(here)
        if isinstance(tried, Expr):
            c.hints.append("`import future.keywords.every` for `every x in xs { ... }` expressions")
    if negated and c.not_bodies:
        withs = expr.withs
        place = c.span(not_start if not_start is not None else start)
        expr = Expr(Not((replace(expr, withs=()),), place, False), withs=withs, loc=place)
    else:
        expr = replace(expr, negated=negated)
    if c.at("kw:and", "kw:or"):
        if with_loc is not None:
            report_with_on_operand(c, with_loc)
            return None
        begin = not_start if not_start is not None and c.not_bodies else start
        expr = replace(expr, loc=c.span(begin)) if expr.loc.row == 0 else expr
        if not_start is None and c.source.text[start : start + 1] == "{":
            if isinstance(expr.terms, TermExpr) and isinstance(expr.terms.term, Object) and not expr.terms.term.pairs:
                c.error(c.span(start), "found empty body")
                return None
            word = c.kind()[3:]
            shown = c.span(start).text
            c.hints.append(f"wrap the operand to keep the value: `({shown}) {word} ...`")
            c.error(c.span(start), f"operand of `{word}` cannot begin with `{{` unless the braces hold a body")
            return None
        outer = read_or_chain(c, (expr,), False, begin)
        return None if outer is None else attach_withs(c, outer)
    return expr


def _read_some(c: Cursor) -> Expr | None:
    """``some x, y`` or ``some k, v in xs``."""
    start = c.token.start
    loc = c.loc()
    mark = c.save()
    c.next()
    term = read_infix(c)
    if isinstance(term, Call):
        name = dotted(term.operator)
        if name not in ("internal.member_2", "internal.member_3"):
            c.illegal("expected `x in xs` or `x, y in xs` expression")
            return None
        expr: Expr | None = Expr(SomeDecl((term,), loc), loc=c.span(start))
        assert expr is not None
        return attach_withs(c, expr)
    c.restore(mark)
    if "in" not in c.keywords:
        c.next()
        tried = _with_future(c, read_infix)
        hint = isinstance(tried, Call) and dotted(tried.operator).startswith("internal.member_")
        c.restore(mark)
        if hint:
            c.hints.append("`import future.keywords.in` for `some x in xs` expressions")
    symbols: list[Term] = []
    while True:
        c.next()
        if not c.at(lexer.IDENT):
            c.illegal("expected var")
            return None
        symbols.append(c.variable())
        c.next()
        if not c.at(","):
            break
    return Expr(SomeDecl(tuple(symbols), loc), loc=c.span(start))


def _read_every(c: Cursor) -> Expr | None:
    """``every k, v in xs { … }``."""
    loc = c.loc()
    c.next()
    term = read_infix(c)
    if term is None:
        return None
    name = dotted(term.operator) if isinstance(term, Call) else ""
    if not isinstance(term, Call) or name not in ("internal.member_2", "internal.member_3"):
        c.illegal("expected `x[, y] in xs { ... }` expression")
        return None
    key: Term | None = None
    if name == "internal.member_2":
        value, domain = term.args
    else:
        key, value, domain = term.args
        if not isinstance(key, Var):
            c.illegal("expected key to be a variable")
            return None
    if not isinstance(value, Var):
        c.illegal("expected value to be a variable")
        return None
    if not c.at("{"):
        c.illegal("missing body")
        return None
    c.next()
    body = read_body(c, "}")
    if body is None:
        return None
    c.next()
    return attach_withs(c, Expr(Every(key, value, domain, body, loc), loc=loc))
