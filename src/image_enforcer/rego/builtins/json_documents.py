"""Documents by path: filter, remove, patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import BuiltinError, OperandError
from ..meter import CELL, ENTRY, METER
from ..text import term
from ..values import UNDEFINED, RegoSet, Value, equal, key, type_name
from . import operands
from .contract import Builtin

_SHOWN: Final = 1000
"""Characters of a document that a fault shows."""


def _paths(value: Value, position: int) -> list[list[Value]]:
    if type(value) is not list and type(value) is not RegoSet:
        raise operands.wrong(value, position, "set", "array")
    return [_path(v) for v in value]


def _path(value: Value) -> list[Value]:
    if type(value) is str:
        if not value:
            return []
        return [p.replace("~1", "/").replace("~0", "~") for p in value.lstrip("/").split("/")]
    if type(value) is list:
        return value
    wanted = "one of {set, array} containing string paths or array of path segments"
    raise OperandError(f"operand 2 must be {wanted} but got {type_name(value)}")


def _tree(paths: list[list[Value]]) -> dict[Any, Any]:
    METER.spend(4 * len(paths), 2 * ENTRY * len(paths))
    root: dict[Any, Any] = {}
    for path in paths:
        if not path:
            continue
        node: dict[Any, Any] | None = root
        for i, step in enumerate(path):
            k = key(step)
            assert node is not None
            if k in node and node[k] is None:
                break
            if i == len(path) - 1:
                node[k] = None
            else:
                node = node.setdefault(k, {})
    return root


def json_filter(a: Value, paths: Value) -> Value:
    """The document with these paths only; array elements close up."""
    obj = operands.obj(a, 1)
    return _filtered(obj, _tree(_paths(paths, 2)))


def _filtered(value: Value, tree: dict[Any, Any] | None) -> Value:
    if tree is None:
        return value
    match value:
        case dict():
            out: dict[Any, Value] = {}
            for k, below in tree.items():
                there = value.get(k, UNDEFINED)
                if there is not UNDEFINED:
                    out[k] = _filtered(there, below)
            return out
        case list():
            items: list[Value] = []
            for i, item in enumerate(value):
                below = tree.get(str(i), UNDEFINED)
                if below is not UNDEFINED:
                    items.append(_filtered(item, below))
            return items
        case RegoSet():
            return RegoSet.of([_filtered(m, tree[key(m)]) for m in value if key(m) in tree])
    return value


def json_remove(a: Value, paths: Value) -> Value:
    """The document without these paths."""
    obj = operands.obj(a, 1)
    return _without(obj, _tree(_paths(paths, 2)))


def _without(value: Value, tree: dict[Any, Any] | None) -> Value:
    if not tree:
        return value
    match value:
        case dict():
            out: dict[Any, Value] = {}
            for k, v in value.items():
                below = tree.get(k, UNDEFINED)
                if below is UNDEFINED:
                    out[k] = v
                elif below is not None:
                    out[k] = _without(v, below)
            return out
        case list():
            items: list[Value] = []
            for i, item in enumerate(value):
                below = tree.get(str(i), UNDEFINED)
                if below is UNDEFINED:
                    items.append(item)
                elif below is not None:
                    items.append(_without(item, below))
            return items
        case RegoSet():
            kept = [m for m in value if tree.get(key(m), UNDEFINED) is not None]
            return RegoSet.of([_without(m, tree[key(m)]) if key(m) in tree else m for m in kept])
    return value


# --- patch ---------------------------------------------------------------------------------------


def json_patch(a: Value, patches: Value) -> Value:
    """The document after RFC 6902 operations, which also reach into sets; a fault where one cannot be done."""
    items = operands.array(patches, 2)
    for item in items:
        if type(item) is not dict:
            raise OperandError(
                "operand 2 must be an array of JSON-Patch objects, but at least one element is not an object"
            )
    value: Value = a
    for item in items:
        value = _apply(value, item)
    return value


def _apply(value: Value, patch: dict[Any, Value]) -> Value:
    op = patch.get("op", UNDEFINED)
    if op is UNDEFINED:
        raise BuiltinError("missing 'op' attribute")
    if type(op) is not str:
        raise BuiltinError("attribute 'op' must be string but got " + type_name(op))
    path = _pointer(patch, "path")
    match op:
        case "add":
            return _add(value, path, _given(patch))
        case "remove":
            return _remove(value, path)[0]
        case "replace":
            given = _given(patch)
            if not path:
                return given
            return _add(_remove(value, path)[0], path, given, insert_only=True)
        case "move":
            source = _pointer(patch, "from")
            left, moved = _remove(value, source)
            return _add(left, path, moved)
        case "copy":
            source = _pointer(patch, "from")
            return _add(value, path, _look(value, source))
        case "test":
            found, wanted = _look(value, path), _given(patch)
            if equal(found, wanted):
                return value
            shown = f"Expected: {term(wanted)}\n\nFound: {term(found)}"
            raise BuiltinError(f"value from EditTree != patch value.\n\n{shown}")
    raise BuiltinError(f"unrecognized op: '{op}'")


def _given(patch: dict[Any, Value]) -> Value:
    value = patch.get("value", UNDEFINED)
    if value is UNDEFINED:
        raise BuiltinError("missing 'value' attribute")
    return value


def _pointer(patch: dict[Any, Value], name: str) -> list[Value]:
    value = patch.get(name, UNDEFINED)
    if value is UNDEFINED:
        raise BuiltinError(f"missing required attribute '{name}'")
    if type(value) is str:
        return _path(value)
    if type(value) is list:
        return value
    raise BuiltinError(f"attribute '{name}' must be a string or array but got {type_name(value)}")


def _absent(step: Value, value: Value) -> BuiltinError:
    return BuiltinError(f"path {term(step)} does not exist in {type_name(value)} term {_shown(value)}")


def _undeletable(step: Value) -> BuiltinError:
    return BuiltinError(f"cannot delete child key {term(step)} that does not exist")


def _shown(value: Value) -> str:
    text = term(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _index(items: list[Value], step: Value, extra: int) -> int:
    if type(step) is int:
        i = step
    elif type(step) is str and step == "-" and extra:
        return len(items)
    elif type(step) is str and step.isdigit() and len(step) < 19 and (step == "0" or step[0] != "0"):
        i = int(step)
    else:
        raise BuiltinError(f"invalid index {term(step)} for an array")
    if not 0 <= i < len(items) + extra:
        raise BuiltinError(f"index for array {'insertion ' if extra else ''}out of bounds")
    return i


def _look(value: Value, path: list[Value]) -> Value:
    for step in path:
        match value:
            case dict():
                found = value.get(key(step), UNDEFINED)
            case list():
                found = value[_index(value, step, 0)]
            case RegoSet():
                found = value.members.get(key(step), UNDEFINED)
            case _:
                found = UNDEFINED
        if found is UNDEFINED:
            raise _absent(step, value)
        value = found
    return value


def _add(value: Value, path: list[Value], given: Value, insert_only: bool = False) -> Value:
    if not path:
        return given
    step, rest = path[0], path[1:]
    if type(value) is dict or type(value) is list or type(value) is RegoSet:
        METER.spend(len(value) >> 1, len(value) * (CELL if type(value) is list else ENTRY))
    match value:
        case dict():
            k = key(step)
            if rest:
                if k not in value:
                    raise _absent(step, value)
                return {**value, k: _add(value[k], rest, given, insert_only)}
            return {**value, k: given}
        case list():
            if rest:
                i = _index(value, step, 0)
                return [*value[:i], _add(value[i], rest, given, insert_only), *value[i + 1 :]]
            i = _index(value, step, 1)
            return [*value[:i], given, *value[i:]]
        case RegoSet():
            if rest:
                there = value.members.get(key(step), UNDEFINED)
                if there is UNDEFINED:
                    raise _absent(step, value)
                changed = _add(there, rest, given, insert_only)
                return RegoSet.of([changed if m is there else m for m in value])
            if not insert_only and not equal(step, given):
                raise BuiltinError(f"set key {term(step)} does not equal value to be inserted {term(given)}")
            return RegoSet.of([*value, given])
    raise _absent(step, value)


def _remove(value: Value, path: list[Value]) -> tuple[Value, Value]:
    if not path:
        raise BuiltinError("cannot delete the whole document")
    METER.spend(1)
    step, rest = path[0], path[1:]
    match value:
        case dict():
            k = key(step)
            if k not in value:
                raise _undeletable(step)
            if rest:
                below, gone = _remove(value[k], rest)
                return {**value, k: below}, gone
            return {x: v for x, v in value.items() if x != k}, value[k]
        case list():
            i = _index(value, step, 0)
            if rest:
                below, gone = _remove(value[i], rest)
                return [*value[:i], below, *value[i + 1 :]], gone
            return [*value[:i], *value[i + 1 :]], value[i]
        case RegoSet():
            there = value.members.get(key(step), UNDEFINED)
            if there is UNDEFINED:
                raise _undeletable(step)
            if rest:
                below, gone = _remove(there, rest)
                return RegoSet.of([below if m is there else m for m in value]), gone
            return RegoSet.of([m for m in value if m is not there]), there
    raise _undeletable(step)


BUILTINS: Final[Mapping[str, Builtin]] = {
    "json.filter": Builtin(json_filter),
    "json.remove": Builtin(json_remove),
    "json.patch": Builtin(json_patch),
}
