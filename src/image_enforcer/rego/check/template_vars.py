"""Variables that template strings use although nothing has bound them.

A template string would take an unbound variable for undefined instead of failing, so it is refused, as in OPA. What a
body binds may be used in all of it, read once from the front. As there, a string that is refused is looked at again
from each body around it, where less is bound: the same string may lack more there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..errors import COMPILE_ERROR, Problem
from ..places import NO_LOCATION
from ..signatures import signatures
from ..syntax.nodes import (
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    ObjectComprehension,
    Rule,
    Scalar,
    SetComprehension,
    TemplateString,
    Term,
    TermExpr,
    Var,
)
from .safety import Arity, body_outputs
from .unifier import GLOBALS
from .visit import children, operator_name, variables, walk


class TemplateVars:
    """Goes through bodies; ``original`` maps generated names to written ones."""

    def __init__(self, arity: Arity, original: Mapping[str, str]) -> None:
        self.arity = arity
        self.original = original
        self._sound: dict[int, TemplateString] = {}

    def rule(self, rule: Rule) -> list[Problem]:
        """What is wrong with the uses in a rule and its ``else`` branches."""
        problems: list[Problem] = []
        if not any(isinstance(x, TemplateString) for x in walk(rule)):
            return problems
        link: Rule | None = rule
        while link is not None:
            head = link.head
            found, safe = self._body(link.body, GLOBALS | set(variables(head.args or ())))
            problems += found
            problems += self._below((*head.ref.terms[1:], *(t for t in (head.key, head.value) if t is not None)), safe)
            link = link.else_
        return problems

    def body(self, body: Body) -> list[Problem]:
        """What is wrong with the uses in the body of a query."""
        return self._body(body, GLOBALS)[0]

    def _body(self, body: Body, outer: Iterable[str]) -> tuple[list[Problem], set[str]]:
        safe = body_outputs(body, self.arity, set(outer), functions=True)
        return self._below(body, safe), safe

    def _below(self, node: object, safe: set[str]) -> list[Problem]:
        problems: list[Problem] = []
        todo = [node]
        while todo:
            x = todo.pop()
            below = children(x)
            match x:
                case TemplateString():
                    problems += self._template(x, safe)
                    if id(x) in self._sound:
                        below = self._made(x)
                case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                    problems += self._closure((inner,), body, safe)
                case ObjectComprehension(k, v, body):
                    problems += self._closure((k, v), body, safe)
                case Every(k, v, domain, body):
                    problems += self._template(domain, safe)
                    problems += self._body(body, safe | {n.name for n in (k, v) if isinstance(n, Var)})[0]
                case _:
                    pass
            todo.extend(below[::-1])
        return problems

    def _closure(self, heads: Sequence[Term], body: Body, safe: set[str]) -> list[Problem]:
        problems, inside = self._body(body, safe)
        return [*problems, *(p for head in heads for p in self._template(head, inside))]

    @staticmethod
    def _made(template: TemplateString) -> list[object]:
        """What a string without faults has become: comprehensions, each of which is a body and has one."""
        made: list[object] = []
        for part in template.parts:
            if isinstance(part, Expr):
                made += [part] if isinstance(part.terms, TermExpr) and isinstance(part.terms.term, Var) else [part] * 2
        return made

    def _template(self, term: Term, safe: set[str]) -> list[Problem]:
        if not isinstance(term, TemplateString) or id(term) in self._sound:
            return []
        problems = [p for part in term.parts if not isinstance(part, Scalar) for p in self._part(part, safe)]
        if not problems:
            self._sound[id(term)] = term
        return problems

    def _part(self, part: Expr, safe: set[str]) -> list[Problem]:
        """What is wrong with an expression in a template string; a lone variable is left to the checks of safety."""
        match part.terms:
            case TermExpr(Var()):
                return []
            case TermExpr(inner) if not isinstance(inner, Call):
                used, loc = variables(inner, closures=False, call_heads=False), part.loc
            case CallExpr(operator, _):
                name = operator_name(operator)
                found = signatures().get(name)
                if found is not None and found.relation:
                    text = f"illegal call to relation built-in '{name}' that may cause multiple outputs"
                    return [Problem(COMPILE_ERROR, text, NO_LOCATION)]
                used, loc = variables(part.terms, closures=False, call_heads=False), NO_LOCATION
            case _:
                used, loc = variables(part.terms, closures=False, call_heads=False), NO_LOCATION
        shown = ["_" if n.startswith("$") else self.original.get(n, n) for n in sorted(used) if n not in safe]
        return [Problem(COMPILE_ERROR, f"var {name} is undeclared", loc) for name in shown]
