"""Calls that can never succeed: of what is no function, or with operands of the wrong number or type."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import TYPE_ERROR, Problem
from ..places import Location
from ..records import record
from ..signatures import signatures
from ..syntax.nodes import CallExpr, Expr, Ref, Term, Var
from ..syntax.printer import term_text
from ..types import (
    ANY,
    AnyOf,
    ArrayType,
    FunctionType,
    ObjectType,
    SetType,
    Type,
    is_nil,
    keys,
    type_text,
    values,
)
from . import details
from .known_types import KnownTypes
from .type_algebra import unifies
from .type_diff import difference, operands, outline, too_wide
from .type_unification import unify_term, unify_terms
from .visit import operator_name


@record(frozen=True, slots=True)
class TypeProblem:
    """A problem, and whether the lack of a type has led to it."""

    problem: Problem
    nil: bool = False


def _captured(term: Term) -> bool:
    """Whether a variable was added to a query to get at an expression's value."""
    return isinstance(term, Var) and term.name.startswith("__localcapture")


def argument_problem(
    loc: Location, name: str, message: str, have: Sequence[Type | None], want: FunctionType
) -> Problem:
    """Wrong operands, with the types there are and those there should be."""
    types = [*want.args, *([want.result] if want.result is not None and message != "arity mismatch" else [])]
    names = [f"{n}: " if n else "" for n in want.names or ("",) * len(types)]
    more = [] if want.variadic is None else [want.variadic]

    def lines(there: Sequence[str], wanted: Sequence[str], rest: Sequence[str]) -> tuple[str, str]:
        named = [n + t for n, t in zip(names, wanted, strict=False)]
        return f"have: ({', '.join(there)})", f"want: ({', '.join([*named, *(f'{r}...' for r in rest)])})"

    shown = lines([type_text(h) for h in have], [str(t) for t in types], [str(v) for v in more])
    if too_wide(*shown):
        pairs = [operands(h, t, n) for h, t, n in zip(have, types, names, strict=False)]
        there = [*(p[0] for p in pairs), *(outline(h) for h in have[len(pairs) :])]
        wanted = [
            *(p[1] for p in pairs),
            *(outline(t, n) for t, n in list(zip(types, names, strict=False))[len(pairs) :]),
        ]
        shown = lines(there, wanted, [outline(v) for v in more])
    detail = details.Operands(tuple(have), want, message != "arity mismatch")
    return Problem(TYPE_ERROR, f"{name}: {message}", loc, extra=shown, detail=detail)


def call_problem(types: KnownTypes, expr: Expr, call: CallExpr) -> TypeProblem | None:
    """What is wrong with a call, if anything; the variables among its operands learn their types."""
    name = operator_name(call.operator)
    if name == "eq":
        return _equation(types, expr, call.args)
    if name in ("internal.member_2", "internal.member_3"):
        problem = _member(types, expr, call.args, name.endswith("3"))
        if problem is not None:
            return problem
    head = call.operator.head
    kind: Type | None
    if isinstance(head, Var) and head.name == "data":
        kind = types.ref_type(call.operator)
        if isinstance(kind, AnyOf) and not kind.members:
            return None
    else:
        found = signatures().get(name)
        kind = None if found is None else found.function
    if not isinstance(kind, FunctionType):
        return TypeProblem(Problem(TYPE_ERROR, f"undefined function {types.shown(call.operator)}", expr.loc))
    want = [*kind.args, *([kind.result] if kind.result is not None else [])]
    shown = types.shown(call.operator)
    have = [types.type(a) for a in call.args if not _captured(a)]
    if len(call.args) > len(want) and kind.variadic is None:
        return _arguments(expr.loc, shown, "too many arguments", have, kind)
    if len(call.args) < len(kind.args):
        return _arguments(expr.loc, shown, "too few arguments", have, kind)
    for i, arg in enumerate(call.args):
        wanted = want[i] if i < len(want) else kind.variadic or ANY
        if i < len(have) and have[i] is not None and not is_nil(have[i]) and not unifies(have[i], wanted):
            return _arguments(expr.loc, shown, "invalid argument(s)", have, kind)
        if not unify_term(types, arg, wanted):
            return _arguments(
                expr.loc,
                shown,
                "invalid argument(s)",
                [types.type(a) for a in call.args if not _captured(a)],
                kind,
            )
    return None


def _arguments(loc: Location, name: str, message: str, have: Sequence[Type | None], want: FunctionType) -> TypeProblem:
    return TypeProblem(argument_problem(loc, name, message, have, want), any(is_nil(h) for h in have))


def _equation(types: KnownTypes, expr: Expr, args: tuple[Term, ...]) -> TypeProblem | None:
    if len(args) != 2:
        have = [types.type(a) for a in args]
        message = "too few arguments" if len(args) < 2 else "too many arguments"
        problem = argument_problem(expr.loc, "eq", message, have, FunctionType((ANY, ANY), None))
        return TypeProblem(problem, nil=any(is_nil(h) for h in have))
    a, b = args
    left, right = types.type(a), types.type(b)
    if unify_terms(types, a, left, b, right):
        return None
    return _mismatch(expr, left, right)


def _mismatch(expr: Expr, left: Type | None, right: Type | None) -> TypeProblem:
    lines = [f"left  : {type_text(left)}", f"right : {type_text(right)}"]
    if too_wide(*lines):
        shown = difference(left, right)
        lines = [f"left  : {shown[0]}", f"right : {shown[1]}"]
    kind = next(
        (
            n
            for t, n in ((ObjectType, "objects"), (ArrayType, "arrays"), (SetType, "sets"))
            if isinstance(left, t) and isinstance(right, t)
        ),
        "",
    )
    if kind:
        lines.append(
            f"hint  : both sides are {kind} but their types differ, so they can never be equal"
            " (see https://www.openpolicyagent.org/docs/errors/rego-type-error/match-error)"
        )
    problem = Problem(TYPE_ERROR, "match error", expr.loc, extra=tuple(lines), detail=details.Sides(left, right))
    return TypeProblem(problem, is_nil(left) or is_nil(right))


def _member(types: KnownTypes, expr: Expr, args: tuple[Term, ...], with_key: bool) -> TypeProblem | None:
    arity = 3 if with_key else 2
    if len(args) < arity:
        return None
    collection = types.type(args[arity - 1])
    inside = values(collection)
    if inside is None:
        return None
    if with_key:
        problem = _member_operand(types, expr, args[0], keys(collection))
        if problem is not None:
            return problem
    return _member_operand(types, expr, args[arity - 2], inside)


def _member_operand(types: KnownTypes, expr: Expr, term: Term, kind: Type | None) -> TypeProblem | None:
    if kind is None or is_nil(kind):
        return None
    have = types.type(term)
    if (not is_nil(have) and not unifies(have, kind)) or not unify_term(types, term, kind):
        return _mismatch(expr, have, kind)
    return None


def with_problem(types: KnownTypes, expr: Expr) -> TypeProblem | None:
    """What is wrong with a function put in another one's place."""
    for item in expr.withs:
        target = item.target if isinstance(item.target, Ref) else Ref((item.target,))
        want = types.ref_type(target)
        if not isinstance(want, FunctionType):
            continue
        value = (
            item.value if isinstance(item.value, Ref) else Ref((item.value,)) if isinstance(item.value, Var) else None
        )
        have = types.ref_type(value) if value is not None else None
        if isinstance(have, FunctionType) and not unifies(want, have):
            return _arguments(item.loc, term_text(target), "arity mismatch", have.args, want)
    return None
