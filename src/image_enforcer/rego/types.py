"""Types as OPA's checker sees them: ``any``, scalars, arrays, objects, sets, unions and functions.

``str(type)`` is the text in OPA's error messages: ``array<number>[string]``, ``object<a: any>``, ``any<null, string>``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from functools import cmp_to_key, reduce
from typing import ClassVar, Final, TypeAlias

from .records import field, record
from .text import term as value_text
from .values import Num, RegoSet, Value, compare, equal

MAX_WEIGHT: Final = 10_000
"""Parts of a type, each as often as it is met, beyond which nothing is known of it: types are walked to compare them,
and a few variables that hold each other twice make one of millions of parts."""


@record(frozen=True, slots=True)
class Basic:
    """``null``, ``boolean``, ``number`` or ``string``."""

    name: str
    weight: ClassVar[int] = 1

    def __str__(self) -> str:
        return self.name


NULL: Final = Basic("null")
BOOLEAN: Final = Basic("boolean")
NUMBER: Final = Basic("number")
STRING: Final = Basic("string")


def _weight(parts: Iterable[Type | None]) -> int:
    """How many parts a type has that is made of others; ``weight`` of a type says it of that type."""
    return 1 + sum([1 if p is None else p.weight for p in parts])


@record(frozen=True, slots=True)
class AnyOf:
    """One of several types; with no members, anything at all."""

    members: tuple[Type, ...] = ()
    weight: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight(self.members))

    def __str__(self) -> str:
        return "any" if not self.members else "any<" + ", ".join(str(m) for m in self.members) + ">"


ANY: Final = AnyOf()


@record(frozen=True, slots=True)
class ArrayType:
    """``static`` are the types of the first elements, ``dynamic`` that of all others (None: there are none)."""

    static: tuple[Type | None, ...] = ()
    dynamic: Type | None = None
    weight: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight((*self.static, self.dynamic)))

    def __str__(self) -> str:
        text = "array"
        if self.static:
            text += "<" + ", ".join(type_text(s) for s in self.static) + ">"
        if self.dynamic is not None:
            text += f"[{self.dynamic}]"
        return text


def key_text(key: Value) -> str:
    """A known key in messages: as Go shows what the value is there."""
    match key:
        case str():
            return key
        case None:
            return "<nil>"
        case list():
            return f"[{' '.join([key_text(k) for k in key])}]"
        case dict():
            from .values import sorted_keys, unkey

            return f"map[{' '.join([f'{key_text(unkey(k))}:{key_text(key[k])}' for k in sorted_keys(key)])}]"
    return value_text(key)


@record(frozen=True, slots=True, eq=False)
class Property:
    """A known key of an object."""

    key: Value
    type: Type | None

    def __eq__(self, other: object) -> bool:
        return type(other) is Property and equal(self.key, other.key) and self.type == other.type

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f"{key_text(self.key)}: {type_text(self.type)}"


@record(frozen=True, slots=True)
class ObjectType:
    """``static`` properties in key order, and the types of other keys and values."""

    static: tuple[Property, ...] = ()
    dynamic: tuple[Type | None, Type | None] | None = None
    weight: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight((*[p.type for p in self.static], *(self.dynamic or ()))))

    def __str__(self) -> str:
        text = "object"
        if self.static:
            text += "<" + ", ".join(str(s) for s in self.static) + ">"
        if self.dynamic is not None:
            text += f"[{type_text(self.dynamic[0])}: {type_text(self.dynamic[1])}]"
        return text


@record(frozen=True, slots=True)
class SetType:
    """``of`` is the type of the members; None: there are none."""

    of: Type | None
    weight: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", _weight((self.of,)))

    def __str__(self) -> str:
        return f"set[{self.of}]" if self.of is not None else "set"


@record(frozen=True, slots=True)
class FunctionType:
    """``variadic`` is the type of any further operands; a ``result`` of None means that there is none.

    ``names`` are those of operands and result as the documentation has them, empty where unknown.
    """

    args: tuple[Type, ...]
    result: Type | None
    variadic: Type | None = None
    names: tuple[str, ...] = field(default=(), compare=False)
    weight: ClassVar[int] = 1

    def __str__(self) -> str:
        args = [str(a) for a in self.args]
        if self.variadic is not None:
            args.append(f"{self.variadic}...")
        text = "(" + ", ".join(args) + ")"
        return f"{text} => {type_text(self.result)}"


@record(slots=True, eq=False)
class RecursiveType:
    """A type that is part of itself, as JSON schemas can be; ``inner`` is filled in once that type is made."""

    name: str
    inner: Type | None = None
    weight: ClassVar[int] = 1

    @property
    def unwrapped(self) -> Type:
        """The type itself; anything, where it is nothing but itself."""
        return ANY if self.inner is None or isinstance(self.inner, RecursiveType) else self.inner

    def __str__(self) -> str:
        return f"recursive({self.name})"


Type: TypeAlias = Basic | AnyOf | ArrayType | ObjectType | SetType | FunctionType | RecursiveType


def plain(t: Type | None) -> Type | None:
    """A type that is not recursive itself; only what lies inside it may be."""
    return t.unwrapped if isinstance(t, RecursiveType) else t


def bounded(t: ArrayType | ObjectType | SetType | AnyOf) -> Type:
    """The type, or ``any`` where it has more parts than are looked at."""
    return t if t.weight <= MAX_WEIGHT else ANY


def type_text(t: Type | None) -> str:
    """A type as text, ``???`` while it is not known."""
    return "???" if t is None else str(t)


_RANK: Final = {"null": 1, "boolean": 2, "number": 3, "string": 4}


def _rank(t: Type | None) -> int:
    match t:
        case None:
            return 0
        case Basic(name):
            return _RANK[name]
        case ArrayType():
            return 5
        case ObjectType():
            return 6
        case SetType():
            return 7
        case AnyOf():
            return 8
        case FunctionType():
            return 9
        case RecursiveType():
            return _rank(t.unwrapped)


def compare_types(a: Type | None, b: Type | None) -> int:
    """OPA's order of types: by kind, then by parts."""
    if a is b:
        return 0
    if isinstance(a, RecursiveType) or isinstance(b, RecursiveType):
        if isinstance(a, RecursiveType) and isinstance(b, RecursiveType):  # into these it would not end
            return (a.name > b.name) - (a.name < b.name)
        a, b = plain(a), plain(b)
        if a is b:
            return 0
    ra, rb = _rank(a), _rank(b)
    if ra != rb:
        return -1 if ra < rb else 1
    match a, b:
        case ArrayType(), ArrayType():
            return compare_types(a.dynamic, b.dynamic) or _compare_all(a.static, b.static)
        case ObjectType(), ObjectType():
            c = _compare_all(a.dynamic or (), b.dynamic or ())
            if c:
                return c
            for x, y in zip(a.static, b.static, strict=False):
                c = compare(x.key, y.key) or compare_types(x.type, y.type)
                if c:
                    return c
            return (len(a.static) > len(b.static)) - (len(a.static) < len(b.static))
        case SetType(), SetType():
            return compare_types(a.of, b.of)
        case AnyOf(), AnyOf():
            return _compare_all(a.members, b.members)
        case FunctionType(), FunctionType():
            sizes = (len(a.args) > len(b.args)) - (len(a.args) < len(b.args))
            return sizes or _compare_all(a.args, b.args) or compare_types(a.result, b.result)
        case _:
            return 0


