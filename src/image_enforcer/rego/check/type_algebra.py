"""Types compared: whether a value can be of two of them, and what is known of a collection's members."""

from __future__ import annotations

from ..types import (
    AnyOf,
    ArrayType,
    Basic,
    FunctionType,
    ObjectType,
    Property,
    RecursiveType,
    SetType,
    Type,
    plain,
    select,
)
from ..values import Key, Value, compare, key, sort_values


def unifies(a: Type | None, b: Type | None) -> bool:
    """Whether a value can be of both types."""
    if isinstance(a, RecursiveType) and isinstance(b, RecursiveType) and a is b:
        return True
    a, b = plain(a), plain(b)
    if a is None or b is None:
        return False
    if isinstance(a, AnyOf) or isinstance(b, AnyOf):
        return (isinstance(a, AnyOf) and _any_unifies(a, b)) or (isinstance(b, AnyOf) and _any_unifies(b, a))
    match a, b:
        case Basic(), Basic():
            return a == b
        case ArrayType(), ArrayType():
            return (
                _arrays(a, b)
                and _arrays(b, a)
                and (a.dynamic is None or b.dynamic is None or unifies(a.dynamic, b.dynamic))
            )
        case ObjectType(), ObjectType():
            inside, other = _inside(a), _inside(b)
            if not (_objects(a, b) and _objects(b, a)):
                return False
            return inside is None or other is None or unifies(inside, other)
        case SetType(), SetType():
            return a.of is None or b.of is None or unifies(a.of, b.of)
        case FunctionType(), FunctionType():
            return len(a.args) == len(b.args) and all(unifies(x, y) for x, y in zip(a.args, b.args, strict=True))
    return False


def _any_unifies(a: AnyOf, b: Type) -> bool:
    if isinstance(b, FunctionType):
        return False
    return not a.members or any(unifies(m, b) for m in a.members)


def _arrays(a: ArrayType, b: ArrayType) -> bool:
    return all(unifies(s, b.static[i] if i < len(b.static) else b.dynamic) for i, s in enumerate(a.static))


def _objects(a: ObjectType, b: ObjectType) -> bool:
    for p in a.static:
        other = select(b, p.key)
        if other is None:
            if _inside(a) is None and _inside(b) is None:
                return False
            continue
        if not unifies(p.type, other):
            return False
    return True


def _inside(t: ObjectType) -> Type | None:
    """The type of the values under keys that are not known: none, too, where that type is not known."""
    return t.dynamic[1] if t.dynamic is not None else None


def empty_collection(t: Type | None) -> bool:
    """Whether a collection of the type has no members at all."""
    match plain(t):
        case ObjectType((), None) | ArrayType((), None) | SetType(None):
            return True
    return False


def one_of(t: Type | None) -> list[Value]:
    """The keys that an object is known to have."""
    match plain(t):
        case ObjectType(static, _):
            return sort_values([p.key for p in static])
        case AnyOf(members):
            found: dict[Key, Value] = {}
            for m in members:
                for k in one_of(m):
                    found[key(k)] = k
            return sort_values(found.values())
    return []


class PropertyOrder:
    """A sort key: properties by their keys, in Rego's order."""

    __slots__ = ("p",)

    def __init__(self, p: Property) -> None:
        self.p = p

    def __lt__(self, other: PropertyOrder) -> bool:
        return compare(self.p.key, other.p.key) < 0
