"""Variables that ``print`` and template strings use although nothing has bound them.

Both would take an unbound variable for undefined instead of failing, so it is refused, as in OPA: ``print`` may use
what the expressions before it bind, a template string what the whole body binds, each read once from the front.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import COMPILE_ERROR, Problem
from ..places import NO_LOCATION, Location
from ..signatures import signatures
from ..syntax.nodes import (
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    ObjectComprehension,
    Rule,
    SetComprehension,
    TemplateString,
    Term,
    TermExpr,
    Var,
)
from .safety import Arity, expression_outputs
from .visit import children, operator_name, variables, walk


class Undeclared:
    """Goes through bodies from the outside inwards, with the variables that are bound around each."""

    def __init__(self, arity: Arity, original: Mapping[str, str], *, templates: bool) -> None:
        self.arity = arity
        self.original = original
        self.templates = templates
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
            problems.extend(self._below(outside, safe | self._outputs(link.body, safe) if self.templates else safe))
            link = link.else_
        return problems

    def body(self, body: Body, outer: set[str]) -> list[Problem]:
        """What is wrong with the uses in a body around which ``outer`` is bound."""
        problems: list[Problem] = []
        whole = outer | self._outputs(body, outer) if self.templates else outer
        for i, expr in enumerate(body):
            if self.templates:
                problems.extend(self._below(expr, whole))
                continue
            if not _prints(expr):
                continue
            safe = outer | self._outputs(body[:i], outer)
            safe |= {n for n in variables(body[:i]) if n.startswith("__local")}  # as in OPA, bound or not
            problems.extend(self._below(expr, safe))
            if isinstance(expr.terms, CallExpr) and operator_name(expr.terms.operator) == "print":
                for arg in expr.terms.args:
                    problems.extend(self._unbound(arg, safe, arg.loc))
        return problems

    def _outputs(self, body: Body, outer: set[str]) -> set[str]:
        safe = set(outer)
        for expr in body:
            safe |= expression_outputs(expr, self.arity, safe)
        return safe - outer

    def _unbound(self, node: object, safe: set[str], loc: Location) -> list[Problem]:
        names = sorted(n for n in variables(node, closures=False) if n not in safe)
        shown = ["_" if n.startswith("$") else self.original.get(n, n) for n in names]
        return [Problem(COMPILE_ERROR, f"var {name} is undeclared", loc) for name in shown]

    def _below(self, node: object, safe: set[str]) -> list[Problem]:
        """The uses below a node: in template strings, and in the bodies that it holds."""
        problems: list[Problem] = []
        todo = [node]
        while todo:
            x = todo.pop()
            match x:
                case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                    problems.extend(self.body(body, safe))
                    problems.extend(self._head(inner, body, safe))
                case ObjectComprehension(k, v, body):
                    problems.extend(self.body(body, safe))
                    problems.extend([*self._head(k, body, safe), *self._head(v, body, safe)])
                case Every(k, v, domain, body):
                    todo.append(domain)
                    problems.extend(self.body(body, safe | {n.name for n in (k, v) if isinstance(n, Var)}))
                case Not(body):
                    problems.extend(self.body(body, safe))
                case LogicalAnd(lhs, rhs) | LogicalOr(lhs, rhs):
                    problems.extend([*self.body(lhs, safe), *self.body(rhs, safe)])
                case TemplateString(parts):
                    if self.templates:
                        problems.extend(p for part in parts if isinstance(part, Expr) for p in self._part(part, safe))
                    todo.extend(children(x)[::-1])
                case _:
                    todo.extend(children(x)[::-1])
        return problems

    def _head(self, head: Term, body: Body, safe: set[str]) -> list[Problem]:
        """What is wrong with the uses in the head of a comprehension.

        As in OPA ``print`` may use no more than the rule's arguments there, and of template strings only one that is
        the head itself what the body binds: those further inside see what is bound around the comprehension.
        """
        if not self.templates:
            return self._below(head, self._rule)
        if not isinstance(head, TemplateString):
            return self._below(head, safe)
        inside = safe | self._outputs(body, safe)
        own = [p for part in head.parts if isinstance(part, Expr) for p in self._part(part, inside)]
        return [*own, *self._below(tuple(children(head)), safe)]

    def _part(self, part: Expr, safe: set[str]) -> list[Problem]:
        """What is wrong with an expression in a template string; a lone variable is left to the checks of safety."""
        if isinstance(part.terms, TermExpr) and not isinstance(part.terms.term, Call):
            return [] if isinstance(part.terms.term, Var) else self._unbound(part.terms.term, safe, part.loc)
        if isinstance(part.terms, CallExpr):
            name = operator_name(part.terms.operator)
            found = signatures().get(name)
            if found is not None and found.relation:
                text = f"illegal call to relation built-in '{name}' that may cause multiple outputs"
                return [Problem(COMPILE_ERROR, text, NO_LOCATION)]
        return self._unbound(part.terms, safe, NO_LOCATION)


def _prints(expr: Expr) -> bool:
    """Whether ``print`` is called anywhere in an expression."""
    return any(isinstance(x, CallExpr) and operator_name(x.operator) == "print" for x in walk(expr))
