"""What a term looks like: OPA's word for its kind, whether it holds variables, references or calls."""

from __future__ import annotations

from typing import Any

from ..places import Location
from ..records import fields, is_record, replace
from .nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Expr,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    TemplateString,
    Term,
    TermExpr,
    Var,
)


def true_body(loc: Location) -> Body:
    """The body of a rule that was written without one."""
    return (Expr(TermExpr(Scalar(True, loc)), loc=loc),)


def placed(node: Any, loc: Location) -> Any:
    """A tree all of whose nodes stand in one place."""
    if isinstance(node, tuple):
        return tuple(placed(x, loc) for x in node)
    if isinstance(node, Location):
        return loc
    if not is_record(node) or isinstance(node, type):
        return node
    return replace(node, **{f.name: placed(getattr(node, f.name), loc) for f in fields(node)})


def is_ground(term: Term) -> bool:
    """Whether a term holds no variables."""
    match term:
        case Scalar():
            return True
        case Var():
            return False
        case Ref(terms):
            return all(is_ground(t) for t in terms[1:])
        case Array(items) | Set(items):
            return all(is_ground(t) for t in items)
        case Object(pairs):
            return all(is_ground(k) and is_ground(v) for k, v in pairs)
        case Call(_, args):
            return all(is_ground(t) for t in args)
        case _:
            return False


def is_scalar(term: Term) -> bool:
    """Whether a term is a constant of one token."""
    return isinstance(term, Scalar)


def refs_vars_calls(term: Term) -> list[str]:
    """OPA's words for the references, variables and calls in a term, in order; comprehensions are not entered."""
    match term:
        case Ref():
            return ["ref"]
        case Var():
            return ["var"]
        case Call():
            return ["call"]
        case Array(items):
            return [n for t in items for n in refs_vars_calls(t)]
        case Set(items):
            return [n for t in dict.fromkeys(items) for n in refs_vars_calls(t)]
        case Object(pairs):
            return [n for k, v in pairs for t in (k, v) for n in refs_vars_calls(t)]
        case TemplateString(parts):
            return [n for p in parts if isinstance(p, Expr) for n in _in_template(p)]
        case _:
            return []


def _in_template(expr: Expr) -> list[str]:
    match expr.terms:
        case TermExpr(term):
            return refs_vars_calls(term)
        case CallExpr(operator, args):
            return [n for t in (operator, *args) for n in refs_vars_calls(t)]
        case _:
            return []


def value_name(term: Term) -> str:
    """OPA's word for the kind of a term."""
    match term:
        case Scalar(None):
            return "null"
        case Scalar(bool()):
            return "boolean"
        case Scalar(str()):
            return "string"
        case Scalar():
            return "number"
        case Var():
            return "var"
        case Ref():
            return "ref"
        case Array():
            return "array"
        case Object():
            return "object"
        case Set():
            return "set"
        case ArrayComprehension():
            return "arraycomprehension"
        case SetComprehension():
            return "setcomprehension"
        case ObjectComprehension():
            return "objectcomprehension"
        case Call():
            return "call"
        case TemplateString():
            return "templatestring"


def dotted(ref: Ref) -> str:
    """A reference as text."""
    from .printer import term_text  # the printer stands on the same nodes

    return term_text(ref)
