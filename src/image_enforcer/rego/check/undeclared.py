"""Variables that ``print`` uses although nothing has bound them.

It would take an unbound variable for undefined instead of failing, so it is refused, as in OPA: ``print`` may use what
the expressions before it bind, read once from the front. In a body the closures come first, one expression after the
other, and then its own prints; what is told ends with the first of these that is wrong. What stands in the head of a
comprehension or in the domain of ``every`` is looked at when the whole body was right, and may use no more than the
arguments of the rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ..errors import COMPILE_ERROR, Problem
from ..places import Location
from ..syntax.nodes import (
    ArrayComprehension,
    Body,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    ObjectComprehension,
    Rule,
    SetComprehension,
    Term,
    Var,
)
from .safety import Arity, expression_outputs
from .visit import children, operator_name, variables, walk

Closure = ArrayComprehension | SetComprehension | ObjectComprehension | Every | Not | LogicalAnd | LogicalOr


class Undeclared:
    """Goes through bodies from the outside inwards, with the variables that are bound around each."""

    def __init__(self, arity: Arity, original: Mapping[str, str]) -> None:
        self.arity = arity
        self.original = original

    def rule(self, rule: Rule) -> list[Problem]:
        """What is wrong with the uses in a rule and its ``else`` branches."""
        problems: list[Problem] = []
        link: Rule | None = rule
        while link is not None:
            head = link.head
            safe = {"data", "input"} | set(variables(head.args or ()))
            problems.extend(self._bodies((*(head.args or ()), head.key, head.value), safe))
            problems.extend(self._whole(link.body, safe))
            link = link.else_
        return problems

    def body(self, body: Body, outer: set[str]) -> list[Problem]:
        """What is wrong with the uses in a body around which ``outer`` is bound."""
        safe = set(outer)
        for expr in body:
            closures = list(_closures(expr)) if _prints(expr) else []
            here = set(safe) if closures else safe
            if problems := [p for closure in closures for p in self._closure(closure, here)]:
                return problems
            safe |= expression_outputs(expr, self.arity, safe, functions=True)
        safe = set(outer)
        made: set[str] = set()
        for expr in body:
            if isinstance(expr.terms, CallExpr) and operator_name(expr.terms.operator) == "print":
                if problems := [p for arg in expr.terms.args for p in self._unbound(arg, safe, arg.loc, made)]:
                    return problems
            safe |= expression_outputs(expr, self.arity, safe, functions=True)
            made |= {n for n in variables(expr) if n.startswith("__local")}  # as in OPA, bound or not
        return []

    def _closure(self, closure: Closure, safe: set[str]) -> list[Problem]:
        if isinstance(closure, Every):  # as in OPA what stands behind it may use its variables, too
            safe |= {n.name for n in (closure.key, closure.value) if isinstance(n, Var)}
        return [p for body in _bodies_of(closure) for p in self.body(body, safe)]

    def _unbound(self, node: object, safe: set[str], loc: Location, made: Collection[str] = ()) -> list[Problem]:
        found = variables(node, closures=False, call_heads=False)
        names = sorted(n for n in found if n not in safe and n not in made)
        shown = ["_" if n.startswith("$") else self.original.get(n, n) for n in names]
        return [Problem(COMPILE_ERROR, f"var {name} is undeclared", loc) for name in shown]

    def _whole(self, body: Body, safe: set[str]) -> list[Problem]:
        """What is wrong in a body, and, where nothing is, in those below it that are not looked at with it."""
        if not any(map(_prints, body)):
            return []
        return self.body(body, safe) or self._apart(body, safe)

    def _apart(self, body: Body, safe: set[str]) -> list[Problem]:
        problems: list[Problem] = []
        for closure in _closures(body):
            problems.extend(self._bodies(_outside(closure), safe))
            problems.extend(p for inner in _bodies_of(closure) for p in self._apart(inner, safe))
        return problems

    def _bodies(self, node: object, safe: set[str]) -> list[Problem]:
        """What is wrong in the bodies in a node."""
        problems: list[Problem] = []
        for closure in _closures(node):
            problems.extend(self._bodies(_outside(closure), safe))
            problems.extend(p for body in _bodies_of(closure) for p in self._whole(body, safe))
        return problems


def _closures(node: object) -> Iterator[Closure]:
    """The outermost closures in a node, in the order of the text."""
    todo = [node]
    while todo:
        x = todo.pop()
        if isinstance(x, Closure):
            yield x
        else:
            todo.extend(children(x)[::-1])


def _outside(closure: Closure) -> tuple[Term, ...]:
    """What belongs to a closure and stands outside its body."""
    match closure:
        case ArrayComprehension(head, _) | SetComprehension(head, _):
            return (head,)
        case ObjectComprehension(k, v, _):
            return k, v
        case Every(_, _, domain, _):
            return (domain,)
        case _:
            return ()


def _bodies_of(closure: Closure) -> tuple[Body, ...]:
    match closure:
        case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
            return lhs, rhs
        case _:
            return (closure.body,)


def _prints(expr: Expr) -> bool:
    """Whether ``print`` is called anywhere in an expression."""
    return any(isinstance(x, CallExpr) and operator_name(x.operator) == "print" for x in walk(expr))
