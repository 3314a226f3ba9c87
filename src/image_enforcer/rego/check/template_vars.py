"""Variables that template strings use although nothing has bound them.

A template string would take an unbound variable for undefined instead of failing, so it is refused, as in OPA. What a
body binds may be used in all of it, read once from the front. As there, a string that is refused is looked at again
from each body around it, where less is bound: the same string may lack more there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

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
    Ref,
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

MOST: Final = 50
"""Problems of one rule after which no more are looked for: OPA tells ten."""


class TemplateVars:
    """Goes through bodies; ``original`` maps generated names to written ones."""

    def __init__(self, arity: Arity, original: Mapping[str, str]) -> None:
        self.arity = arity
        self.original = original
        self._sound: dict[int, TemplateString] = {}
        self._told = 0

    def rule(self, rule: Rule) -> list[Problem]:
        """What is wrong with the uses in a rule and its ``else`` branches."""
        problems: list[Problem] = []
        if not any(isinstance(x, TemplateString) for x in walk(rule)):
            return problems
        self._told = 0
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
        """What is wrong below a node. A body in which nothing was wrong is not looked at again."""
        problems: list[Problem] = []
        todo = [node]
        while todo and self._told <= MOST:
            x = todo.pop()
            below = children(x)
            match x:
                case TemplateString():
                    problems += self._template(x, safe)
                    if id(x) in self._sound:
                        found = [p for part in _made(x) for p in self._below(part, safe | _outputs(part, safe))]
                        problems += found
                        below = below if found else ()
                case ArrayComprehension(inner, body) | SetComprehension(inner, body):
                    found = self._closure((inner,), body, safe)
                    problems += found
                    below = below if found else (inner,)
                case ObjectComprehension(k, v, body):
                    found = self._closure((k, v), body, safe)
                    problems += found
                    below = below if found else (k, v)
                case Every(k, v, domain, body):
                    problems += self._template(domain, safe)
                    found = self._body(body, safe | {n.name for n in (k, v) if isinstance(n, Var)})[0]
                    problems += found
                    below = below if found else (domain,)
                case _:
                    pass
            todo.extend(below[::-1])
        return problems

    def _closure(self, heads: Sequence[Term], body: Body, safe: set[str]) -> list[Problem]:
        problems, inside = self._body(body, safe)
        return [*problems, *(p for head in heads for p in self._template(head, inside))]

    def _used(self, node: object) -> set[str]:
        """The variables that a part uses outside closures; a string within that was in order shows its lone ones."""
        used = set(variables(node, closures=False, call_heads=False))
        todo = [node] if self._sound else []
        while todo:
            x = todo.pop()
            match x:
                case TemplateString(parts):
                    inner = [p.terms.term for p in parts if isinstance(p, Expr) and isinstance(p.terms, TermExpr)]
                    used |= {t.name for t in inner if isinstance(t, Var)} if id(x) in self._sound else set()
                case ArrayComprehension() | SetComprehension() | ObjectComprehension():
                    pass
                case _:
                    todo.extend(children(x))
        return used

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
                used, loc = self._used(inner), part.loc
            case CallExpr(operator, _):
                name = operator_name(operator)
                found = signatures().get(name)
                if found is not None and found.relation:
                    text = f"illegal call to relation built-in '{name}' that may cause multiple outputs"
                    return [Problem(COMPILE_ERROR, text, NO_LOCATION)]
                used, loc = self._used(part.terms), NO_LOCATION
            case _:
                used, loc = self._used(part.terms), NO_LOCATION
        shown = ["_" if n.startswith("$") else self.original.get(n, n) for n in sorted(used) if n not in safe]
        self._told += len(shown)
        return [Problem(COMPILE_ERROR, f"var {name} is undeclared", loc) for name in shown]


def _made(template: TemplateString) -> list[Expr]:
    """The parts of a string without faults that have become comprehensions: each is a body, and is looked at again."""
    parts = [p for p in template.parts if isinstance(p, Expr)]
    return [p for p in parts if not (isinstance(p.terms, TermExpr) and isinstance(p.terms.term, Var))]


def _outputs(part: Expr, safe: set[str]) -> set[str]:
    """What the references in a part may bind, where their heads have a value.

    As in OPA that is every variable in them, those in strings within included; but references in closures, and in
    strings that are in no reference, are those of other bodies.
    """
    found: set[str] = set()
    todo: list[object] = [part]
    while todo:
        x = todo.pop()
        if isinstance(x, Ref) and safe.issuperset(variables(x.head, closures=False, call_heads=False)):
            found.update(variables(x, ref_heads=False))
        elif not isinstance(x, TemplateString | ArrayComprehension | SetComprehension | ObjectComprehension):
            todo.extend(children(x))
    return found
