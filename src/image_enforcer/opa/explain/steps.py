"""One body at work: its expressions in order, with continuations, as OPA evaluates them.

Each step calls ``then`` for every way in which it holds, and takes its bindings back when that returns; so the events
come in OPA's order. What a caller that needs one answer only does to the ones below it is told by exceptions.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from ...rego import UNDEFINED, EvalError, Location, Value
from ...rego.check.visit import walk
from ...rego.places import NO_LOCATION
from ...rego.run.access import bad_path, is_collection
from ...rego.signatures import signatures
from ...rego.syntax.nodes import (
    Body,
    CallExpr,
    Every,
    Expr,
    LogicalAnd,
    LogicalOr,
    Not,
    Ref,
    Rule,
    Scalar,
    Term,
    TermExpr,
    Var,
    With,
)
from ...rego.syntax.printer import term_text
from ...rego.values import key
from .bindings import Bindings, Item, literal
from .events import Event, Node
from .exits import EarlyExit, Exit, LateExit, Then, Untraceable
from .outside import Outside

if TYPE_CHECKING:
    from .run import Run


@dataclass(slots=True)
class Steps(ABC):
    """A body being evaluated: its expressions one after the other."""

    run: Run
    body: Body
    bindings: Bindings
    outside: Outside
    number: int
    parent: Steps | None = None
    index: int = 0
    prefix: ClassVar[str] = "$"
    """What the names of variables made up here begin with."""
    one: bool = False
    """Whether one answer is enough."""
    last: Location = NO_LOCATION
    """Where something was told of last: what was written nowhere counts as there."""

    # --- frames ----------------------------------------------------------------------------------

    def closure(self, body: Body) -> Self:
        """A frame for a body that sees this one's variables."""
        return type(self)(self.run, body, self.bindings, self.outside, self.run.next_number(), self)

    def child(self, rule: Rule) -> Self:
        """A frame for the body of a rule."""
        number = self.run.next_number()
        return type(self)(self.run, shown_body(rule), Bindings(number), self.outside, number, self)

    def tell(self, op: str, node: Node, message: str = "", ref: Ref | None = None, at: Location | None = None) -> None:
        """Record an event."""
        location = at if at is not None else node[0].loc if isinstance(node, tuple) else node.loc
        if location.row:
            self.last = location
        elif at is None:
            location = self.last
        parent = self.number if self.parent is None else self.parent.number
        bound: tuple[tuple[Var, Term], ...] = ()
        known: tuple[tuple[Ref, Term], ...] = ()
        if self.run.recorder.bindings:
            bound = tuple((v, of.plug(item)) for v, item, of in self.bindings.values.values())
            known = tuple(self._known(node))
        self.run.recorder.add(Event(op, node, location, self.number, parent, message, ref, bound, known))

    def _known(self, node: Node) -> Iterator[tuple[Ref, Term]]:
        """The documents that an expression names and that were found before."""
        for x in walk(node) if not isinstance(node, Rule) else ():
            if isinstance(x, Ref) and isinstance(x.head, Var) and x.head.name == "data":
                steps = tuple(itertools.takewhile(lambda t: isinstance(t, Scalar), x.path))
                path = [t.value for t in steps if isinstance(t, Scalar)]
                value = self.outside.memo.get(("document", key(path)), UNDEFINED)
                if value is not UNDEFINED:
                    yield replace(x, terms=(x.head, *steps)), literal(value)

    def enter(self, node: Node, then: Then) -> None:
        """Evaluate the whole body for a closure, with the events around each answer."""
        self.tell("Enter", node)

        def found() -> None:
            self.tell("Exit", node, "early" if self.one else "")
            then()
            self.tell("Redo", node)

        self.evaluate(found)

    def conflict(self, text: str, rule: Rule) -> EvalError:
        """The error of a rule that gives another value than was given before."""
        error = EvalError("eval_conflict_error", text, rule.loc)
        self.run.failed(error, self)
        return error

    @abstractmethod
    def unify(self, a: Item, b: Item, of_a: Bindings, of_b: Bindings, then: Then) -> None:
        """Make two items equal, in every way there is."""

    @abstractmethod
    def call(self, expr: Expr, operator: Ref, args: tuple[Term, ...], then: Then) -> None:
        """A call of a function or built-in, or of what ``with`` has put in its place."""

    # --- expressions -----------------------------------------------------------------------------

    def evaluate(self, then: Then) -> None:
        """Evaluate from the expression at hand on."""
        if self.index >= len(self.body):
            try:
                then()
            except Exit as e:
                raise (EarlyExit(e) if self.one else LateExit(e)) from None
            if self.one:
                raise EarlyExit
            return
        self.run.spend()
        expr = self.body[self.index]
        self.tell("Eval", expr)
        if expr.withs:
            self._with(expr, then)
        else:
            self._step(expr, lambda: self._next(then))

    def _next(self, then: Then) -> None:
        self.index += 1
        try:
            self.evaluate(then)
        finally:
            self.index -= 1

    def _step(self, expr: Expr, then: Then) -> None:
        if expr.negated:
            self._not(expr, (replace(expr, negated=False, withs=(), index=0),), then)
            return
        defined = False

        def found() -> None:
            nonlocal defined
            defined = True
            try:
                then()
            finally:
                self.tell("Redo", expr)

        match expr.terms:
            case TermExpr(term):
                result = Var(f"{self.prefix}_term_{self.number}_{self.index}")
                self.unify(term, result, self.bindings, self.bindings, lambda: self._holds(result, found))
            case CallExpr(operator, args):
                if term_text(operator) == "eq" and len(args) == 2:
                    self.unify(args[0], args[1], self.bindings, self.bindings, found)
                else:
                    self.call(expr, operator, args, found)
            case Every() as every:
                self._every(expr, every, found)
            case Not(body):
                self._not(expr, body, found)
                return
            case LogicalAnd(lhs, rhs):
                if self.operand(lhs) and self.operand(rhs):
                    found()
            case LogicalOr(lhs, rhs):
                if self.operand(lhs) or self.operand(rhs):
                    found()
            case _:
                raise Untraceable("some")
        if not defined:
            self.tell("Fail", expr)

    def _holds(self, result: Var, then: Then) -> None:
        """Go on where the value of a term is not false."""
        if self.bindings.value(result) is not False:
            then()

    def _not(self, expr: Expr, body: Body, then: Then) -> None:
        child = self.closure(body)
        defined = False

        def found() -> None:
            nonlocal defined
            defined = True

        child.enter(body, found)
        if not defined:
            then()
        else:
            self.tell("Fail", expr)

    def operand(self, body: Body) -> bool:
        """Whether an operand of ``and`` or ``or`` holds; one answer is enough."""
        child = self.closure(body)
        child.one = True
        holds = False

        def found() -> None:
            nonlocal holds
            holds = True

        try:
            child.enter(body, found)
        except Exit as e:
            if e.before is not None:
                raise e.before from None
        return holds

    def _every(self, expr: Expr, every: Every, then: Then) -> None:
        steps = every.domain.terms if isinstance(every.domain, Ref) else (every.domain,)
        assert every.key is not None
        given = self.bindings.value(every.domain)
        if given is not UNDEFINED and not is_collection(given):
            self.tell("Fail", expr)
            return
        source = Ref((*steps, every.key), every.domain.loc)
        equation = CallExpr(Ref((Var("eq"),)), (source, every.value))
        domain = self.closure((Expr(equation, loc=every.domain.loc),))
        holds = True

        def each() -> None:
            nonlocal holds
            if not holds:
                return
            body = domain.closure(every.body)
            body.one = True
            done = False

            def found() -> None:
                nonlocal done
                done = True

            error: Exception | None = None
            try:
                body.enter(every.body, found)
            except Exit as e:
                error = e.before
            holds = done
            domain.tell("Redo", expr)
            if error is not None:
                raise error

        domain.tell("Enter", expr)
        domain.evaluate(each)
        if not holds:
            domain.tell("Fail", expr)
            return
        try:
            then()
        finally:
            domain.tell("Exit", expr)

    def _with(self, expr: Expr, then: Then) -> None:
        before = self.outside
        items = [self._replacement(w) for w in expr.withs]
        if any(getattr(t.head, "name", "") in ("input", "data") and not _of_names(t) for t, _ in items):
            error = bad_path(expr.loc)
            self.run.failed(error, self)
            raise error
        changed = before.replaced(items)

        def inside() -> None:
            self.outside = before
            try:
                self._next(then)
            finally:
                self.outside = changed.afresh()

        self.outside = changed
        try:
            self._step(expr, inside)
        finally:
            self.outside = before

    def _replacement(self, item: With) -> tuple[Ref, Value | Ref]:
        target = item.target if isinstance(item.target, Ref) else Ref((item.target,))
        if isinstance(item.value, Ref) and (self.run.is_function(item.value) or self.run.is_function(target)):
            return target, item.value
        if isinstance(item.value, Var) and item.value.name in signatures():
            return target, Ref((item.value,))
        value = self.bindings.value(item.value)
        if value is UNDEFINED:
            raise Untraceable("with")
        return target, value


def _of_names(target: Ref) -> bool:
    """Whether every step of a target is a text."""
    return all(isinstance(t, Scalar) and type(t.value) is str for t in target.path)


def shown_body(rule: Rule) -> Body:
    """A rule's body; one that was never written gives way to what the checks have put behind it, not before it."""
    unwritten = (rule.generated_body or rule.default) and rule.body[0].terms == TermExpr(Scalar(True))
    if not unwritten:
        return rule.body
    if len(rule.body) > 1:
        return tuple(replace(e, index=i) for i, e in enumerate(rule.body[1:]))
    return (replace(rule.body[0], generated=True),)
