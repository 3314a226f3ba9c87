"""What operators need to be read back as they were: their signs, and parentheses around operands."""

from __future__ import annotations

from typing import Final

from ...rego.syntax.keywords import INFIX as POWERS
from ...rego.syntax.nodes import (
    Call,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    Term,
    TermExpr,
)
from ...rego.syntax.printer import INFIX
from ...rego.text import term as constant_text
from .style import operator_name

SIGNS: Final = {name: sign for name, sign in INFIX.items() if sign != "in"}
"""Functions of two operands that are written between them."""
EQUATIONS: Final = ("eq", "assign")
"""Those of them that stand between operands only where they make up an expression, and bind weakest."""
_MEMBERS: Final = {"internal.member_2": 2, "internal.member_3": 3}


def member_operands(name: str) -> int:
    """How many operands ``in`` has as a function of this name; 0 where it is not ``in``."""
    return _MEMBERS.get(name, 0)


def _arity(name: str) -> int:
    return 2 if name in SIGNS else member_operands(name)


def is_infix(term: Term) -> bool:
    """Whether a term is written as operands with an operator between them."""
    return _power(term) > 0


def _power(term: Term) -> int:
    """How strongly the operator binds that a term is written with; 0 where it is written without one."""
    if not isinstance(term, Call):
        return 0
    name = operator_name(term.operator)
    if len(term.args) != _arity(name):
        return 0
    return POWERS["in"] if member_operands(name) else POWERS.get(name, 0)


def needs_parens_as_operand(term: Term, operator: str, *, first: bool) -> bool:
    """Whether an operand without parentheses would not be read as one; OPA's layout leaves some of these out."""
    own = _power(term)
    if not own or operator in EQUATIONS:
        return False
    members = member_operands(operator)
    around = POWERS["in"] if members else POWERS.get(operator, 0)
    return own < around or (own == around and not (first and members != 3))


def has_parens_within(term: Term, operator: str, *, first: bool) -> bool:
    """Whether an operand is written in parentheses within an operation that is a term itself: more than need them."""
    if is_membership(term) and member_operands(operator):
        three = isinstance(term, Call) and len(term.args) == 3
        return three or needs_parens_as_operand(term, operator, first=first)
    return is_infix(term)


def is_membership(term: Term) -> bool:
    """Whether a term is one with ``in``, which binds weakest."""
    return _power(term) == POWERS["in"]


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


def negative_lead(expr: Expr) -> Term | None:
    """The term, a constant or an operand, with whose sign an expression is written to begin."""
    if expr.negated:
        return None
    if isinstance(expr.terms, TermExpr):
        lead: Term | None = expr.terms.term
    else:
        lead = leading_operand(expr)
        if lead is not None and isinstance(expr.terms, CallExpr):
            if needs_parens_as_operand(lead, operator_name(expr.terms.operator), first=lead is expr.terms.args[0]):
                return None
    term = lead
    while isinstance(term, Call) and is_infix(term):
        inner = term.args[0]
        if has_parens_within(inner, operator_name(term.operator), first=True):
            return None
        term = inner
    return lead if isinstance(term, Scalar) and constant_text(term.value).startswith("-") else None


def takes_in_a_sign(expr: Expr) -> bool:
    """Whether a sign that begins the line behind an expression would be read as a part of it."""
    if expr.withs:
        return True
    match expr.terms:
        case Every():
            return False
        case Not(body, _, explicit):
            return len(body) == 1 and not explicit
        case LogicalAnd() | LogicalOr():
            return len(expr.terms.rhs) == 1 and not expr.terms.explicit_rhs
        case _:
            return True


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
