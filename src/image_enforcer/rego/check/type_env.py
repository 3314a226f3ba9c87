"""The types of rules by their places below ``data``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from ..records import field, record
from ..syntax.nodes import Scalar, Term, Var
from ..types import ANY, STRING, AnyOf, ObjectType, Property, SetType, Type, type_of, union
from ..values import Key, RegoSet, Value, key, sort_values, unkey
from .documents import RuleTree
from .type_algebra import PropertyOrder


@record(slots=True)
class TypeNode:
    """What is known of a place below ``data``: its type, or what lies below it."""

    value: Type | None = None
    children: dict[Key, TypeNode] = field(default_factory=dict)


Layer: TypeAlias = Mapping[Key, TypeNode]
"""What is known of documents at one place of a text, by their names."""


class TypeEnv:
    """The types of rules. Rules of one place are merged; what stands inside a partial object widens its type."""

    def __init__(self, tree: RuleTree) -> None:
        self.tree = tree
        self.root = TypeNode()

    def put(self, steps: Sequence[Value], found: Type) -> None:
        """Say what is at a place."""
        node = self.root
        for step in steps:
            node = node.children.setdefault(key(step), TypeNode())
        node.value = found

    def put_open(self, steps: Sequence[Value], rest: Sequence[Term], found: Type) -> None:
        """Say what is at a place whose path goes on with variables: at keys that no constant has."""
        node = self.root
        for k in (*map(key, steps), *(key(t.value) if isinstance(t, Scalar) else t for t in rest)):
            node = node.children.setdefault(k, TypeNode())
        node.value = found

    def insert(self, steps: Sequence[Value], found: Type) -> None:
        """Add what a further rule gives at a place."""
        node = self.root
        for i, step in enumerate(steps):
            child = node.children.setdefault(key(step), TypeNode())
            if isinstance(child.value, ObjectType) and i + 1 < len(steps):
                child.value = _insert(child.value, steps[i + 1 :], found)
            node = child
        node.value = _merge(node.value, found)
        if isinstance(found, ObjectType) and isinstance(node.value, ObjectType):
            for path, leaf in _leaves(node):
                if isinstance(node.value, ObjectType):
                    node.value = _insert(node.value, path, leaf)


def _leaves(node: TypeNode) -> Iterator[tuple[list[Value | Var], Type]]:
    for k, child in node.children.items():
        step = k if isinstance(k, Var) else unkey(k)
        if child.value is not None:
            yield [step], child.value
        else:
            for path, leaf in _leaves(child):
                yield [step, *path], leaf


def _insert(obj: ObjectType, path: Sequence[Value | Var], found: Type) -> ObjectType:
    """An object with a member more; of what a key is that no constant is nothing is known."""
    step = path[0]
    k: Type | None = None if isinstance(step, Var) else type_of(step)
    v: Type | None = found if len(path) == 1 else _insert(ObjectType(), path[1:], found)
    if obj.dynamic is not None:
        k, v = union(obj.dynamic[0], k), union(obj.dynamic[1], v)
    return ObjectType(obj.static, (k, v))


def _merge(a: Type | None, b: Type | None) -> Type | None:
    """The type of a document that several rules make."""
    if a is None:
        return b
    if b is None:
        return a
    match a, b:
        case ObjectType((), da), ObjectType((), db):
            if da is None or db is None:
                return b if da is None else a
            return ObjectType((), (union(da[0], db[0]), _merge(da[1], db[1])))
        case ObjectType((), da), AnyOf() if da is not None:
            return _merge_into(b, da) or union(a, b)
        case SetType(), SetType():
            return SetType(union(a.of, b.of))
        case AnyOf(), AnyOf():
            return union(a, b)
        case AnyOf(), _:
            return _merge(b, a)
        case _:
            return union(a, b)


def _merge_into(union_: AnyOf, found: tuple[Type | None, Type | None]) -> Type | None:
    """A union whose first object without known keys has taken in keys and values of another; None without such."""
    for i, member in enumerate(union_.members):
        if isinstance(member, ObjectType) and not member.static and member.dynamic is not None:
            k, v = member.dynamic
            merged = ObjectType((), (union(k, found[0]), union(v, found[1])))
            return AnyOf((*union_.members[:i], merged, *union_.members[i + 1 :]))
    return None


def extent(node: TypeNode) -> Type:
    """The type of everything below a place."""
    if node.value is not None:
        return node.value
    # as in OPA, which leaves null and collections out: what is asked for by a variable of such a type is not there
    known = [(unkey(k), c) for k, c in node.children.items() if not isinstance(k, Var)]
    static = [Property(k, extent(c)) for k, c in known if k is not None and type(k) not in (list, dict, RegoSet)]
    static.sort(key=PropertyOrder)
    return ObjectType(tuple(static), (STRING, ANY))


def names_below(node: TypeNode) -> list[Value]:
    """The keys known below a place, in Rego's order."""
    return sort_values([unkey(k) for k in node.children if not isinstance(k, Var)])
