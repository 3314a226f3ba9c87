"""What operators need to be read back as they were: their signs, and parentheses around operands."""

from __future__ import annotations

from typing import Final

from ...rego.syntax.nodes import (
    Call,
    CallExpr,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Set,
    SetComprehension,
    Term,
    TermExpr,
)
from ...rego.syntax.printer import INFIX
from .style import operator_name

SIGNS: Final = {name: sign for name, sign in INFIX.items() if sign != "in"}
"""Functions of two operands that are written between them."""
_MEMBERS: Final = {"internal.member_2": 2, "internal.member_3": 3}


def member_operands(name: str) -> int:
    """How many operands ``in`` has as a function of this name; 0 where it is not ``in``."""
    return _MEMBERS.get(name, 0)


def _arity(name: str) -> int:
    return 2 if name in SIGNS else member_operands(name)


def is_union(term: Term) -> bool:
    """Whether a term is ``a | b``, which some places would read as a comprehension."""
    return isinstance(term, Call) and operator_name(term.operator) == "or"


def is_union_expr(expr: Expr) -> bool:
    """Whether an expression is ``a | b``."""
    terms = expr.terms
    return isinstance(terms, CallExpr) and len(terms.args) == 2 and operator_name(terms.operator) == "or"


def is_logical(expr: Expr) -> bool:
    """Whether an expression is one with ``and`` or ``or``."""
    return isinstance(expr.terms, LogicalAnd | LogicalOr)


def leading_operand(expr: Expr) -> Term | None:
    """The operand that a call with an operator is written to begin with: the result where there is one."""
    if not isinstance(expr.terms, CallExpr):
        return None
    args, arity = expr.terms.args, _arity(operator_name(expr.terms.operator))
    if not arity or len(args) not in (arity, arity + 1):
        return None
    return args[0] if len(args) == arity else args[-1]


def begins_with_brace(expr: Expr) -> bool:
    """Whether an expression is written to begin with a brace, which would be that of a body in some places."""
    term = expr.terms.term if isinstance(expr.terms, TermExpr) else leading_operand(expr)
    while term is not None:
        match term:
            case Set(items):
                return bool(items)
            case Object() | SetComprehension() | ObjectComprehension():
                return True
            case Ref(terms):
                term = terms[0]
            case Call(operator, args) if args and len(args) == _arity(operator_name(operator)):
                term = args[0]
            case _:
                return False
    return False


def needs_parens_behind_not(expr: Expr) -> bool:
    """Whether the one expression of a negated body is another one without parentheses."""
    return bool(expr.withs) or is_logical(expr) or isinstance(expr.terms, Not) or begins_with_brace(expr)


def needs_parens_beside(word: str, expr: Expr, *, right: bool) -> bool:
    """Whether an operand of ``and`` or ``or`` is another one without parentheses."""
    if expr.withs:
        return True
    match expr.terms:
        case LogicalOr():
            return word == "and" or right
        case LogicalAnd():
            return word == "and" and right
        case _:
            return begins_with_brace(expr)
