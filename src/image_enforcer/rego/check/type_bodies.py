"""Bodies checked for types, expression by expression; what ``with`` replaces is taken for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from ..errors import Problem
from ..places import NO_LOCATION
from ..records import replace
from ..signatures import signatures
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
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
    SomeDecl,
    Term,
    TermExpr,
    Var,
)
from ..types import ANY, FunctionType, Type, union
from ..values import Key, Value, key
from .constants import ground_steps
from .known_types import KnownTypes
from .type_calls import call_problem, with_problem
from .type_env import TypeNode
from .type_refs import reference_problem
from .visit import ROOTS, children, walk

MOST_AGAIN: Final = 8
"""Comprehensions inside one that are looked at again at most."""


def check_body(types: KnownTypes, body: Body) -> list[Problem]:
    """Check the expressions of a body, learning types on the way; the problems found."""
    found: list[Problem] = []
    for expr in body:
        found.extend(_check_expr(types, expr))
    return found


def _check_expr(types: KnownTypes, expr: Expr) -> list[Problem]:
    """Check one expression.

    The bodies of ``every``, ``not``, ``and`` and ``or`` are none that are checked, as in OPA: only the references and
    comprehensions in them are, with nothing known of their variables.
    """
    target = _under_with(types, expr) if expr.withs else types
    inner = _closure_problems(target, expr)
    refs = _reference_problems(target, expr)
    own = with_problem(target, expr)
    if own is None and isinstance(expr.terms, CallExpr):
        own = call_problem(target, expr, expr.terms)
    if (
        isinstance(expr.terms, Every)
        and isinstance(domain := expr.terms.domain, Var)
        and types.var(domain.name) is None
    ):
        types.learn(domain.name, ANY)
    found = [*inner, *refs]
    if own is not None and not ((inner or refs) and own.nil):
        found.append(own.problem)
    return found


def _closure_problems(types: KnownTypes, expr: Expr) -> list[Problem]:
    """The problems of the last comprehension that has some: as in OPA those of the others are not told.

    Also as in OPA, those inside one without problems are looked at once more, with what is known out here: without the
    ``with`` that may be around them there.
    """
    found: list[Problem] = []
    todo: list[object] = [expr.terms]
    while todo:
        x = todo.pop()
        match x:
            case ArrayComprehension(_, body) | SetComprehension(_, body) | ObjectComprehension(_, _, body):
                _, problems = types.closed(body)
                found = problems or found
                if not problems and _few_inside(x):
                    todo.extend(reversed(children(x)))
            case Expr():
                todo.append(x.terms)
            case _:
                todo.extend(reversed(children(x)))
    return found


def _few_inside(closure: Term) -> bool:
    """Whether what is inside may be looked at again: each level of closures doubles how often that is."""
    inside = (x for x in walk(closure) if isinstance(x, ArrayComprehension | SetComprehension | ObjectComprehension))
    return len(list(islice(inside, MOST_AGAIN + 2))) <= MOST_AGAIN + 1


def _reference_problems(types: KnownTypes, expr: Expr) -> list[Problem]:
    found: list[Problem] = []
    todo: list[object] = [expr]
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
            case Expr():
                todo.extend(reversed(_operands(x)))
            case _:
                pass
    return found


def _operands(expr: Expr) -> Sequence[object]:
    """Where the references of an expression stand; those of a ``with`` count behind ``every``, ``and`` and ``or``."""
    replaced = [_named(t) for w in expr.withs for t in (w.target, w.value)]
    match expr.terms:
        case TermExpr(term):
            return [term]
        case CallExpr(_, args):
            return args
        case Every(_, _, domain, body):
            return [domain, *body, *replaced]
        case Not(body):
            return body
        case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
            return [*lhs, *rhs, *replaced]
        case SomeDecl():
            return []


def _named(term: Term) -> Term:
    """The name of a built-in as a reference; it has no place then, as in OPA."""
    built_in = isinstance(term, Var) and term.name in signatures()
    return Ref((replace(term, loc=NO_LOCATION),)) if built_in else term


def _under_with(types: KnownTypes, expr: Expr) -> KnownTypes:
    """What is known inside an expression with a ``with``.

    What is replaced may have the type of what takes its place too, and every rule that depends on it may be anything.
    """
    layers: list[Mapping[Key, TypeNode]] = []
    replaced: dict[Key, TypeNode] = {}
    for item in expr.withs:
        target = Ref((item.target,)) if isinstance(item.target, Var) else item.target
        if not isinstance(target, Ref) or not isinstance(target.head, Var):
            continue
        found = types.ref_type(target)
        is_function = isinstance(found, FunctionType)
        depending = types.env.tree.dependents(target) if target.head.name == "data" else []
        relaxed = TypeNode()
        for path in depending:
            if not (is_function and path == target):
                _put(relaxed, ground_steps(path), ANY)
        if relaxed.children:
            layers.insert(0, {"data": relaxed})
        if not is_function and target.head.name in ROOTS:
            kind: Type | None = None
            if found is not None and all(isinstance(t, Scalar) for t in target.path):
                value = types.type(item.value)
                kind = None if value is None or isinstance(value, FunctionType) else union(found, value)
            _put(replaced.setdefault(target.head.name, TypeNode()), ground_steps(target), kind or ANY)
    if replaced:
        layers.insert(0, replaced)
    return types.under(layers) if layers else types


def _put(root: TypeNode, steps: Sequence[Value], kind: Type) -> None:
    node = root
    for step in steps:
        node = node.children.setdefault(key(step), TypeNode())
    node.value = kind
