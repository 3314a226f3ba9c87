"""One body at work: its expressions in order, with continuations, as OPA evaluates them.

Each step calls ``then`` for every way in which it holds, and takes its bindings back when that returns; so the events
come in OPA's order. What a caller that needs one answer only does to the ones below it is told by exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...rego import UNDEFINED, EvalError, Location, RegoSet, Value
from ...rego.builtins import catalog
from ...rego.errors import BuiltinError, OperandError
from ...rego.signatures import signatures
from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    CallExpr,
    Every,
    Expr,
    Not,
    Object,
    ObjectComprehension,
    Ref,
    Rule,
    SetComprehension,
    Term,
    TermExpr,
    Var,
    With,
)
from ...rego.syntax.printer import term_text
from ...rego.values import equal, key, sorted_keys
from .bindings import Bindings, Item, Known, literal
from .events import Event, Node
from .exits import EarlyExit, Exit, LateExit, Then, Untraceable
from .outside import Outside
from .references import Reference, call_function

if TYPE_CHECKING:
    from .run import Run


@dataclass(slots=True)
class Frame:
    """A body being evaluated."""

    run: Run
    body: Body
    bindings: Bindings
    outside: Outside
    number: int
    parent: Frame | None = None
    index: int = 0
    one: bool = False
    """Whether one answer is enough."""

    # --- frames ----------------------------------------------------------------------------------

    def closure(self, body: Body) -> Frame:
        """A frame for a body that sees this one's variables."""
        return Frame(self.run, body, self.bindings, self.outside, self.run.next_number(), self)

    def child(self, rule: Rule) -> Frame:
        """A frame for the body of a rule."""
        return Frame(self.run, shown_body(rule), Bindings(), self.outside, self.run.next_number(), self)

    def tell(self, op: str, node: Node, message: str = "", ref: Ref | None = None, at: Location | None = None) -> None:
        """Record an event."""
        location = at if at is not None else node[0].loc if isinstance(node, tuple) else node.loc
        parent = self.number if self.parent is None else self.parent.number
        bound: tuple[tuple[Var, Term], ...] = ()
        if self.run.recorder.bindings:
            bound = tuple((v, of.plug(item)) for v, item, of in self.bindings.values.values())
        self.run.recorder.add(Event(op, node, location, self.number, parent, message, ref, bound))

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
                result = Var(f"$_term_{self.number}_{self.index}")

                def true() -> None:
                    if self.bindings.value(result) is not False:
                        found()

                self.unify(term, result, self.bindings, self.bindings, true)
            case CallExpr(operator, args):
                if term_text(operator) == "eq" and len(args) == 2:
                    self.unify(args[0], args[1], self.bindings, self.bindings, found)
                else:
                    self.call(expr, operator, args, found)
            case Every() as every:
                self._every(expr, every, found)
            case Not(body):
                self._not(expr, body, found)
            case _:
                raise Untraceable("and, or")
        if not defined:
            self.tell("Fail", expr)

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

    def _every(self, expr: Expr, every: Every, then: Then) -> None:
        steps = every.domain.terms if isinstance(every.domain, Ref) else (every.domain,)
        assert every.key is not None
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
        changed = before.replaced([self._replacement(w) for w in expr.withs])

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
        if isinstance(item.value, Ref) and self.run.is_function(item.value):
            return target, item.value
        if isinstance(item.value, Var) and item.value.name in signatures():
            return target, Ref((item.value,))
        value = self.bindings.value(item.value)
        if value is UNDEFINED:
            raise Untraceable("with")
        return target, value

    # --- calls -----------------------------------------------------------------------------------

    def call(self, expr: Expr, operator: Ref, args: tuple[Term, ...], then: Then) -> None:
        """A call of a function or built-in, or of what ``with`` has put in its place."""
        name = term_text(operator)
        there = self.outside.mocks.get(name, UNDEFINED)
        if isinstance(there, Ref):
            before = self.outside
            self.outside = before.unmocked()

            def outside() -> None:
                inside, self.outside = self.outside, before
                try:
                    then()
                finally:
                    self.outside = inside

            try:
                self.call(expr, there, args, outside)
            finally:
                self.outside = before
            return
        if there is not UNDEFINED:
            self._result(there, args, self.run.arity(operator), then)
        elif isinstance(operator.head, Var) and operator.head.name == "data":
            call_function(self, operator, args, then)
        else:
            self._built_in(expr, name, args, then)

    def _result(self, value: Value, args: tuple[Term, ...], arity: int, then: Then) -> None:
        if len(args) > arity:
            self.unify(args[arity], Known(value), self.bindings, self.bindings, then)
        elif value is not False:
            then()

    def _built_in(self, expr: Expr, name: str, args: tuple[Term, ...], then: Then) -> None:
        if name == "internal.print":
            then()
            return
        arity = len(signatures()[name].args)
        operands = [self.bindings.value(a) for a in args[:arity]]
        if any(o is UNDEFINED for o in operands):
            raise Untraceable(name)
        if name == "trace":
            self.tell("Note", expr, str(operands[0]))
        for value in self._answers(expr, name, operands):
            self._result(value, args, arity, then)

    def _answers(self, expr: Expr, name: str, operands: list[Value]) -> Iterable[Value]:
        builtin = catalog.load(name)
        context = (self.run.context,) if builtin.context else ()
        try:
            made = builtin.fn(*context, *operands)
            if builtin.relation:
                return list(made)
        except BuiltinError as e:
            code = "eval_type_error" if isinstance(e, OperandError) else "eval_builtin_error"
            self.run.failed(EvalError(code, f"{name}: {e}", expr.loc), self)
            return ()
        except EvalError as e:
            self.run.failed(e, self)
            raise
        return () if made is UNDEFINED else (made,)

    # --- unification -----------------------------------------------------------------------------

    def unify(self, a: Item, b: Item, of_a: Bindings, of_b: Bindings, then: Then) -> None:
        """Make two items equal, in every way there is."""
        a, of_a = of_a.apply(a)
        b, of_b = of_b.apply(b)
        if self.run.debug:
            shown = CallExpr(Ref((Var("eq"),)), (_shown(a), _shown(b)))
            self.tell("Unify", Expr(shown), at=self.body[self.index].loc if self.index < len(self.body) else None)
        match a, b:
            case Ref(), _:
                Reference(self, a, b, of_a, of_b).follow(then)
            case _, Ref():
                Reference(self, b, a, of_b, of_a).follow(then)
            case ((ArrayComprehension() | SetComprehension() | ObjectComprehension()), _):
                self.unify(Known(self._comprehension(a)), b, of_a, of_b, then)
            case _, (ArrayComprehension() | SetComprehension() | ObjectComprehension()):
                self.unify(Known(self._comprehension(b)), a, of_b, of_a, then)
            case Var(), Var() if of_a is of_b and a.name == b.name:
                then()
            case Var(), _:
                self._bound(a, b, of_a, of_b, then)
            case _, Var():
                self._bound(b, a, of_b, of_a, then)
            case _:
                self._match(a, b, of_a, of_b, then)

    @staticmethod
    def _bound(var: Var, item: Item, of_var: Bindings, of_item: Bindings, then: Then) -> None:
        of_var.bind(var, item, of_item)
        try:
            then()
        finally:
            of_var.release(var)

    def _match(self, a: Item, b: Item, of_a: Bindings, of_b: Bindings, then: Then) -> None:
        left, right = _items(a), _items(b)
        if left is not None and right is not None:
            if len(left) == len(right):
                self._all(list(zip(left, right, strict=True)), of_a, of_b, then)
            return
        pairs, others = _pairs(a, of_a), _pairs(b, of_b)
        if pairs is not None and others is not None:
            if len(pairs) == len(others) and all(k in others for k in pairs):
                self._all([(pairs[k], others[k]) for k in pairs], of_a, of_b, then)
            return
        x, y = of_a.value(a), of_b.value(b)
        if x is not UNDEFINED and y is not UNDEFINED and equal(x, y):
            then()

    def _all(self, pairs: list[tuple[Item, Item]], of_a: Bindings, of_b: Bindings, then: Then) -> None:
        if not pairs:
            then()
            return
        (a, b), rest = pairs[0], pairs[1:]
        self.unify(a, b, of_a, of_b, lambda: self._all(rest, of_a, of_b, then))

    def _comprehension(self, term: Term) -> Value:
        if isinstance(term, ObjectComprehension):
            return self._object(term)
        assert isinstance(term, ArrayComprehension | SetComprehension)
        made: list[Value] = []
        child = self.closure(term.body)
        child.enter(term.body, lambda: made.append(self._ground(term.term)))
        return made if isinstance(term, ArrayComprehension) else RegoSet.of(made)

    def _object(self, term: ObjectComprehension) -> Value:
        made: dict[object, Value] = {}
        child = self.closure(term.body)

        def found() -> None:
            k, v = key(self._ground(term.key)), self._ground(term.value)
            if k in made and not equal(made[k], v):
                raise EvalError("eval_conflict_error", "object keys must be unique", term.key.loc)
            made[k] = v

        child.enter(term.body, found)
        return made

    def _ground(self, term: Term) -> Value:
        value = self.bindings.value(term)
        if value is UNDEFINED:
            raise Untraceable("a value with variables")
        return value


def shown_body(rule: Rule) -> Body:
    """A rule's body; one that was never written gives way to what the checks have put behind it."""
    if rule.generated_body and len(rule.body) > 1:
        return tuple(replace(e, index=i) for i, e in enumerate(rule.body[1:]))
    return (replace(rule.body[0], generated=True),) if rule.generated_body or rule.default else rule.body


def _shown(item: Item) -> Term:
    return literal(item.value) if isinstance(item, Known) else item


def _items(item: Item) -> list[Item] | None:
    if isinstance(item, Array):
        return list(item.items)
    if isinstance(item, Known) and type(item.value) is list:
        return [Known(v) for v in item.value]
    return None


def _pairs(item: Item, of: Bindings) -> dict[object, Item] | None:
    if isinstance(item, Object):
        made: dict[object, Item] = {}
        for k, v in item.pairs:
            found = of.value(k)
            if found is UNDEFINED:
                raise Untraceable("an object whose keys are not known")
            made[key(found)] = v
        return {k: made[k] for k in sorted_keys(made)}
    if isinstance(item, Known) and type(item.value) is dict:
        return {k: Known(item.value[k]) for k in sorted_keys(item.value)}
    return None
