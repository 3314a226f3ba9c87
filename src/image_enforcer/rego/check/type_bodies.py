"""Bodies checked for types, expression by expression; what ``with`` replaces is taken for anything."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Problem
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
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
    Set,
    SetComprehension,
    SomeDecl,
    Term,
    TermExpr,
    Var,
)
from ..types import ANY, FunctionType, keys, values
from ..values import Key, Value, key
from .constants import ground_steps
from .known_types import KnownTypes
from .type_calls import TypeProblem, call_problem, with_problem
from .type_env import TypeNode
from .type_refs import reference_problem


def _relaxed(paths: Sequence[Ref], target: Sequence[Value]) -> TypeNode:
    """Every rule, and the target, as something that may be anything."""
    root = TypeNode()
    for steps in [*(ground_steps(p) for p in paths), *([list(target)] if target else [])]:
        node = root
        for step in steps:
            node = node.children.setdefault(key(step), TypeNode())
        node.value = ANY
    return root


def check_body(types: KnownTypes, body: Body) -> list[Problem]:
    """Check the expressions of a body, learning types on the way; the problems found."""
    found: list[Problem] = []
    for expr in body:
        found.extend(_check_expr(types, expr))
    return found


def _check_expr(types: KnownTypes, expr: Expr) -> list[Problem]:
    """Check one expression."""
    target = _under_with(types, expr) if expr.withs else types
    inner = _closure_problems(target, expr)
    refs = _reference_problems(target, expr)
    own: TypeProblem | None = None
    match expr.terms:
        case CallExpr():
            own = with_problem(target, expr) or call_problem(target, expr, expr.terms)
        case Every(k, v, domain, body):
            return [*inner, *refs, *_check_every(target, k, v, domain, body)]
        case Not(body):
            return [*inner, *refs, *check_body(target, body)]
        case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
            return [*inner, *refs, *check_body(target, lhs), *check_body(target, rhs)]
        case _:
            own = with_problem(target, expr)
    found = [*inner, *refs]
    if own is not None and not ((inner or refs) and own.nil):
        found.append(own.problem)
    return found


def _check_every(types: KnownTypes, k: Term | None, v: Term, domain: Term, body: Body) -> list[Problem]:
    found = types.type(domain)
    scope = types.scopes[-1]
    if isinstance(k, Var):
        scope.setdefault(k.name, (keys(found) if found is not None else None) or ANY)
    if isinstance(v, Var):
        scope.setdefault(v.name, (values(found) if found is not None else None) or ANY)
    return check_body(types, body)


def _closure_problems(types: KnownTypes, expr: Expr) -> list[Problem]:
    found: list[Problem] = []
    todo: list[object] = [expr.terms]
    while todo:
        x = todo.pop()
        match x:
            case ArrayComprehension(_, body) | SetComprehension(_, body) | ObjectComprehension(_, _, body):
                problems = check_body(types.inner(), body)
                if problems:
                    found = problems
            case TermExpr(term):
                todo.append(term)
            case CallExpr(_, args) | Call(_, args):
                todo.extend(args)
            case Ref(terms):
                todo.extend(terms)
            case Array(items) | Set(items):
                todo.extend(items)
            case Object(pairs):
                todo.extend(t for p in pairs for t in p)
            case _:
                pass
    return found


def _reference_problems(types: KnownTypes, expr: Expr) -> list[Problem]:
    found: list[Problem] = []
    todo: list[object] = []
    match expr.terms:
        case TermExpr(term):
            todo.append(term)
        case CallExpr(_, args):
            todo.extend(reversed(args))
        case Every(_, _, domain, _):
            todo.append(domain)
        case SomeDecl() | Not() | LogicalAnd() | LogicalOr():
            pass
    while todo:
        x = todo.pop()
        match x:
            case Ref(terms):
                problem = reference_problem(types, x)
                if problem is not None:
                    found.append(problem)
                todo.extend(reversed(terms[1:]))
            case Array(items) | Set(items):
                todo.extend(reversed(items))
            case Object(pairs):
                todo.extend(reversed([t for p in pairs for t in p]))
            case _:
                pass
    return found


def _under_with(types: KnownTypes, expr: Expr) -> KnownTypes:
    """What ``with`` replaces may have another type inside the expression, and so may everything that depends on it."""
    overlay: dict[Key, TypeNode] = dict(types.overlay or {})
    paths = [p for r, p in types.env.tree.rules() if not r.head.args]
    for item in expr.withs:
        target = item.target if isinstance(item.target, Ref) else Ref((item.target,))
        head = target.head.name if isinstance(target.head, Var) else ""
        document = head == "data" and not isinstance(types.ref_type(target), FunctionType)
        overlay["data"] = _relaxed(paths, ground_steps(target) if document else ())
    return types.under(overlay)
