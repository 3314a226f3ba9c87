"""OPA's order of terms that have no values yet.

It goes through the members of a set and the pairs of an object in this order, whatever the order in the text, so it
decides which of them is evaluated first, and which of several types an object's keys and values are taken to have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cmp_to_key

from ..values import Num, compare
from .nodes import (
    Array,
    ArrayComprehension,
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

_value = cmp_to_key(compare)


def term_order(term: Term) -> tuple[object, ...]:
    """A sort key: scalars, template strings, variables, references, composites, comprehensions, calls."""
    match term:
        case Scalar(value):
            return 0, _value(value)
        case TemplateString(parts, over_lines):
            return 1, over_lines, len(parts)
        case Call(Ref((Var("internal"), Scalar("template_string"))), (Array(parts),)):
            return 1, False, len(parts)  # OPA has put the call into the place where the string was
        case Var(name):
            return 2, name.encode("utf-8", "surrogatepass")
        case Ref(terms):
            return 3, tuple(term_order(t) for t in terms)
        case Array(items):
            return 4, tuple(term_order(i) for i in items)
        case Object():
            return 5, tuple(term_order(t) for p in in_order(term.pairs) for t in p)
        case Set(items):
            return 6, tuple(sorted(term_order(i) for i in items))
        case ArrayComprehension():
            return (7,)
        case ObjectComprehension():
            return (8,)
        case SetComprehension():
            return (9,)
        case Call(operator, args):
            return 10, tuple(term_order(t) for t in (operator, *args))


def in_order(pairs: Sequence[tuple[Term, Term]]) -> Sequence[tuple[Term, Term]]:
    """The pairs of an object by their keys."""
    return pairs if len(pairs) < 2 else sorted(pairs, key=lambda pair: term_order(pair[0]))


def members_in_order(items: Sequence[Term]) -> Sequence[Term]:
    """The members of a set."""
    return items if len(items) < 2 else sorted(items, key=term_order)


def distinct(items: Sequence[Term]) -> Sequence[Term]:
    """The members of a set without those that are written again."""
    ordered = members_in_order(items)
    return [t for i, t in enumerate(ordered) if not i or not _equal(t, ordered[i - 1])]


def distinct_pairs(pairs: Sequence[tuple[Term, Term]]) -> Sequence[tuple[Term, Term]]:
    """The pairs of an object by their keys; of a key that is written again the last one counts."""
    ordered = in_order(pairs)
    return [p for i, p in enumerate(ordered) if i + 1 == len(ordered) or not _equal(p[0], ordered[i + 1][0])]


def changed_members(items: tuple[Term, ...], change: Callable[[Term], Term]) -> tuple[Term, ...]:
    """The members of a set, changed one by one in OPA's order and left in that of the text."""
    made = {id(t): change(t) for t in members_in_order([t for t in items if not isinstance(t, Scalar)])}
    return tuple(made.get(id(t), t) for t in items)


def changed_pairs(
    pairs: tuple[tuple[Term, Term], ...], key: Callable[[Term], Term], value: Callable[[Term], Term]
) -> tuple[tuple[Term, Term], ...]:
    """The pairs of an object, likewise."""
    parts = [p for p in pairs if not (isinstance(p[0], Scalar) and isinstance(p[1], Scalar))]
    made = {id(p): (key(p[0]), value(p[1])) for p in in_order(parts)}
    return tuple(made.get(id(p), p) for p in pairs)


def _equal(a: Term, b: Term) -> bool:
    match a, b:
        case Scalar(int() | Num() as x), Scalar(int() | Num() as y) if not isinstance(x, bool | str):
            return x == y and not isinstance(y, bool)
        case _:
            return a == b
