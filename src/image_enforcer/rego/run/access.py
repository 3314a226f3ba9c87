"""How generated code reads values: look-ups, scans and comparisons that follow Rego and charge their cost."""

from __future__ import annotations

from ..errors import EVAL_CONFLICT_ERROR, EVAL_INTERNAL_ERROR, EvalError
from ..meter import METER
from ..packed import Branch, Packed
from ..packed import whole as unpacked
from ..values import UNDEFINED, Num, RegoSet, compare, equal, index_of, key, sorted_keys, unkey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from ..places import Location
    from ..values import Key, Value
    from .evaluation import Evaluation

LOOKUP_ERRORS = (KeyError, TypeError, IndexError)
"""What Python raises where a constant string step is missing in a value."""


def get(source: Value, step: Value) -> Value:
    """``source[step]``, or UNDEFINED."""
    t = type(source)
    if t is dict:
        if type(step) is str:
            return source.get(step, UNDEFINED)
        return source.get(key(step), UNDEFINED)
    if t is list:
        return item(source, step)
    if t is RegoSet:
        # as in OPA the member as it was asked for: 1 where the set holds 1.0
        return step if (step if type(step) is str else key(step)) in source.members else UNDEFINED
    if t is str or source is None or t is bool or t is int or t is Num or source is UNDEFINED:
        return UNDEFINED
    try:
        return source[step if type(step) is str else key(step)]
    except LOOKUP_ERRORS:
        return UNDEFINED


def get_base(source: Value, step: Value) -> Value:
    """:func:`get` in a base document, where a number also names the key with its text, and a text an index."""
    if type(source) is list and type(step) is str:
        return item(source, index_of(step))
    found = get(source, step)
    if found is UNDEFINED and type(source) in _OBJECTS:
        if type(step) is int:
            return source.get(str(step), UNDEFINED)
        if type(step) is Num:
            return source.get(step.text, UNDEFINED)
    return found


def lookup(root: Value, path: tuple[Value, ...], into: Callable[[Value, Value], Value] = get) -> Value:
    """The value at a path, or UNDEFINED; ``into`` takes one step."""
    value = root
    for step in path:
        if value is UNDEFINED:
            return value
        value = into(value, step)
    return value


def lookup_base(root: Value, path: tuple[Value, ...]) -> Value:
    """The value at a path of a base document, or UNDEFINED."""
    return lookup(root, path, get_base)


_OBJECTS = frozenset({dict, Branch, Packed})


def item(source: list[Value], step: Value) -> Value:
    """An array's element; only integers from 0 are indexes, ``1.0`` counts as one, and so does ``-0``."""
    if type(step) is Num:
        whole_part, _, rest = step.text.partition(".")
        if not rest.strip("0") and whole_part.removeprefix("-").isdigit():
            step = int(whole_part)
    if type(step) is int:
        return source[step] if 0 <= step < len(source) else UNDEFINED
    return UNDEFINED


def whole(source: Value) -> Value:
    """A lazy document read whole; any other value as it is."""
    to_value = getattr(source, "to_value", None)
    return source if to_value is None else to_value()


def pairs(e: Evaluation, source: Value) -> Iterable[tuple[Value, Value]]:
    """Each key (index, member) and value of a collection, in Rego's order; nothing for anything else."""
    t = type(source)
    if t is list:
        charge(e, len(source))
        return enumerate(source) if len(source) <= LONG else enumerate(_slowly(e, source))
    if t is dict:
        charge(e, len(source))
        made = [(k if type(k) is str else unkey(k), source[k]) for k in sorted_keys(source)]
        return made if len(made) <= LONG else _slowly(e, made)
    if t is Packed:
        charge(e, len(source))
        return _members(e, source)
    if t is RegoSet:
        charge(e, len(source))
        members = source.met()
        return [(v, v) for v in members] if len(members) <= LONG else ((v, v) for v in _slowly(e, members))
    if t is str or t is int or source is None or t is bool or t is Num or source is UNDEFINED:
        return ()
    return pairs(e, whole(source))


def written(items: tuple[tuple[Value, Value], ...]) -> Iterator[tuple[Value, Value]]:
    """Each key of an object as it was written out, with the value of the first one that is equal."""
    for k, _ in items:
        yield k, next(v for other, v in items if equal(other, k))


