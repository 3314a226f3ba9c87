"""Terms as constants: their values and the constant beginnings of paths."""

from __future__ import annotations

from ..syntax.nodes import Array, Object, Ref, Scalar, Set, Term
from ..values import Key, RegoSet, Value, key


def constant_value(term: Term) -> tuple[Value] | None:
    """The value of a term without variables, references or calls, wrapped; None where it has some."""
    match term:
        case Scalar(value):
            return (value,)
        case Array(items):
            parts = [constant_value(i) for i in items]
            return None if any(p is None for p in parts) else ([p[0] for p in parts if p is not None],)
        case Object(pairs):
            made: dict[Key, Value] = {}
            for k, v in pairs:
                a, b = constant_value(k), constant_value(v)
                if a is None or b is None:
                    return None
                made[key(a[0])] = b[0]
            return (made,)
        case Set(items):
            members = [constant_value(i) for i in items]
            return None if any(m is None for m in members) else (RegoSet.of([m[0] for m in members if m is not None]),)
    return None


def ground_steps(ref: Ref) -> list[Value]:
    """The constant steps that a path begins with."""
    steps: list[Value] = []
    for t in ref.terms[1:]:
        if not isinstance(t, Scalar):
            break
        steps.append(t.value)
    return steps


def comparable(term: Term) -> object:
    """What tells one key of an object from another: its value where it is constant, else the term."""
    constant = constant_value(term)
    return key(constant[0]) if constant is not None else term


def parts(term: Array | Object | Set) -> list[Term]:
    """The terms in a composite; keys and values of an object in turn."""
    if isinstance(term, Object):
        return [t for p in term.pairs for t in p]
    return list(term.items)
