"""Documents by path: filter, remove, patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import BuiltinError, OperandError
from ..meter import ENTRY, METER
from ..text import term
from ..values import UNDEFINED, RegoSet, Value, equal, key, type_name
from . import operands
from .contract import Builtin
from .json_patch import Tree


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
    tree = Tree(a)
    for item in operands.array(patches, 2):
        if type(item) is not dict:
            raise BuiltinError("must be an array of JSON-Patch objects, but at least one element is not an object")
        _apply(tree, item)
    patched = tree.render()
    if patched is UNDEFINED:
        raise BuiltinError("cannot delete the whole document")
    return patched


def _apply(tree: Tree, patch: dict[Any, Value]) -> None:
    pointer, op = _given(patch, "path"), _given(patch, "op")
    if type(op) is not str:
        raise BuiltinError(f"attribute 'op' must be a string but found: {type_name(op)}")
    path = _path(pointer)
    match op:
        case "add":
            tree.add(path, _given(patch, "value"))
        case "remove":
            tree.remove(path)
        case "replace":
            tree.remove(path)
            tree.add(path, _given(patch, "value"))
        case "move" | "copy":
            source = _path(_given(patch, "from"))
            found = tree.at(source)
            if op == "move":
                tree.remove(source)
            tree.add(path, found)
        case "test":
            found, wanted = tree.at(path), _given(patch, "value")
            if not equal(found, wanted):
                shown = f"Expected: {term(wanted)}\n\nFound: {'<nil>' if found is UNDEFINED else term(found)}"
                raise BuiltinError(f"value from EditTree != patch value.\n\n{shown}")
        case _:
            raise BuiltinError(f"unrecognized op: '{op}'")


def _given(patch: dict[Any, Value], name: str) -> Value:
    value = patch.get(name, UNDEFINED)
    if value is UNDEFINED:
        raise BuiltinError(f"missing required attribute '{name}'")
    return value


BUILTINS: Final[Mapping[str, Builtin]] = {
    "json.filter": Builtin(json_filter),
    "json.remove": Builtin(json_remove),
    "json.patch": Builtin(json_patch),
}
