"""A body evaluated as far as it goes: what depends on the unknown is kept, and taken for holding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, ClassVar, cast

from ...rego.check.known_types import KnownTypes
from ...rego.check.type_bodies import check_body
from ...rego.check.visit import variables, walk
from ...rego.signatures import signatures
from ...rego.syntax.nodes import (
    ArrayComprehension,
    Body,
    Call,
    CallExpr,
    Every,
    Expr,
    Head,
    LogicalAnd,
    LogicalOr,
    ObjectComprehension,
    Ref,
    Rule,
    Scalar,
    Set,
    SetComprehension,
    Term,
    TermExpr,
    Var,
)
from ..explain.bindings import Bindings, Item, Known, literal
from ..explain.exits import Then, Untraceable
from ..explain.frame import Frame
from ..explain.references import Reference
from .names import Named
from .propagation import ROOTS
from .saved import Kept, equation
from .saved import rule as rule_of

if TYPE_CHECKING:
    from .run import PartialRun

MOST_NEGATED = 16
"""Bodies that a negation may become; one that needs more is made a rule."""

COST = 500
"""Units of work that one expression costs which is left over: it is checked, and others are put into it."""


class PartialFrame(Frame):
    """A body of which some is not known."""

    __slots__ = ()
    prefix: ClassVar[str] = ""

    @property
    def state(self) -> PartialRun:
        """What is one for all bodies."""
        return cast("PartialRun", self.run)

    @property
    def caller(self) -> Bindings:
        """The variables of the query."""
        return self.state.caller

    # --- keeping ---------------------------------------------------------------------------------

    def keep(self, expr: Expr, of: Bindings, then: Then) -> None:
        """Keep an expression for later."""
        with self.state.stack.keeping(Kept(expr, of)):
            then()

    def keep_equation(self, a: Item, b: Item, of_a: Bindings, of_b: Bindings, then: Then) -> None:
        """Keep ``a = b``; the variables in it are not known from then on."""
        kept = Kept(equation(_term(a), _term(b)), of_a, of_b)
        with self.state.unknowns.with_variables((a, of_a), (b, of_b)), self.state.stack.keeping(kept):
            then()

    def keep_call(self, expr: Expr, operator: Ref, args: tuple[Term, ...], arity: int, then: Then) -> None:
        """Keep a call; what takes its result is not known from then on."""
        made = replace(expr, terms=CallExpr(operator, args), withs=(), negated=False, generated=False)
        results = [(a, self.bindings) for a in args[arity:]]
        with self.state.unknowns.with_variables(*results), self.state.stack.keeping(Kept(made, self.bindings)):
            then()

    # --- expressions -----------------------------------------------------------------------------

    def _with(self, expr: Expr, then: Then) -> None:
        plain = replace(expr, withs=())
        values = [w.value for w in expr.withs]
        unknowns = self.state.unknowns
        if not unknowns.concerns((plain, *values), self.bindings) and not any(
            unknowns.has(w.target if isinstance(w.target, Ref) else Ref((w.target,)), self.bindings) for w in expr.withs
        ):
            super()._with(expr, then)
            return
        asked = (x for x in walk((plain.terms, *values)) if isinstance(x, Ref))
        if any(isinstance(r.head, Var) and r.head.name == "data" and self.state.tree.matching(r) for r in asked):
            raise Untraceable("with, where something is not known,")
        marked = [(v, self.bindings) for v in variables(plain).values() if v.name not in ROOTS]
        with unknowns.with_variables(*marked), self.state.stack.keeping(Kept(expr, self.bindings)):
            self._next(then)

    def _holds(self, result: Var, then: Then) -> None:
        item, of = self.bindings.apply(result)
        if self.state.unknowns.has(item, of):
            self.keep(Expr(TermExpr(result)), self.bindings, then)
        else:
            super()._holds(result, then)

    def operand(self, body: Body) -> bool:
        """What may not be known is not looked into."""
        del body
        raise Untraceable("and, or")

    def _every(self, expr: Expr, every: Every, then: Then) -> None:
        if not self.state.unknowns.concerns((every.domain, every.body), self.bindings):
            super()._every(expr, every, then)
            return
        self.keep(expr, self.bindings, then)

    def _step(self, expr: Expr, then: Then) -> None:
        either = isinstance(expr.terms, LogicalAnd | LogicalOr)
        if either and self.state.unknowns.concerns(expr, self.bindings):
            self.keep(expr, self.bindings, then)
        else:
            super()._step(expr, then)

    def _not(self, expr: Expr, body: Body, then: Then) -> None:
        unknowns, stack = self.state.unknowns, self.state.stack
        if not unknowns.concerns(body, self.bindings):
            super()._not(expr, body, then)
            return
        child = self.closure(body)
        known = unknowns.names(self.caller)
        found: list[Body] = []

        def kept() -> None:
            made = stack.named(self.caller)
            if self.passes(made):
                found.append(self.state.shortened(made, known))

        with stack.another():
            child.evaluate(kept)
        if not found:
            then()
        elif not _negatable(known, found):
            self._not_rule(child.number, known, found, then)
        else:
            for choice in product(*found):
                self._keep_all([_complement(e) for e in choice], then)

    def _keep_all(self, exprs: Sequence[Expr], then: Then) -> None:
        if not exprs:
            then()
            return
        with self.state.stack.keeping(Kept(exprs[0], self.caller)):
            self._keep_all(exprs[1:], then)

    def _support(self, path: Ref, name: str, body: Body, head: Head) -> None:
        self.state.support.add(path, lambda _: rule_of(name, body, head=head))

    def _not_rule(self, negation: int, known: set[str], found: Sequence[Body], then: Then) -> None:
        name = f"__not{self.number}_{self.index}_{negation}__"
        path = Ref((Var("data"), Scalar(self.state.namespace), Scalar(name)))
        used = {n for b in found for n in variables(b)}
        args: tuple[Term, ...] = tuple(Var(n) for n in sorted(known & used))
        head = Head(name, Ref((Var(name),)), args=args or None, value=Scalar(True), generated_value=True)
        for body in found:
            self._support(path, name, body, head)
        terms = CallExpr(path, args) if args else TermExpr(path)
        self._keep_all([Expr(terms, negated=True)], then)

    def passes(self, body: Sequence[Expr]) -> bool:
        """Whether the types in a body go together: one where they do not never holds."""
        self.run.context.spend(COST * (len(body) + 1))
        types = KnownTypes(self.state.rules.checked.types, {}, check_body, ({},))
        return not check_body(types, tuple(body))

    # --- calls -----------------------------------------------------------------------------------

    def built_in(self, expr: Expr, name: str, args: tuple[Term, ...], then: Then) -> None:
        """A call of a built-in."""
        arity = len(signatures()[name].args)
        if self.state.unknowns.concerns(expr, self.bindings):
            assert isinstance(expr.terms, CallExpr)
            self.keep_call(expr, expr.terms.operator, args, arity, then)
        else:
            super().built_in(expr, name, args, then)

    def function(self, expr: Expr, operator: Ref, args: tuple[Term, ...], then: Then) -> None:
        """A call of a function that rules make."""
        from .virtual import matched

        node = self.state.rules.world.find(tuple(t.value for t in operator.path if isinstance(t, Scalar)))
        if node is None or not self.state.unknowns.concerns(expr, self.bindings):
            super().function(expr, operator, args, then)
            return
        found = matched(self, node)
        arity = self.state.arity(operator)
        captured = len(args) > arity
        default = found.default is not None and (captured or found.default.head.value != Scalar(False))
        inlining = self.state.inlining
        if any(found.otherwise.values()):
            self.keep_call(expr, operator, args, arity, then)
        elif default or inlining.shallow or inlining.disabled(operator):
            path = Ref((Var("data"), Scalar(self.state.namespace), *operator.path))
            if not self.state.support.has(path):
                for rule in (*(at.rule for at in found.rules), *([found.default] if found.default else [])):
                    self._function_support(rule, path)
            if self.state.support.has(path):
                self.keep_call(expr, path, args, arity, then)
        else:
            for at in found.rules:
                self._function_rule(at.rule, args, captured, then)

    def _function_support(self, rule: Rule, path: Ref) -> None:
        """Make rules of what is left of a function's rule, whatever its operands are."""
        state = self.state
        child = self.child(rule)
        head = rule.head

        def found() -> None:
            kept = state.stack.named(state.caller)
            if not self.passes(kept):
                return
            name = Named(child.bindings, state.caller)
            args = tuple(name.term(a) for a in head.args or ())
            value = name.term(head.value or Scalar(True))
            true = value == Scalar(True)
            body = tuple(kept) or (Expr(TermExpr(Scalar(True))),)

            def make(last: str) -> Rule:
                made = Head(last, Ref((Var(last),)), args=args, value=value, assign=not true, generated_value=true)
                return rule_of(last, body, head=made, default=rule.default)

            with state.stack.aside():
                state.support.add(path, make)

        operands = [(v, child.bindings) for v in variables(head.args or ()).values()]
        with state.unknowns.with_variables(*operands), state.stack.another():
            child.evaluate(found)

    def _function_rule(self, rule: Rule, args: tuple[Term, ...], captured: bool, then: Then) -> None:
        child = self.child(rule)
        value = rule.head.value or Scalar(True)
        pairs = list(zip(args, (*(rule.head.args or ()), *((value,) if captured else ())), strict=False))

        def found() -> None:
            item, of = child.bindings.apply(value)
            if captured or (isinstance(item, Known) and item.value is not False):
                then()
            elif self.state.unknowns.has(item, of):
                self.keep(Expr(TermExpr(value)), child.bindings, then)

        def given(rest: Sequence[tuple[Term, Term]]) -> None:
            if not rest:
                child.evaluate(found)
                return
            mine, theirs = rest[0]
            child.unify(mine, theirs, self.bindings, child.bindings, lambda: given(rest[1:]))

        given(pairs)

    # --- unification -----------------------------------------------------------------------------

    def unify(self, a: Item, b: Item, of_a: Bindings, of_b: Bindings, then: Then) -> None:
        """Make two items equal, as far as they are known."""
        a, of_a = of_a.apply(a)
        b, of_b = of_b.apply(b)
        unknowns = self.state.unknowns
        if not isinstance(a, _LOOKED_UP) and not isinstance(b, _LOOKED_UP):
            super().unify(a, b, of_a, of_b, then)
            return
        keep_a = unknowns.inside(a, of_a) if isinstance(a, Set) else unknowns.has(a, of_a)
        keep_b = unknowns.inside(b, of_b) if isinstance(b, Set) else unknowns.has(b, of_b)
        if isinstance(a, Ref) and not keep_a:
            self.follow(Reference(self, a, b, of_a, of_b), then)
        elif isinstance(b, Ref) and not keep_b:
            self.follow(Reference(self, b, a, of_b, of_a), then)
        elif keep_a or keep_b:
            self.keep_equation(a, b, of_a, of_b, then)
        elif isinstance(a, _CLOSURES) and unknowns.concerns(a, of_a):
            self.keep_equation(self._amended(a, of_a), b, self.caller, of_b, then)
        elif isinstance(b, _CLOSURES) and unknowns.concerns(b, of_b):
            self.keep_equation(a, self._amended(b, of_b), of_a, self.caller, then)
        else:
            super().unify(a, b, of_a, of_b, then)

    def _amended(self, closure: Term, of: Bindings) -> Term:
        return Named(of, self.caller).term(closure)

    def follow(self, reference: Reference, then: Then) -> None:
        """Every way in which a reference leads somewhere, as far as it is known."""
        from .virtual import PartialReference

        PartialReference(self, reference.ref, reference.other, reference.of_ref, reference.of_other).follow(then)


