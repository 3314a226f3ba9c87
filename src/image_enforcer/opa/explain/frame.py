"""A body at work: calls, and how terms are made equal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...rego import UNDEFINED, EvalError, RegoSet, Value
from ...rego.builtins import catalog
from ...rego.check.test_rules import CASE
from ...rego.errors import BuiltinError, OperandError, OutputsError
from ...rego.places import NO_LOCATION
from ...rego.signatures import signatures
from ...rego.syntax.nodes import (
    Array,
    ArrayComprehension,
    CallExpr,
    Expr,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    SetComprehension,
    Term,
    Var,
)
from ...rego.syntax.printer import term_text
from ...rego.values import equal, key, sorted_keys
from .bindings import Bindings, Item, Known, literal
from .exits import Then, Untraceable
from .functions import call_function
from .references import Reference
from .steps import Steps


@dataclass(slots=True)
class Frame(Steps):
    """A body being evaluated, with calls and unification."""

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
                if not self.run.is_document(there):
                    self.call(expr, there, args, outside)
                else:
                    self._value_of(there, args, self.run.arity(operator), outside)
            finally:
                self.outside = before
            return
        if there is not UNDEFINED:
            self._result(there, args, self.run.arity(operator), then)
        elif isinstance(operator.head, Var) and operator.head.name == "data":
            self.function(expr, operator, args, then)
        else:
            self.built_in(expr, name, args, then)

    def function(self, expr: Expr, operator: Ref, args: tuple[Term, ...], then: Then) -> None:
        """A call of a function that rules make."""
        del expr
        call_function(self, operator, args, then)

    def _value_of(self, document: Ref, args: tuple[Term, ...], arity: int, then: Then) -> None:
        """The result of a call in whose place a document stands."""
        result = args[arity] if len(args) > arity else Var(f"{self.prefix}_result_{self.number}_{self.index}")
        holds = then if len(args) > arity else lambda: then() if self.bindings.value(result) is not False else None
        self.unify(result, document, self.bindings, self.bindings, holds)

    def _result(self, value: Value, args: tuple[Term, ...], arity: int, then: Then) -> None:
        if len(args) > arity:
            self.unify(args[arity], Known(value), self.bindings, self.bindings, then)
        elif value is not False:
            then()

    def built_in(self, expr: Expr, name: str, args: tuple[Term, ...], then: Then) -> None:
        """A call of a built-in."""
        if name == "internal.print":
            then()
            return
        arity = len(signatures()[name].args)
        operands = [self.bindings.value(a) for a in args[:arity]]
        if any(o is UNDEFINED for o in operands):
            raise Untraceable(name)
        if name == "trace":
            self.tell("Note", expr, str(operands[0]))
        if name == CASE:
            told = CallExpr(Ref((Var(name),)), tuple(literal(o) for o in operands))
            self.tell("TestCase", Expr(told), at=NO_LOCATION)
            then()
            return
        for value in self._answers(expr, name, operands):
            self._result(value, args, arity, then)

    def _answers(self, expr: Expr, name: str, operands: list[Value]) -> Iterable[Value]:
        builtin = catalog.load(name)
        context = (self.run.context,) if builtin.context else ()
        try:
            made = builtin.fn(*context, *operands)
            if builtin.relation:
                return list(made)
        except OutputsError as e:
            conflict = EvalError("eval_conflict_error", str(e), expr.loc)
            self.run.failed(conflict, self)
            raise conflict from e
        except BuiltinError as e:
            code = "eval_type_error" if isinstance(e, OperandError) else "eval_builtin_error"
            self.run.failed(EvalError(code, f"{name}: {e}", expr.loc), self)
            return ()
        except EvalError as e:
            self.run.failed(e, self)
            raise
        return () if made is UNDEFINED else (made,)

    def follow(self, reference: Reference, then: Then) -> None:
        """Every way in which a reference leads somewhere."""
        reference.follow(then)

    # --- unification -----------------------------------------------------------------------------

    def unify(self, a: Item, b: Item, of_a: Bindings, of_b: Bindings, then: Then) -> None:
        """Make two items equal, in every way there is."""
        self.run.spend()
        a, of_a = of_a.apply(a)
        b, of_b = of_b.apply(b)
        if self.run.debug:
            shown = CallExpr(Ref((Var("eq"),)), (_shown(a), _shown(b)))
            self.tell("Unify", Expr(shown), at=self.body[self.index].loc if self.index < len(self.body) else None)
        match a, b:
            case Ref(), _:
                self.follow(Reference(self, a, b, of_a, of_b), then)
            case _, Ref():
                self.follow(Reference(self, b, a, of_b, of_a), then)
            case ((ArrayComprehension() | SetComprehension() | ObjectComprehension()), _):
                self.unify(Known(self.comprehension(a)), b, of_a, of_b, then)
            case _, (ArrayComprehension() | SetComprehension() | ObjectComprehension()):
                if _may_equal(a, b):
                    self.unify(Known(self.comprehension(b)), a, of_b, of_a, then)
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

    def comprehension(self, term: Term) -> Value:
        """The value of a comprehension."""
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


def _shown(item: Item) -> Term:
    return literal(item.value) if isinstance(item, Known) else item


def _may_equal(item: Item, comprehension: Term) -> bool:
    """Whether OPA evaluates a comprehension to compare it: a set it compares with any."""
    value = item.value if isinstance(item, Known) else None
    if isinstance(item, Array) or type(value) is list:
        return isinstance(comprehension, ArrayComprehension)
    if isinstance(item, Object) or type(value) is dict:
        return isinstance(comprehension, ObjectComprehension)
    return not isinstance(item, Known | Scalar) or isinstance(value, RegoSet)


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
