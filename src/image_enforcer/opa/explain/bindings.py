"""Terms with unbound variables in them, and what variables are bound to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ...rego import UNDEFINED, RegoSet, Value
from ...rego.places import NO_LOCATION, Location
from ...rego.syntax.nodes import Array, Call, Object, Ref, Scalar, Set, TemplateString, Term, Var
from ...rego.values import key, sorted_keys, unkey


@dataclass(frozen=True, slots=True)
class Known:
    """A value where a term may stand."""

    value: Value
    loc: Location = field(default=NO_LOCATION, compare=False, repr=False)


Item: TypeAlias = "Term | Known"


class Bindings:
    """The variables of one body and what each is bound to: an item, and the bindings that its variables are of."""

    __slots__ = ("number", "values")

    def __init__(self, number: int = 0) -> None:
        """``number`` is that of the body."""
        self.number = number
        self.values: dict[str, tuple[Var, Item, Bindings]] = {}

    def apply(self, item: Item) -> tuple[Item, Bindings]:
        """What a variable stands for; anything else as it is."""
        at = self
        while isinstance(item, Var):
            bound = at.values.get(item.name)
            if bound is None:
                return item, at
            _, item, at = bound
        if isinstance(item, Scalar):
            return Known(item.value, item.loc), at
        return item, at

    def bind(self, var: Var, item: Item, of: Bindings) -> None:
        """Bind a variable."""
        self.values[var.name] = (var, item, of)

    def release(self, var: Var) -> None:
        """Take a binding back."""
        del self.values[var.name]

    def value(self, item: Item) -> Value:
        """The value of an item, or UNDEFINED where something in it is not bound or must be looked up."""
        item, at = self.apply(item)
        match item:
            case Known(value):
                return value
            case Array(items):
                made = [at.value(i) for i in items]
                return UNDEFINED if any(v is UNDEFINED for v in made) else made
            case Set(items):
                made = [at.value(i) for i in items]
                return UNDEFINED if any(v is UNDEFINED for v in made) else RegoSet.of(made)
            case Object(pairs):
                out = {}
                for k, v in pairs:
                    made_key, made_value = at.value(k), at.value(v)
                    if made_key is UNDEFINED or made_value is UNDEFINED:
                        return UNDEFINED
                    out[key(made_key)] = made_value
                return out
            case _:
                return UNDEFINED

    def plug(self, item: Item) -> Term:
        """A term with what is bound put in place."""
        item, at = self.apply(item)
        match item:
            case Known(value):
                return literal(value, item.loc)
            case Array(items) | Set(items):
                return replace(item, items=tuple(at.plug(i) for i in items))
            case Object(pairs):
                return replace(item, pairs=tuple((at.plug(k), at.plug(v)) for k, v in pairs))
            case Ref(terms):
                return replace(item, terms=(terms[0], *(at.plug(t) for t in terms[1:])))
            case _:
                return item


def literal(value: Value, loc: Location = NO_LOCATION) -> Term:
    """A value written as a term."""
    t = type(value)
    if t is list:
        return Array(tuple(literal(v) for v in value), loc)
    if t is RegoSet:
        return Set(tuple(literal(v) for v in value), loc)
    if t is dict:
        return Object(tuple((literal(unkey(k)), literal(value[k])) for k in sorted_keys(value)), loc)
    if t in (str, int, bool, type(None)) or hasattr(value, "text"):
        return Scalar(value, loc)
    return literal(value.to_value(), loc)


def is_composite(term: Item) -> bool:
    """Whether a term is neither variable nor value: it must be looked up or gone through."""
    return not isinstance(term, Known | Scalar | Var | Call | TemplateString)