_CLOSURES = ArrayComprehension | SetComprehension | ObjectComprehension
_LOOKED_UP = Var | Ref | ArrayComprehension | SetComprehension | ObjectComprehension | Set


def _term(item: Item) -> Term:
    return literal(item.value, item.loc) if isinstance(item, Known) else item


def _complement(expr: Expr) -> Expr:
    return replace(expr, negated=not expr.negated)


def _negatable(known: set[str], bodies: Sequence[Body]) -> bool:
    """Whether the expressions of bodies can be negated one by one and mean the same."""
    size = 1
    for body in bodies:
        size *= len(body)
        for expr in body:
            if any(_nested(t) for t in _operands(expr)) or isinstance(expr.terms, Every):
                return False
            if not expr.negated and set(variables(expr, closures=False, call_heads=False)) - known - ROOTS:
                return False
    return size <= MOST_NEGATED


def _operands(expr: Expr) -> Iterator[tuple[Term, bool]]:
    match expr.terms:
        case CallExpr(operator, args):
            equal = operator.terms == (Var("eq"),)
            yield from ((a, equal) for a in args)
        case TermExpr(term):
            yield term, True
        case _:
            pass


def _nested(operand: tuple[Term, bool]) -> bool:
    """Whether a reference or call stands inside another term, where it may be undefined."""
    term, may_be_reference = operand
    inside = walk(term.path) if isinstance(term, Ref) and may_be_reference else walk(term)
    return any(isinstance(x, Ref | Call) for x in inside)
