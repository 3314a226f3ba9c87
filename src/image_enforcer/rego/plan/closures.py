"""Which comprehensions OPA evaluates once for all values of the variables around them: its comprehension index.

``x = [h | body]`` is evaluated apart from the outer body, and its solutions are kept by the values of its *keys*, where
all variables of its body are outputs of that body and some of them, the keys, are mentioned before it. Answers follow
from it: what is unbound in the body may meet a built-in, and the last of equal keys of an object wins, where without
the index there would be a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ..check.safety import body_outputs
from ..check.unifier import GLOBALS
from ..check.visit import children, operator_name, variables
from ..records import replace
from ..syntax import nodes as ast

if TYPE_CHECKING:
    from .bodies import BodyPlanner

Comprehension: TypeAlias = ast.ArrayComprehension | ast.SetComprehension | ast.ObjectComprehension
_COMPREHENSIONS = (ast.ArrayComprehension, ast.SetComprehension, ast.ObjectComprehension)
_WALKED = 1
"""The operand of ``walk`` that takes what it answers."""


class Closures:
    """The comprehensions of one rule body, or query, of which OPA makes an index. Found out when first asked for."""

    def __init__(
        self, args: Sequence[ast.Term], body: ast.Body, arity: Callable[[ast.Ref], int],
        probe: Callable[[BodyPlanner, ast.Body], bool],
    ) -> None:  # fmt: skip
        """``probe`` plans what comes before such a comprehension, given its body, and tells if that is all."""
        self.probe = probe
        self._args = tuple(args)
        self._body = body
        self._arity = arity
        self._indexed: set[int] | None = None

    def indexed(self, term: ast.Term) -> bool:
        """Whether OPA evaluates this comprehension apart from what is around it."""
        if self._indexed is None:
            self._indexed = set()
            self._read(self._body, {*GLOBALS, *variables(self._args)})
        return id(term) in self._indexed

    def _read(self, body: ast.Body, before: set[str]) -> None:
        """Look at a body and then those inside it. What is mentioned stays in ``before``, as in OPA: it is one set."""
        for expr in body:
            term = _made(expr)
            if term is not None and self._keys(term.body, before):
                assert self._indexed is not None
                self._indexed.add(id(term))
            before.update(variables(expr, closures=False, call_heads=False))
        for inner in (b for expr in body for b in _bodies(expr)):
            self._read(inner, before)

    def _keys(self, body: ast.Body, before: set[str]) -> set[str]:
        body = tuple(_as_equation(e) for e in body)
        outputs = body_outputs(body, self._arity, set(GLOBALS)) - GLOBALS
        keys = outputs & before
        if not keys or set(variables(body, closures=False, call_heads=False)) - outputs - GLOBALS:
            return set()
        if _goes_through(body, before, set()) or _closes_over(body, before):
            return set()
        return keys


def _made(expr: ast.Expr) -> Comprehension | None:
    """The comprehension in ``var = comprehension``."""
    if expr.negated or expr.withs:
        return None
    match _as_equation(expr).terms:
        case ast.CallExpr(operator, (a, b)) if operator_name(operator) == "eq":
            if isinstance(a, ast.Var) and isinstance(b, _COMPREHENSIONS):
                return b
            if isinstance(b, ast.Var) and isinstance(a, _COMPREHENSIONS):
                return a
    return None


def _as_equation(expr: ast.Expr) -> ast.Expr:
    """An expression, ``a == b`` and ``a := b`` as ``a = b``: that is what they have become where OPA looks."""
    match expr.terms:
        case ast.CallExpr(operator, (_, _) as args) if operator_name(operator) in ("equal", "assign"):
            return replace(expr, terms=ast.CallExpr(ast.Ref((ast.Var("eq"),)), args))
    return expr


def _bodies(node: object) -> Iterator[ast.Body]:
    """The outermost bodies inside a node."""
    match node:
        case ast.ArrayComprehension(term, body) | ast.SetComprehension(term, body):
            yield from _bodies(term)
            yield body
        case ast.ObjectComprehension(k, v, body):
            yield from _bodies(k)
            yield from _bodies(v)
            yield body
        case ast.Every(_, _, domain, body):
            yield from _bodies(domain)
            yield body
        case ast.Not(body):
            yield body
        case ast.LogicalAnd(lhs, rhs) | ast.LogicalOr(lhs, rhs):
            yield lhs
            yield rhs
        case _:
            for below in children(node):
                yield from _bodies(below)


def _goes_through(node: object, before: set[str], seen: set[str]) -> bool:
    """Whether unbound variables from around are steps of a reference, which would then go through everything."""

    def unseen(names: object) -> bool:
        return any(n in before and n not in seen for n in variables(names, ref_heads=False))

    match node:
        case ast.ArrayComprehension() | ast.SetComprehension() | ast.ObjectComprehension():
            return False
        case ast.Expr(ast.CallExpr(operator, args)) if operator_name(operator) == "walk" and len(args) > _WALKED:
            if unseen(args[_WALKED]):
                return True
        case ast.Ref(terms):
            if unseen(terms[1:]):
                return True
        case ast.Var(name):
            seen.add(name)
        case _:
            pass
    return any(_goes_through(below, before, seen) for below in children(node))


def _closes_over(node: object, before: set[str]) -> bool:
    """Whether a comprehension inside has variables from around."""
    if isinstance(node, _COMPREHENSIONS):
        return not before.isdisjoint(variables(node, ref_heads=False))
    return any(_closes_over(below, before) for below in children(node))
