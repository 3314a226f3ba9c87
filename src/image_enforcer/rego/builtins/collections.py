"""Arrays, sets and objects; and membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..errors import OperandError
from ..meter import ENTRY, LARGE, METER
from ..values import EMPTY_SET, UNDEFINED, RegoSet, Value, equal, key, type_name, unkey
from . import operands
from .contract import Builtin, Context

# --- arrays --------------------------------------------------------------------------------------


def array_concat(a: Value, b: Value) -> Value:
    """The elements of ``a``, then those of ``b``."""
    return [*operands.array(a, 1), *operands.array(b, 2)]


def array_flatten(a: Value) -> Value:
    """The elements, those of inner arrays in their place; one level deep."""
    out: list[Value] = []
    for item in operands.array(a, 1):
        if type(item) is list:
            out.extend(item)
        else:
            out.append(item)
    return out


def array_reverse(a: Value) -> Value:
    """The elements from last to first."""
    return operands.array(a, 1)[::-1]


def array_slice(a: Value, start: Value, stop: Value) -> Value:
    """The elements from ``start`` to before ``stop``, cut to what there is."""
    items = operands.array(a, 1)
    first, last = max(operands.integer(start, 2), 0), operands.integer(stop, 3)
    last = min(last, len(items))
    return items[first:last] if first < last else []


# --- sets ----------------------------------------------------------------------------------------


def set_and(a: Value, b: Value) -> Value:
    """The members of both."""
    x, y = operands.a_set(a, 1), operands.a_set(b, 2)
    return RegoSet(_common(x.members, y.members))


def set_or(a: Value, b: Value) -> Value:
    """The members of either; of equal spellings that of ``a`` stays."""
    x, y = operands.a_set(a, 1), operands.a_set(b, 2)
    return RegoSet({**y.members, **x.members}) if len(x) else y


def set_diff(a: Value, b: Value) -> Value:
    """The members of ``a`` that ``b`` has not."""
    x, y = operands.a_set(a, 1), operands.a_set(b, 2)
    return RegoSet({k: v for k, v in x.members.items() if k not in y.members})


def _sets(a: Value) -> list[RegoSet]:
    return [operands.a_set(item, 1) for item in operands.a_set(a, 1).sorted()]


def union(a: Value) -> Value:
    """The members of any of the sets."""
    out: dict[Value, Value] = {}
    for item in _sets(a):
        METER.spend(len(item) >> 1)
        for k, v in item.members.items():
            out.setdefault(k, v)
    return RegoSet(out)


def intersection(a: Value) -> Value:
    """The members of all the sets; the empty set where there are none."""
    found = _sets(a)
    if not found:
        return EMPTY_SET
    out = found[0].members
    for item in found[1:]:
        out = _common(out, item.members)
    return RegoSet(out)


def _common(a: dict[Value, Value], b: dict[Value, Value]) -> dict[Value, Value]:
    """The members of both sets, as the smaller one spells them."""
    few, many = (b, a) if len(b) < len(a) else (a, b)
    return {k: v for k, v in few.items() if k in many}


# --- objects -------------------------------------------------------------------------------------


def object_get(a: Value, path: Value, default: Value) -> Value:
    """The value at a key, or at a path of steps through objects, arrays and sets; else the default."""
    obj = operands.obj(a, 1)
    if type(path) is list:
        value: Value = obj
        for step in path:
            value = _find(value, step)
            if value is UNDEFINED:
                return default
        return value
    return obj.get(path if type(path) is str else key(path), default)


def _find(value: Value, step: Value) -> Value:
    match value:
        case dict():
            return value.get(key(step), UNDEFINED)
        case list():
            return value[step] if type(step) is int and 0 <= step < len(value) else UNDEFINED
        case RegoSet():
            return value.members.get(key(step), UNDEFINED)
    return UNDEFINED


def object_keys(a: Value) -> Value:
    """The set of the keys."""
    return RegoSet({k: unkey(k) for k in operands.obj(a, 1)})


def _wanted(value: Value, position: int) -> set[Value]:
    match value:
        case dict():
            return set(value)
        case list():
            return {key(v) for v in value}
        case RegoSet():
            return set(value.members)
    raise operands.wrong(value, position, "object", "set", "array")


def object_remove(a: Value, keys: Value) -> Value:
    """The object without these keys."""
    obj = operands.obj(a, 1)
    gone = _wanted(keys, 2)
    return {k: v for k, v in obj.items() if k not in gone}


def object_filter(a: Value, keys: Value) -> Value:
    """The object with these keys only."""
    obj = operands.obj(a, 1)
    kept = _wanted(keys, 2)
    return {k: v for k, v in obj.items() if k in kept}


def object_union(a: Value, b: Value) -> Value:
    """Both objects; where both have a key, inner objects are united and any other value of ``b`` wins."""
    return _merged(operands.obj(a, 1), operands.obj(b, 2))


def _merged(a: dict[Value, Value], b: dict[Value, Value]) -> dict[Value, Value]:
    METER.spend((len(a) + len(b)) >> 1, ENTRY * (len(a) + len(b)))
    out = dict(a)
    for k, v in b.items():
        there = out.get(k)
        out[k] = _merged(there, v) if type(there) is dict and type(v) is dict else v
    return out


def object_union_n(a: Value) -> Value:
    """All objects of an array, as :func:`object_union` from left to right."""
    out: dict[Value, Value] = {}
    for item in operands.array(a, 1):
        if type(item) is not dict:
            raise OperandError(f"operand 1 must be array of objects but got array containing {type_name(item)}")
        out = _merged(out, item)
    return out


def object_subset(context: Context, a: Value, b: Value) -> Value:
    """Whether ``b`` is within ``a``: pairs of objects at any depth, members of sets, a run of an array."""
    match a, b:
        case dict(), dict():
            return _object_subset(a, b)
        case RegoSet(), RegoSet():
            return b.members.keys() <= a.members.keys()
        case list(), list():
            return _has_run(a, b)
        case list(), RegoSet():
            context.spend(len(a) + len(b))
            return _holds_as_many(a, b)
    raise OperandError("both arguments object.subset must be of the same type or array and set")


def _holds_as_many(items: list[Value], wanted: RegoSet) -> bool:
    """As OPA counts: elements that are members, each as often as it stands there; no elements are never enough."""
    missing = len(wanted)
    for item in items:
        missing -= key(item) in wanted.members
        if missing == 0:
            return True
    return False


def _has_run(items: list[Value], wanted: list[Value]) -> bool:
    """Whether the wanted elements stand next to each other somewhere."""
    for start in range(len(items) - len(wanted) + 1):
        matched = 0
        for have, want in zip(items[start : start + len(wanted)], wanted, strict=True):
            if not equal(have, want):
                break
            matched += 1
        if matched == len(wanted):
            return True
        METER.spend(len(wanted) >> 4 | matched)
    return False


def _object_subset(a: dict[Value, Value], b: dict[Value, Value]) -> bool:
    for k, want in b.items():
        have = a.get(k, UNDEFINED)
        if have is UNDEFINED:
            return False
        match have, want:
            case dict(), dict():
                if not _object_subset(have, want):
                    return False
            case RegoSet(), RegoSet():
                if not want.members.keys() <= have.members.keys():
                    return False
            case list(), list():
                if not _has_run(have, want):
                    return False
            case _:
                if not equal(have, want):
                    return False
    return True


# --- membership ----------------------------------------------------------------------------------


def member_2(value: Value, source: Value) -> Value:
    """``value in source``."""
    t = type(source)
    if (t is list or t is dict) and len(source) > LARGE:
        METER.spend(len(source) >> 3)
    if t is RegoSet:
        return (value if type(value) is str else key(value)) in source.members
    if t is list:
        return value in source if type(value) is str else any(equal(value, x) for x in source)
    if t is dict:
        return value in source.values() if type(value) is str else any(equal(value, x) for x in source.values())
    if hasattr(source, "to_value"):
        return member_2(value, source.to_value())
    return False


def member_3(index: Value, value: Value, source: Value) -> Value:
    """``index, value in source``."""
    if hasattr(source, "to_value"):
        source = source.to_value()
    there = _find(source, index)
    return there is not UNDEFINED and equal(there, value)


BUILTINS: Final[Mapping[str, Builtin]] = {
    "array.concat": Builtin(array_concat),
    "array.flatten": Builtin(array_flatten),
    "array.reverse": Builtin(array_reverse),
    "array.slice": Builtin(array_slice),
    "and": Builtin(set_and),
    "or": Builtin(set_or),
    "set_diff": Builtin(set_diff),
    "union": Builtin(union),
    "intersection": Builtin(intersection),
    "object.get": Builtin(object_get),
    "object.keys": Builtin(object_keys),
    "object.remove": Builtin(object_remove),
    "object.filter": Builtin(object_filter),
    "object.union": Builtin(object_union),
    "object.union_n": Builtin(object_union_n),
    "object.subset": Builtin(object_subset, context=True),
    "internal.member_2": Builtin(member_2),
    "internal.member_3": Builtin(member_3),
}