def elements(e: Evaluation, source: Value) -> Iterable[Value]:
    """Each value of a collection, in the order of :func:`pairs`."""
    t = type(source)
    if t is list:
        charge(e, len(source))
        return source if len(source) <= LONG else _slowly(e, source)
    if t is dict:
        charge(e, len(source))
        values = [source[k] for k in sorted_keys(source)]
        return values if len(values) <= LONG else _slowly(e, values)
    if t is Packed:
        charge(e, len(source))
        return (v for _, v in _members(e, source))
    if t is RegoSet:
        e.fuel -= len(source.members) + 1
        if e.fuel < 0:
            e.refuel()
        members: list[Value] = source.met()
        return members if len(members) <= LONG else _slowly(e, members)
    if t is str or t is int or source is None or t is bool or t is Num or source is UNDEFINED:
        return ()
    return elements(e, whole(source))


def elements_anyhow(e: Evaluation, source: Value) -> Iterable[Value]:
    """Each value of a collection in any order, where the order cannot be seen."""
    if type(source) is RegoSet:
        members = source.members
        if len(members) <= LONG:
            e.fuel -= len(members) + 1
            if e.fuel < 0:
                e.refuel()
            return members.values()
    return elements(e, source)


LONG = 2_000
"""Elements after which a scan looks at the clock in between."""


def _slowly(e: Evaluation, items: list[Any]) -> Iterator[Any]:
    for at in range(0, len(items), LONG):
        e.refuel()
        yield from items[at : at + LONG]


def _members(e: Evaluation, source: Packed) -> Iterator[tuple[str, Value]]:
    """The members of a packed object, each decoded when its turn comes: together they might not find room.

    What is passed over again and again is made plain, since decoding takes longer than most of what is done with it.
    """
    if source.often():
        plain = source.to_value()
        for at, k in enumerate(sorted(plain), 1):
            if not at % LONG:
                e.refuel()
            yield k, plain[k]
        return
    for at, k in enumerate(sorted(source.keys()), 1):
        if not at % LONG:
            e.refuel()
        yield k, unpacked(source.once(k))


def is_collection(source: Value) -> bool:
    """Whether ``every`` can range over the value."""
    t = type(source)
    return t is list or t is dict or t is RegoSet or hasattr(source, "to_value")


def charge(e: Evaluation, units: int) -> None:
    """Count steps to come; now and then look at the clock."""
    e.fuel -= units + 1
    if e.fuel < 0:
        e.refuel()


def check_object(source: Value, length: int) -> bool:
    """Whether the value is an object with that many keys."""
    return type(source) is dict and len(source) == length


def make_object(items: Iterable[tuple[Value, Value]]) -> dict[Key, Value]:
    """An object; the last of equal keys wins."""
    return {(k if type(k) is str else key(k)): v for k, v in items}


def conflict(message: str, location: Location) -> EvalError:
    """The error of two values where there may be one."""
    return EvalError(EVAL_CONFLICT_ERROR, message, location)


def bad_path(location: Location) -> EvalError:
    """The error of a ``with`` whose target has a step that is no text."""
    return conflict("bad document path", location)


def unevaluated(name: str, position: int, parts: tuple[Value, ...], location: Location) -> EvalError:
    """The error of a built-in's operand that has no value; ``parts`` are texts and values by turns."""
    from ..text import term  # late: only this error needs it

    shown = "".join(term(part) if at % 2 else part for at, part in enumerate(parts))
    message = f"built-in function {name} called with operand {position} that requires evaluation: {shown}"
    return EvalError(EVAL_INTERNAL_ERROR, message, location)


UNIQUE = "object keys must be unique"


def put(out: dict[Key, Value], k: Value, value: Value, location: Location) -> None:
    """Add a pair to an object under construction; another value under the same key is a conflict."""
    if type(k) is not str:
        k = key(k)
    there = out.get(k, UNDEFINED)
    if there is UNDEFINED:
        out[k] = value
    elif not equal(there, value):
        raise conflict(UNIQUE, location)


class Growing(dict["Any", "Any"]):
    """An inner object of a partial document under construction, apart from objects that rules gave as values."""


class GrowingSet(dict["Any", "Any"]):
    """A set leaf of a partial document under construction: members by key form."""


