"""Which variables a unification gives a value, as far as that is to be seen from its terms."""

from __future__ import annotations

from collections.abc import Iterable

from ..syntax.nodes import (
    Array,
    ArrayComprehension,
    Call,
    Object,
    ObjectComprehension,
    Ref,
    Scalar,
    SetComprehension,
    Term,
    Var,
)
from .visit import variables

GLOBALS = frozenset({"data", "input"})


def unify_outputs(safe: set[str], a: Term, b: Term) -> set[str]:
    """The variables that get a value by unifying two terms, where those in ``safe`` have one.

    ``data`` and ``input`` are no exception: where they have values, they are in ``safe``.
    """
    unifier = _Unifier(safe)
    pairs = [(a, b)]
    while pairs:
        pairs.extend(reversed(unifier.pair(*pairs.pop())))
    return unifier.unified


def ref_safe(ref: Ref, safe: set[str]) -> bool:
    """Whether it is known what a reference starts from."""
    head = ref.head
    if isinstance(head, Var):
        return head.name in safe
    return _bound(head, safe)


def _bound(term: Term, safe: set[str]) -> bool:
    return all(v in safe for v in variables(term, closures=False, call_heads=False))


def _has_value(term: Ref | Call, safe: set[str]) -> bool:
    return ref_safe(term, safe) if isinstance(term, Ref) else _bound(term, safe)


def _inside(term: Term) -> set[str]:
    return set(variables(term, ref_heads=False, object_keys=False, closures=False))


class _Unifier:
    """What is found on the way: the variables with a value, and those that wait for the values of others."""

    def __init__(self, safe: set[str]) -> None:
        self.safe = safe
        self.unified: set[str] = set()
        self.waits: dict[str, set[str]] = {}

    def pair(self, a: Term, b: Term) -> list[tuple[Term, Term]]:
        """Take in that two terms are equal; the pairs within them that are left to look at."""
        match a, b:
            case Var(m), Var(n):
                self._vars(m, n)
            case (Var(m), Array() | Object()):
                self._composite(m, b)
            case (Array() | Object(), Var(m)):
                self._composite(m, a)
            case (Var(m), Ref() | Call()):
                if _has_value(b, self.safe):
                    self._mark((m,))
            case (Ref() | Call(), Var(m)):
                if _has_value(a, self.safe):
                    self._mark((m,))
            case (Var(m), _) | (_, Var(m)):
                self._mark((m,))
            case _:
                return self._parts(a, b)
        return []

    def _parts(self, a: Term, b: Term) -> list[tuple[Term, Term]]:
        """Two terms that are no variables."""
        match a, b:
            case (Ref() | Call(), Array() | Object()):
                if _has_value(a, self.safe):
                    self._mark(_inside(b))
            case (Array() | Object(), Ref() | Call()):
                if _has_value(b, self.safe):
                    self._mark(_inside(a))
            case (ArrayComprehension(), Array()) | (ObjectComprehension(), Object()):
                self._mark(_inside(b))
            case (Array(), ArrayComprehension() | ObjectComprehension() | SetComprehension()):  # no objects, as in OPA
                self._mark(_inside(a))
            case (Array(xs), Array(ys)) if len(xs) == len(ys):
                return list(zip(xs, ys, strict=True))
            case (Object(xs), Object(ys)) if len(xs) == len(ys):
                there = {_key(k): v for k, v in ys}
                return [(v, there[_key(k)]) for k, v in xs if _key(k) in there]
        return []

    def _known(self, name: str) -> bool:
        return name in self.safe or name in self.unified

    def _vars(self, m: str, n: str) -> None:
        if self._known(n):
            self._mark((m,))
        elif self._known(m):
            self._mark((n,))
        else:
            self.waits.setdefault(m, set()).add(n)
            self.waits.setdefault(n, set()).add(m)

    def _composite(self, name: str, term: Term) -> None:
        names = _inside(term)
        if self._known(name):
            self._mark(names)
        elif missing := {n for n in names if not self._known(n)}:
            self.waits.setdefault(name, set()).update(missing)
        else:
            self._mark((name,))

    def _mark(self, names: Iterable[str]) -> None:
        """These have values now, and with them what waited only for them, or what they waited for."""
        todo = list(names)
        while todo:
            name = todo.pop()
            self.unified.add(name)
            todo.extend(self.waits.pop(name, ()))
            for other in [n for n, needs in self.waits.items() if name in needs]:
                self.waits[other].discard(name)
                if not self.waits[other]:
                    todo.append(other)


def _key(term: Term) -> object:
    return (type(term.value), term.value) if isinstance(term, Scalar) else term
