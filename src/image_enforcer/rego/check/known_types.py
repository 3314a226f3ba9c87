"""Types of terms from what is known: of rules, and by layers of the variables around."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..errors import Problem
from ..records import replace
from ..signatures import signatures
from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Body,
    Call,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    Set,
    SetComprehension,
    TemplateString,
    Term,
    Var,
)
from ..syntax.printer import term_text
from ..syntax.term_order import in_order
from ..types import (
    ANY,
    STRING,
    ArrayType,
    ObjectType,
    Property,
    SetType,
    Type,
    bounded,
    select,
    type_of,
    union_of,
    values,
)
from ..values import Key, key
from .constants import constant_value
from .type_algebra import PropertyOrder, empty_collection
from .type_env import TypeEnv, TypeNode, extent
from .visit import ROOTS, Rewriter, operator_name, original_ref


class KnownTypes:
    """What is known of types at a place in a body: those of rules, and by layers those of variables.

    ``overlay`` is what a ``with`` around the place says of rules; ``original`` maps generated names to written ones,
    ``terms`` those of hoisted terms to the terms.
    ``check`` checks the body of a comprehension, whose variables its type depends on.
    """

    def __init__(
        self,
        env: TypeEnv,
        original: Mapping[str, str],
        check: Callable[[KnownTypes, Body], list[Problem]],
        scopes: tuple[dict[str, Type | None], ...],
        layers: tuple[Mapping[Key, TypeNode], ...] = (),
        terms: Mapping[str, Term] | None = None,
        learned: tuple[list[int], ...] | None = None,
    ) -> None:
        self.env = env
        self.terms = terms or {}
        self.original = original
        self.check = check
        self.scopes = scopes
        self.layers = layers
        self._learned = tuple([0] for _ in scopes) if learned is None else learned  # how often, for each scope
        self._closed: dict[int, tuple[Body, list[int], KnownTypes, list[Problem]]] = {}

    def var(self, name: str) -> Type | None:
        """The type of a variable, None while unknown."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        found = signatures().get(name)
        return None if found is None else found.function

    def type(self, term: Term) -> Type | None:
        """The type of a term, None while unknown."""
        match term:
            case Scalar(value):
                return type_of(value)
            case Var(name):
                if name in ROOTS:
                    return self.ref_type(Ref((term,)))
                return self.var(name)
            case Ref():
                return self.ref_type(term)
            case Array(items):
                return bounded(ArrayType(tuple([self.type(i) for i in items])))
            case Set(items):
                return bounded(SetType(union_of([self.type(i) for i in items])))
            case Object(pairs):
                return self._object_type(pairs)
            case ArrayComprehension(inner, body):
                found = self.closure(body)
                return None if found is None else bounded(ArrayType((), found.type(inner)))
            case SetComprehension(inner, body):
                found = self.closure(body)
                return None if found is None else bounded(SetType(found.type(inner)))
            case ObjectComprehension(k, v, body):
                found = self.closure(body)
                return None if found is None else bounded(ObjectType((), (found.type(k), found.type(v))))
            case TemplateString():
                return STRING
            case Call():
                return None

    def _object_type(self, pairs: tuple[tuple[Term, Term], ...]) -> Type:
        static: dict[Key, Property] = {}
        dynamic: tuple[Type | None, Type | None] | None = None
        for k, v in in_order(pairs):
            kind = self.type(v)
            constant = constant_value(k)
            if constant is not None:
                static[key(constant[0])] = Property(constant[0], kind)
            else:
                dynamic = (self.type(k), kind)
        ordered = sorted(static.values(), key=PropertyOrder)
        return bounded(ObjectType(tuple(ordered), dynamic))

    def closure(self, body: Body) -> KnownTypes | None:
        """What is known inside a comprehension, its variables included; None where its body has problems."""
        inner, problems = self.closed(body)
        return None if problems else inner

    def closed(self, body: Body) -> tuple[KnownTypes, list[Problem]]:
        """What is known inside a comprehension, and the problems there.

        Both are asked for several times; comprehensions within comprehensions would take twice as long a level.
        """
        now = [n for (n,) in self._learned]
        known = self._closed.get(id(body))
        if known is not None and known[0] is body and known[1] == now:
            return known[2], known[3]
        inner = self.inner()
        problems = self.check(inner, body)
        self._closed[id(body)] = (body, now, inner, problems)
        return inner, problems

    def inner(self) -> KnownTypes:
        """The same for an inner body with variables of its own."""
        scopes, learned = (*self.scopes, {}), (*self._learned, [0])
        return KnownTypes(self.env, self.original, self.check, scopes, self.layers, self.terms, learned)

    def ref_type(self, ref: Ref) -> Type | None:
        """The type of what a reference finds."""
        head = ref.head
        if not isinstance(head, Var):
            return self._select(self.type(head), ref.path)
        if head.name == "input":
            over = self.over("input", ref.path)
            return ANY if over is None else over[0]
        if head.name == "data":
            over = self.over("data", ref.path)
            if over is not None:
                return over[0]
            return self._rule_type(self.env.root, ref.path)
        found = signatures().get(operator_name(ref)) if self.var(head.name) is None else None
        if found is not None:
            return found.function
        return self._select(self.var(head.name), ref.path)

    def over(self, start: str, path: tuple[Term, ...]) -> tuple[Type | None] | None:
        """The type that a ``with`` gives a place, wrapped; None where none says anything about it."""
        for layer in self.layers:
            node = layer.get(start)
            for i, step in enumerate(path):
                if node is None:
                    break
                constant = constant_value(step)
                if node.value is not None:
                    below = node.children.get(key(constant[0])) if constant is not None else None
                    if below is None:
                        return (self._select(node.value, path[i:]),)
                    node = below
                elif constant is None:
                    return (self._select(extent(node), path[i:]),)
                else:
                    node = node.children.get(key(constant[0]))
            if node is not None:
                return (extent(node),)
        return None

    def _rule_type(self, node: TypeNode, tail: tuple[Term, ...]) -> Type | None:
        if not tail:
            return extent(node)
        step = tail[0]
        constant = constant_value(step)
        if node.value is not None:
            if node.children and constant is not None:
                child = node.children.get(key(constant[0]))
                if child is not None:
                    return self._rule_type(child, tail[1:])
            return self._select(node.value, tail)
        if constant is None:
            return self._select(extent(node), tail)
        child = node.children.get(key(constant[0]))
        return ANY if child is None else self._rule_type(child, tail[1:])

    def _select(self, found: Type | None, tail: tuple[Term, ...]) -> Type | None:
        for step in tail:
            if found is None:
                return None
            constant = constant_value(step)
            if constant is None or isinstance(step, Array | Object | Set):
                found = ANY if empty_collection(found) else values(found)
                if found is ANY:
                    return ANY
            else:
                found = select(found, constant[0])
        return found

    def under(self, layers: Sequence[Mapping[Key, TypeNode]]) -> KnownTypes:
        """The same below a ``with``; the first layer that knows a place is the one that counts."""
        return KnownTypes(
            self.env, self.original, self.check, self.scopes, (*layers, *self.layers), self.terms, self._learned
        )

    def learn(self, name: str, kind: Type | None) -> None:
        """Say what a variable is."""
        self.scopes[-1][name] = kind
        self._learned[-1][0] += 1

    def shown(self, ref: Ref) -> str:
        """A reference as text, with the names that were written."""
        return term_text(original_ref(ref, self.original))

    def written(self, ref: Ref) -> Ref:
        """A reference with the names that were written, and with the terms that were hoisted out of it."""
        return replace(ref, terms=tuple(self._written(t) for t in ref.terms))

    def _written(self, term: Term) -> Term:
        match term:
            case Var(name):
                hoisted = self.terms.get(name)
                return replace(term, name=self.original.get(name, name)) if hoisted is None else self._written(hoisted)
            case Ref():
                return self.written(term)
            case Call(operator, args):
                return replace(term, operator=self.written(operator), args=tuple(self._written(a) for a in args))
            case _:
                return _Renamed(self._written).term(term)


class _Renamed(Rewriter):
    """Gives variables inside a term the names, or the terms, that were written."""

    def __init__(self, written: Callable[[Term], Term]) -> None:
        self._written = written

    def term(self, term: Term) -> Term:
        return self._written(term) if isinstance(term, Var | Ref | Call) else super().term(term)