def _compare_all(a: Iterable[Type | None], b: Iterable[Type | None]) -> int:
    xs, ys = list(a), list(b)
    for x, y in zip(xs, ys, strict=False):
        c = compare_types(x, y)
        if c:
            return c
    return (len(xs) > len(ys)) - (len(xs) < len(ys))


_ORDER: Final = cmp_to_key(compare_types)
_FEW: Final = 16


def union(a: Type | None, b: Type | None) -> Type | None:
    """The type of what is of one type or the other. As in OPA nothing is known of a function or something else."""
    if a is b or b is None:
        return a
    if isinstance(a, FunctionType) or isinstance(b, FunctionType):
        return b if a is None else _functions(a, b)
    if isinstance(a, AnyOf) and len(a.members) > _FEW and not isinstance(b, AnyOf):
        # What has many members was sorted when it was made.
        at = bisect_left(a.members, _ORDER(b), key=_ORDER)
        if at < len(a.members) and compare_types(a.members[at], b) == 0:
            return a
        return bounded(AnyOf((*a.members[:at], b, *a.members[at:])))
    return union_of((a, b))


def _functions(a: Type, b: Type) -> Type | None:
    """The type of two functions; where they have not as many operands, what counts is that it is a function's."""
    if not isinstance(a, FunctionType) or not isinstance(b, FunctionType):
        return None
    if len(a.args) != len(b.args):
        return a
    args = tuple([union(x, y) or ANY for x, y in zip(a.args, b.args, strict=True)])
    return FunctionType(args, union(a.result, b.result))


