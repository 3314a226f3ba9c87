"""What a test runner wants of rules named ``test_…``: names of their own, cases that are told, values that are seen.

A rule ``test_x[note]`` is a table of cases. It gets a call that tells which case is at hand, as early in its body as
the case is known: so the cases that do not hold are known as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..records import record, replace
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    CallExpr,
    Every,
    Expr,
    Head,
    Module,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    SetComprehension,
    Term,
    Var,
)
from ..syntax.printer import term_text
from .expand import equation
from .scopes import Names
from .visit import indexed, is_equality, operator_name, variables, walk

PREFIX: Final = "test_"
SKIPPED: Final = "todo_test_"
CASE: Final = "internal.test_case"


@record(frozen=True, slots=True)
class ForTests:
    """Rewrites the rules that are tests. With ``values`` each side of an equation in them has a variable."""

    values: bool = False

    @staticmethod
    def renamed(modules: Mapping[str, Module]) -> dict[str, Module]:
        """Tests that have the name of one before get a number behind it, so that each is run."""
        seen: dict[str, int] = {}
        return {k: replace(m, rules=tuple(_numbered(m, r, seen) for r in m.rules)) for k, m in modules.items()}

    @staticmethod
    def told(rule: Rule) -> Rule:
        """A test with cases tells them."""
        name, size = name_of_test(rule.head)
        tail = rule.head.ref.terms[size:]
        if not name.startswith(PREFIX) or not tail or any(_tells(x) for x in walk(rule.body)):
            return rule
        body = list(rule.body)
        for term in tail:
            body = _moved_up(body, term)
        known = [at for term in tail if isinstance(term, Var) for at in [_first_use(body, term)] if at is not None]
        path = Array(tuple(tail), rule.head.loc)
        call = Expr(CallExpr(Ref((Var("internal"), Scalar("test_case"))), (path,)))
        body.insert(max(known, default=-1) + 1, call)
        return replace(rule, body=indexed(body))

    def seen(self, names: Names, rule: Rule) -> Rule:
        """A test in whose equations references and comprehensions have variables, so that a trace has their values."""
        if not self.values or not _is_named(rule) or not rule.head.name.startswith(PREFIX):
            return rule
        body = _with_variables(names, rule.body)
        else_ = None if rule.else_ is None else self.seen(names, rule.else_)
        return replace(rule, body=body, else_=else_)


def _is_named(rule: Rule) -> bool:
    """Whether a rule has a name in OPA's tree, which one with a longer reference has where its value was written."""
    size = len(rule.head.ref.terms)
    return size == 1 or (size == 2 and (rule.generated_body or not rule.head.generated_value))


def name_of_test(head: Head) -> tuple[str, int]:
    """The part of a head's reference that names a test, or else its last constant one; and how many terms lead there.

    Empty where the last of them is no string.
    """
    name, size = "", 0
    for i, term in enumerate(head.ref.terms):
        match term:
            case Var(first) if i == 0:
                name = first
            case Scalar(value):
                name = value if isinstance(value, str) else ""
            case _:
                break
        size = i + 1
        if name.startswith((PREFIX, SKIPPED)):
            break
    return name, size


def _numbered(module: Module, rule: Rule, seen: dict[str, int]) -> Rule:
    name, size = name_of_test(rule.head)
    if not name.startswith(PREFIX):
        return rule
    terms = rule.head.ref.terms
    path = term_text(Ref((*module.package.path.terms, *_strings(terms[:size]))))
    count = seen.get(path, 0)
    seen[path] = count + 1
    if not count:
        return rule
    new = f"{name}#{count:02d}"
    last: Term = Var(new, terms[0].loc) if size == 1 else Scalar(new, terms[size - 1].loc)
    ref = replace(rule.head.ref, terms=(*terms[: size - 1], last, *terms[size:]))
    return replace(rule, head=replace(rule.head, ref=ref, name=new if size == 1 else rule.head.name))


def _strings(terms: tuple[Term, ...]) -> tuple[Term, ...]:
    return tuple(Scalar(t.name) if isinstance(t, Var) else t for t in terms)


def _tells(node: object) -> bool:
    return isinstance(node, CallExpr) and operator_name(node.operator) == CASE


def _moved_up(body: list[Expr], term: Term) -> list[Expr]:
    """The body with the generated expressions that set a term of the head right behind what they need."""
    at = len(body) - 1
    while at >= 0:
        to = _place_for(body, at, term)
        if to is not None and to != at:
            expr = body[at]
            body = [*body[:at], *body[at + 1 :]]
            body.insert(to, expr)
        else:
            at -= 1
    return body


def _place_for(body: list[Expr], at: int, term: Term) -> int | None:
    expr = body[at]
    if not (expr.generated and is_equality(expr) and isinstance(expr.terms, CallExpr)):
        return None
    target, source = expr.terms.args
    if target != term:
        return None
    needed = {name for name, var in variables(source).items() if var.is_generated}
    if not needed:
        return 0
    first = {name: i for i in range(at - 1, -1, -1) for name in variables(body[i]) if name in needed}
    last = max(first.values(), default=0)
    return last + 1 if last < at else None


def _first_use(body: list[Expr], term: Var) -> int | None:
    return next((i for i, expr in enumerate(body) if term.name in variables(expr)), None)


def _with_variables(names: Names, body: Body) -> Body:
    made: list[Expr] = []
    for expr in body:
        terms = expr.terms
        if not expr.negated and not expr.generated:
            if is_equality(expr) and isinstance(terms, CallExpr) and len(terms.args) == 2:
                args: list[Term] = []
                for arg in terms.args:
                    if isinstance(arg, Ref | ArrayComprehension | SetComprehension | ObjectComprehension):
                        part, var = equation(names, arg, expr.withs)
                        made.append(part)
                        args.append(var)
                    else:
                        args.append(arg)
                terms = CallExpr(terms.operator, tuple(args))
            elif isinstance(terms, Every):
                terms = replace(terms, body=_with_variables(names, terms.body))
        made.append(replace(expr, terms=terms))
    return indexed(made)


__all__ = ["CASE", "PREFIX", "SKIPPED", "ForTests", "name_of_test"]
