"""A term, a call or an equation as an expression, and ``with`` behind it."""

from __future__ import annotations

from ..records import replace
from . import lexer
from .cursor import Cursor
from .nodes import Call, CallExpr, Expr, Ref, TermExpr, Var, With
from .terms import read_infix, read_term


def read_expr(c: Cursor) -> Expr | None:
    """A term, a call, ``a = b`` or ``a := b``."""
    lhs = read_infix(c)
    if lhs is None:
        return None
    if c.at("assign", "eq"):
        operator = Ref((Var(c.kind(), c.loc()),), c.loc())
        c.next()
        rhs = read_infix(c)
        return None if rhs is None else Expr(CallExpr(operator, (lhs, rhs)))
    if isinstance(lhs, Call):
        return Expr(CallExpr(lhs.operator, lhs.args))
    return Expr(TermExpr(lhs))


def read_withs(c: Cursor) -> tuple[With, ...] | None:
    """``with target as value`` once or more."""
    found: list[With] = []
    while c.at_with():
        start = c.token.start
        c.next()
        if not c.at(lexer.IDENT):
            c.illegal("expected ident")
            return None
        target = read_term(c)
        if target is None:
            return None
        if not isinstance(target, Ref | Var):
            c.illegal("expected with target path")
        if not c.at("kw:as"):
            c.illegal("expected as keyword")
            return None
        c.next()
        value = read_infix(c)
        if value is None:
            return None
        found.append(With(target, value, c.span(start)))
    return tuple(found)


def attach_withs(c: Cursor, expr: Expr) -> Expr | None:
    """An expression with the ``with`` that follow it, if any do."""
    if not c.at_with():
        return expr
    withs = read_withs(c)
    return None if withs is None else replace(expr, withs=withs)
