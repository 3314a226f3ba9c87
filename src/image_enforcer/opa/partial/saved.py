"""What is not known, the expressions kept for later because of it, and the rules made for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Final

from ...rego.check.documents import RuleTree
from ...rego.check.visit import variables, walk
from ...rego.signatures import signature
from ...rego.syntax.nodes import Body, CallExpr, Expr, Head, Module, Package, Ref, Rule, Scalar, Term, TermExpr, Var
from ...rego.syntax.printer import term_text
from ...rego.syntax.term_order import term_order
from ..explain.bindings import Bindings, Item, Known
from .names import Named

EQ: Final = Ref((Var("eq"),))


@dataclass(frozen=True, slots=True)
class Kept:
    """An expression for later, and whose variables it has; of an equation each side has its own."""

    expr: Expr
    of: Bindings
    of_right: Bindings | None = None

    def named(self, caller: Bindings) -> Expr:
        """The expression with what is known put in place."""
        first = Named(self.of, caller)
        if self.of_right is None or not isinstance(self.expr.terms, CallExpr):
            return first.whole(self.expr)
        left, right = self.expr.terms.args
        made = CallExpr(self.expr.terms.operator, (first.term(left), Named(self.of_right, caller).term(right)))
        return replace(self.expr, terms=made)


@dataclass(frozen=True, slots=True)
class Inlining:
    """What is put into the queries that are left over, and what stays a rule that they refer to."""

    shallow: bool = False
    """No rule that depends on what is not known is put in."""
    whole: tuple[Ref, ...] = ()
    """Documents whose rules are not put in."""
    volatile: bool = False
    """Built-ins that answer otherwise each time are called now, where their operands are known."""

    def disabled(self, ref: Ref) -> bool:
        """Whether the rules of a document, or of one above or below it, are not put in."""
        terms = ref.terms
        return any(terms[: len(w.terms)] == w.terms[: len(terms)] for w in self.whole)


PLAIN: Final = Inlining()


@dataclass(slots=True)
class Unknowns:
    """The documents and variables that are not known."""

    documents: tuple[Ref, ...]
    tree: RuleTree
    inlining: Inlining = PLAIN
    pushed: list[tuple[str, Bindings]] = field(default_factory=list)
    _rules: dict[int, bool] = field(default_factory=dict)

    def has(self, item: Item, of: Bindings) -> bool:
        """Whether a variable, or what a reference begins with, is not known."""
        match item:
            case Var(name):
                return any(n == name and b is of for n, b in self.pushed)
            case Ref(terms):
                if any(terms[: len(d.terms)] == d.terms for d in self.documents):
                    return True
                return self.has(terms[0], of) if isinstance(terms[0], Var) else False
            case _:
                return False

    def inside(self, item: Item, of: Bindings) -> bool:
        """Whether anything in a term is not known."""
        if isinstance(item, Known):
            return False
        for x in walk(item):
            if isinstance(x, Var):
                found, at = of.apply(x)
                if self.has(found, at) or (found is not x and not isinstance(found, Known) and self.inside(found, at)):
                    return True
            elif isinstance(x, Ref) and self.has(x, of):
                return True
        return False

    def concerns(self, node: object, of: Bindings) -> bool:
        """Whether the answer of an expression, or a term, may depend on what is not known."""
        return any(self._concerns(x, of) for x in walk(node))

    def _concerns(self, x: object, of: Bindings | None) -> bool:
        match x:
            case Expr(withs=withs) if withs:
                return True
            case CallExpr(operator, _) if not self.inlining.volatile and _is_volatile(operator):
                return True
            case Var() if of is not None:
                return self.inside(x, of)
            case Ref():
                if self.has(x, of or _NOWHERE) or self.inlining.disabled(constant_prefix(x)):
                    return True
                return any(self._rule(r) for r, _ in self.tree.matching(x)) if _is_data(x) else False
            case _:
                return False

    def _rule(self, rule: Rule) -> bool:
        found = self._rules.get(id(rule))
        if found is None:
            self._rules[id(rule)] = False  # for rules on the way back here; there are none that compile
            found = self._rules[id(rule)] = any(self._concerns(x, None) for x in walk(rule))
        return found

    @contextmanager
    def with_variables(self, *items: tuple[Item, Bindings]) -> Iterator[None]:
        """With the variables of some terms among the unknown."""
        before = len(self.pushed)
        for item, of in items:
            self._push(item, of)
        try:
            yield
        finally:
            del self.pushed[before:]

    def _push(self, item: Item, of: Bindings) -> None:
        item, of = of.apply(item)
        if isinstance(item, Var):
            self.pushed.append((item.name, of))
        elif not isinstance(item, Known):
            for var in variables(item, closures=False, ref_heads=False).values():
                self._push(var, of)

    def names(self, caller: Bindings) -> set[str]:
        """The variables by the names that they will have."""
        return {n if b is caller else f"{n}{b.number}" for n, b in self.pushed}


_NOWHERE: Final = Bindings()


def _is_volatile(operator: Ref) -> bool:
    """Whether a built-in answers otherwise each time: it is left for later."""
    found = signature(term_text(operator))
    return found is not None and found.nondeterministic


def constant_prefix(ref: Ref) -> Ref:
    """A reference up to its first step that is not a constant."""
    return Ref((ref.head, *takewhile(lambda t: isinstance(t, Scalar), ref.path)))


def _is_data(ref: Ref) -> bool:
    return isinstance(ref.head, Var) and ref.head.name == "data"


@dataclass(slots=True)
class Stack:
    """The expressions kept so far: those of the body at hand last."""

    queries: list[list[Kept]] = field(default_factory=lambda: [[]])

    @contextmanager
    def keeping(self, kept: Kept) -> Iterator[None]:
        """With one more expression."""
        query = self.queries[-1]
        query.append(kept)
        try:
            yield
        finally:
            query.pop()

    @contextmanager
    def another(self) -> Iterator[None]:
        """With a new body."""
        self.queries.append([])
        try:
            yield
        finally:
            self.queries.pop()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Back in the body before, for as long as something is done with what was kept."""
        query = self.queries.pop()
        try:
            yield
        finally:
            self.queries.append(query)

    def named(self, caller: Bindings) -> list[Expr]:
        """The body at hand."""
        return [k.named(caller) for k in self.queries[-1]]


