"""Variables that ``print`` uses although nothing has bound them.

It would take an unbound variable for undefined instead of failing, so it is refused, as in OPA: ``print`` may use what
the expressions before it bind, read once from the front.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    Var,
)
from .safety import Arity, body_outputs
from .visit import children, operator_name, variables, walk


class Undeclared:
    """Goes through bodies from the outside inwards, with the variables that are bound around each."""

    def __init__(self, arity: Arity, original: Mapping[str, str]) -> None:
        self.arity = arity
        self.original = original
        self._rule: set[str] = set()

    def rule(self, rule: Rule) -> list[Problem]:
        """What is wrong with the uses in a rule and its ``else`` branches."""
        problems: list[Problem] = []
        link: Rule | None = rule
        while link is not None:
            head = link.head
            safe = self._rule = {"data", "input"} | set(variables(head.args or ()))
            problems.extend(self.body(link.body, safe))
            outside = (*head.ref.terms[1:], *(t for t in (head.key, head.value) if t is not None))
            problems.extend(self._below(outside, safe))
            link = link.else_
        return problems

    def body(self, body: Body, outer: set[str]) -> list[Problem]:
        """What is wrong with the uses in a body around which ``outer`` is bound."""
        problems: list[Problem] = []
        for i, expr in enumerate(body):
            if not _prints(expr):
                continue
            safe = body_outputs(body[:i], self.arity, outer)
            problems.extend(self._below(expr, safe))
            if isinstance(expr.terms, CallExpr) and operator_name(expr.terms.operator) == "print":
                safe |= {n for n in variables(body[:i]) if n.startswith("__local")}  # as in OPA, bound or not
                for arg in expr.terms.args:
                    problems.extend(self._unbound(arg, safe, arg.loc))
        return problems

    def _unbound(self, node: object, safe: set[str], loc: Location) -> list[Problem]:
        names = sorted(n for n in variables(node, closures=False) if n not in safe)
        shown = ["_" if n.startswith("$") else self.original.get(n, n) for n in names]
        return [Problem(COMPILE_ERROR, f"var {name} is undeclared", loc) for name in shown]

    def _below(self, node: object, safe: set[str]) -> list[Problem]:
        """The uses below a node, in the bodies that it holds."""
        problems: list[Problem] = []
        todo = [node]
        while todo:
            x = todo.pop()
            match x:
                case ArrayComprehension(_, body) | SetComprehension(_, body) | ObjectComprehension(_, _, body):
                    problems.extend(self.body(body, safe))
                    # as in OPA what is printed in the head may use no more than the rule's arguments
                    problems.extend(self._below(tuple(t for t in children(x) if not isinstance(t, Expr)), self._rule))
                case Every(k, v, domain, body):
                    todo.append(domain)
                    problems.extend(self.body(body, safe | {n.name for n in (k, v) if isinstance(n, Var)}))
                case Not(body):
                    problems.extend(self.body(body, safe))
                case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                    problems.extend([*self.body(lhs, safe), *self.body(rhs, safe)])
                case _:
                    todo.extend(children(x)[::-1])
        return problems


def _prints(expr: Expr) -> bool:
    """Whether ``print`` is called anywhere in an expression."""
    return any(isinstance(x, CallExpr) and operator_name(x.operator) == "print" for x in walk(expr))