def union_of(types: Iterable[Type | None]) -> Type | None:
    """The type of what is of any of several types."""
    types = list(types)
    if any(isinstance(t, FunctionType) for t in types):
        return reduce(union, types)  # one after the other: behind a function nothing is known, but of what follows
    members: list[Type] = []
    for t in types:
        if t is ANY or t == ANY:
            return ANY
        if t is not None:
            members.extend(t.members if isinstance(t, AnyOf) else (t,))
    members.sort(key=_ORDER)
    found = [m for i, m in enumerate(members) if not i or compare_types(m, members[i - 1]) != 0]
    if len(found) < 2:
        return found[0] if found else None
    return bounded(AnyOf(tuple(found)))


def contains(t: Type | None, other: Type) -> bool:
    """Whether a union has a member (or is anything at all)."""
    return isinstance(t, AnyOf) and (not t.members or any(compare_types(m, other) == 0 for m in t.members))


def type_of(value: Value) -> Type:
    """The type of a value."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int() | Num():
            return NUMBER
        case str():
            return STRING
        case list():
            return bounded(ArrayType(tuple([type_of(v) for v in value])))
        case RegoSet():
            return bounded(SetType(union_of([type_of(v) for v in value])))
        case _:
            from .values import sorted_keys, unkey

            return bounded(ObjectType(tuple([Property(unkey(k), type_of(value[k])) for k in sorted_keys(value)])))


def select(t: Type | None, key: Value) -> Type | None:
    """The type found under a key, None where there can be none."""
    t = plain(t)
    match t:
        case ArrayType():
            if type(key) is Num and key.text == "-0":
                key = 0
            if type(key) is not int or not 0 <= key < 1 << 63:  # OPA looks at 64 bits
                return None
            return t.static[key] if key < len(t.static) else t.dynamic
        case ObjectType():
            for p in t.static:
                if equal(p.key, key):
                    return p.type
            if t.dynamic is not None and contains(union(t.dynamic[0], t.dynamic[0]), type_of(key)):
                return t.dynamic[1]
            if t.dynamic is not None and compare_types(t.dynamic[0], type_of(key)) == 0:
                return t.dynamic[1]
            return None
        case SetType():
            of = t.of
            if of is None:
                return None
            kind = type_of(key)
            if contains(of, kind) or compare_types(of, kind) == 0:
                return kind
            return None
        case AnyOf():
            if not t.members:
                return ANY
            return union_of([select(m, key) for m in t.members])
        case _:
            return None


def keys(t: Type | None) -> Type | None:
    """The type of what enumerating a collection gives as keys."""
    t = plain(t)
    match t:
        case ArrayType():
            return NUMBER
        case ObjectType():
            return union_of([*[type_of(p.key) for p in t.static], t.dynamic[0] if t.dynamic is not None else None])
        case SetType():
            return t.of
        case AnyOf():
            if not t.members:
                return ANY
            return union_of([keys(m) for m in t.members])
        case _:
            return None


def values(t: Type | None) -> Type | None:
    """The type of what enumerating a collection gives as values."""
    t = plain(t)
    match t:
        case ArrayType():
            return union_of([*t.static, t.dynamic])
        case ObjectType():
            return union_of([*[p.type for p in t.static], t.dynamic[1] if t.dynamic is not None else None])
        case SetType():
            return t.of
        case AnyOf():
            if not t.members:
                return ANY
            return union_of([values(m) for m in t.members])
        case _:
            return None


def is_nil(t: Type | None) -> bool:
    """Whether a type, or some part of it, is not known."""
    match t:
        case None:
            return True
        case ArrayType():
            return any(is_nil(s) for s in t.static) or (t.dynamic is not None and is_nil(t.dynamic))
        case ObjectType():
            return any(is_nil(p.type) for p in t.static) or (
                t.dynamic is not None and any(is_nil(d) for d in t.dynamic)
            )
        case SetType(of):
            return is_nil(of)
        case FunctionType():
            return is_nil(t.result) or any(is_nil(a) for a in t.args)
        case _:
            return False