@dataclass(slots=True)
class Support:
    """Rules that the queries left over refer to, by package."""

    packages: dict[tuple[str, ...], list[Rule]] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)

    def has(self, path: Ref) -> bool:
        """Whether the rules of a document were made already."""
        return term_text(path) in self.paths

    def add(self, path: Ref, make: Callable[[str], Rule]) -> None:
        """Add a rule at a path; ``make`` takes its name."""
        self.paths.add(term_text(path))
        *steps, last = [str(getattr(t, "value", "")) for t in path.path]
        self.packages.setdefault(tuple(steps), []).append(make(last))

    def modules(self) -> list[Module]:
        """The rules as modules."""
        return [
            Module(Package(Ref((Var("data"), *(Scalar(s) for s in names)))), rules=tuple(sorted(rules, key=_order)))
            for names, rules in sorted(self.packages.items())
        ]


def _order(rule: Rule) -> tuple[object, ...]:
    head = rule.head
    parts = [() if t is None else term_order(t) for t in (head.key, head.value)]
    terms = [[term_order(t) for t in some or ()] for some in (head.args, head.ref.terms)]
    return (*terms, *parts, rule.default, [_expr_order(e) for e in rule.body])


def _expr_order(expr: Expr) -> tuple[object, ...]:
    match expr.terms:
        case TermExpr(term):
            return (1, expr.index, expr.negated, [term_order(term)])
        case CallExpr(operator, args):
            return (2, expr.index, expr.negated, [term_order(t) for t in (operator, *args)])
        case _:
            return (3, expr.index, expr.negated, [])


def equation(a: Term, b: Term) -> Expr:
    """``a = b``."""
    return Expr(CallExpr(EQ, (a, b)))


def rule(name: str, body: Body, *, head: Head | None = None, default: bool = False) -> Rule:
    """A rule of the support; without a head it says true."""
    made = head or Head(name, Ref((Var(name),)), value=Scalar(True), generated_value=True)
    return Rule(made, body, default=default)