def put_path(
    out: dict[Key, Value], keys: tuple[Value, ...], value: Value, is_set: bool, location: Location,
    seen: set[tuple[Key, ...]] | None,
) -> None:  # fmt: skip
    """Add a leaf of a partial document at a path.

    ``seen`` holds the paths given before, where rules differ in depth: a path that goes on below an earlier
    one is a conflict, as is another value in the same place.
    """
    path = tuple([k if type(k) is str else key(k) for k in keys])
    if seen is not None:
        if any(path[:n] in seen for n in range(1, len(path))):
            raise conflict(UNIQUE, location)
        seen.add(path)
    node = out
    for k in path[:-1]:
        below = node.get(k, UNDEFINED)
        if below is UNDEFINED:
            below = node[k] = Growing()
        elif type(below) is dict and seen is not None:
            # a rule gave this whole object; OPA would go on inside it
            below = node[k] = Growing(below)
        elif type(below) is not Growing:
            raise conflict(UNIQUE, location)
        node = below
    last = path[-1]
    there = node.get(last, UNDEFINED)
    if is_set:
        if there is UNDEFINED:
            there = node[last] = GrowingSet()
        elif type(there) is not GrowingSet:
            raise conflict(UNIQUE, location)
        there.setdefault(value if type(value) is str else key(value), value)
    elif there is UNDEFINED:
        node[last] = value
    elif not equal(finish(there), value):
        raise conflict(UNIQUE, location)


def finish(value: Value) -> Value:
    """A value under construction as a plain value."""
    t = type(value)
    if t is Growing:
        return {k: finish(v) for k, v in value.items()}
    if t is GrowingSet:
        return RegoSet(dict(value))
    return value


def less(a: Value, b: Value) -> bool:
    """``a < b`` in Rego's order."""
    if type(a) is int and type(b) is int:
        return a < b
    return compare(a, b) < 0


def indexed(value: Value, tests: tuple[tuple[str, Value], ...]) -> bool:
    """Whether a value passes one of an index's tests."""
    if type(value) in _SIZED:
        METER.spend(len(tests) * (len(value) + 1) >> 2)
    for kind, wanted in tests:
        match kind:
            case "equal":
                if value is wanted or equal(value, wanted):
                    return True
            case "prefix":
                if any(text.startswith(wanted) for text in _texts(value)):
                    return True
            case "suffix":
                if any(text.endswith(wanted) for text in _texts(value)):
                    return True
            case "member":
                if member(wanted, value):
                    return True
            case "array":
                if _patterned(value, *wanted):
                    return True
            case _:
                from ..parting import parted  # late: few policies need it

                if type(value) is str and _patterned(parted(value, wanted[0]), *wanted[1:]):
                    return True
    return False


def _patterned(value: Value, length: int, items: list[Value]) -> bool:
    """Whether a value is an array of a length with some items, given behind their indexes."""
    return type(value) is list and len(value) == length and all(equal(value[at], item) for at, item in items)


def key_of(source: Value, k: Value) -> bool:
    """Whether an object has a key, or a set a member; true of anything else."""
    if type(source) not in _SIZED:
        source = whole(source)
    t = type(source)
    if t is RegoSet:
        return member(k, source)
    return t not in _OBJECTS or (k if type(k) is str else key(k)) in source


_SIZED = frozenset({list, dict, RegoSet, Branch, Packed})


def _texts(value: Value) -> list[str]:
    """A string, or the strings in a collection: the index looks for beginnings and ends in both."""
    if type(value) is str:
        return [value]
    value = whole(value)
    t = type(value)
    inside = value if t is list else value.values() if t is dict else value.members.values() if t is RegoSet else ()
    return [v for v in inside if type(v) is str]


def member(value: Value, source: Value) -> bool:
    """``value in source``."""
    t = type(source)
    if t is RegoSet:
        return (value if type(value) is str else key(value)) in source.members
    if t is list:
        if type(value) is str:
            return value in source
        return any(equal(value, x) for x in source)
    if t is dict:
        if type(value) is str:
            return value in source.values()
        return any(equal(value, x) for x in source.values())
    if t is str or t is int or source is None or t is bool or t is Num:
        return False
    return member(value, whole(source))
