"""Changing trees of documents without touching them: each function gives a new tree that shares what did not change.

A step names an object's key or, written in decimal, an array's index. Texts of errors are those of OPA's store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from ..rego import Value, packed
from ..rego.packed import Branch, Packed, branched
from .errors import Conflict, InvalidWrite, NotFound

Path: TypeAlias = tuple[str, ...]

GONE: Final = packed.GONE
"""What stands at a path where there is nothing; as a write, that what stood there was removed."""

MANY: Final = 4_096
"""Members from which on an object is not copied for a write: the next version shares them with this one."""

_INDEX: Final = re.compile(r"[+-]?[0-9]{1,18}")
_MISSING: Final = "document does not exist"


def path_text(path: Path) -> str:
    """A path as OPA prints it: ``/a/b``, with reserved characters in percent signs."""
    from urllib.parse import quote  # where something is refused, which is rare

    return "/" + "/".join(quote(step, safe="$&+=:@") for step in path)


def is_object(node: Value) -> bool:
    """Whether a node is an object, packed or not."""
    return isinstance(node, dict | Packed)


def with_member(node: dict[str, Value] | Packed, step: str, value: Value) -> Value:
    """An object with a value under a key. It costs the object's size only where that is small."""
    return with_members(node, {step: value})


def with_members(node: dict[str, Value] | Packed, changes: Mapping[str, Value]) -> Value:
    """An object with other values under some keys; :data:`GONE` removes a key."""
    if isinstance(node, Packed) or len(node) >= MANY:
        return (node if isinstance(node, Packed) else Packed.of_plain(node)).changed(changes)
    made = {**node, **changes}
    for k in [k for k, v in changes.items() if v is GONE]:
        del made[k]
    return branched(made, known=type(node) is Branch)


def find(node: Value, path: Path) -> Any:
    """What stands at a path, else :data:`GONE`."""
    for step in path:
        if is_object(node):
            node = node.get(step, GONE)
        elif isinstance(node, list):
            node = node[int(step)] if _INDEX.fullmatch(step) and 0 <= int(step) < len(node) else GONE
        else:
            return GONE
        if node is GONE:
            return GONE
    return node


def exists(root: Value, path: Path) -> bool:
    """Whether anything stands at a path."""
    return find(root, path) is not GONE


def occupied(root: Value, path: Path) -> bool:
    """Whether something stands at a path, or something other than an object on the way to it."""
    node = root
    for step in path:
        if not is_object(node):
            return True
        if step not in node:
            return False
        node = node[step]
    return True


def read(root: Value, path: Path) -> Value:
    """What stands at a path; raises :class:`NotFound`."""
    node = root
    for step in path:
        if is_object(node) and step in node:
            node = node[step]
        elif isinstance(node, list):
            node = node[_index(node, step, path)]
        else:
            raise NotFound(_MISSING)
    return node


def with_parents(root: Value, path: Path) -> Value:
    """The tree with objects on the way to a path; raises :class:`Conflict` where something else stands there."""
    for size in range(len(path) - 1, -1, -1):
        found = find(root, path[:size])
        if found is GONE:
            continue
        if not is_object(found):
            raise Conflict(path_text(path[:size]))
        if size == len(path) - 1:
            return root
        made: Value = {}
        for step in reversed(path[size + 1 : -1]):
            made = {step: made}
        return added(root, path[: size + 1], made)
    return root


def added(root: Value, path: Path, value: Value) -> Value:
    """With a value at a path: an object's key is set, an array's place is inserted at (``-``: at its end)."""
    if not path:
        if not is_object(value):
            raise InvalidWrite("root must be object")
        return value.to_value() if type(value) is Packed else value
    return _changed(root, path, 0, lambda node, step: _add(node, step, path, value))


def replaced(root: Value, path: Path, value: Value) -> Value:
    """With another value where there is one; raises :class:`NotFound` where there is none."""
    if not path:
        return added(root, path, value)
    return _changed(root, path, 0, lambda node, step: _replace(node, step, path, value))


def removed(root: Value, path: Path) -> Value:
    """Without what stands at a path; raises :class:`NotFound` where nothing does."""
    if not path:
        raise InvalidWrite("root cannot be removed")
    return _changed(root, path, 0, lambda node, step: _remove(node, step, path))


def _changed(node: Value, path: Path, at: int, change: Any) -> Value:
    step = path[at]
    if at == len(path) - 1:
        return change(node, step)
    if is_object(node) and step in node:
        return with_member(node, step, _changed(node[step], path, at + 1, change))
    if isinstance(node, list):
        i = _index(node, step, path)
        return [*node[:i], _changed(node[i], path, at + 1, change), *node[i + 1 :]]
    raise NotFound(_MISSING)


def _add(node: Value, step: str, path: Path, value: Value) -> Value:
    if is_object(node):
        return with_member(node, step, value)
    if isinstance(node, list):
        i = len(node) if step in ("-", str(len(node))) else _index(node, step, path)
        return [*node[:i], value, *node[i:]]
    raise NotFound(_MISSING)


def _replace(node: Value, step: str, path: Path, value: Value) -> Value:
    if is_object(node) and step in node:
        return with_member(node, step, value)
    if isinstance(node, list):
        i = _place(node, step, path)
        return [*node[:i], value, *node[i + 1 :]]
    raise NotFound(_MISSING)


def _remove(node: Value, step: str, path: Path) -> Value:
    if is_object(node) and step in node:
        return with_members(node, {step: GONE})
    if isinstance(node, list):
        i = _place(node, step, path)
        return [*node[:i], *node[i + 1 :]]
    raise NotFound(_MISSING)


def _place(items: list[Value], step: str, path: Path) -> int:
    if step == "-":
        raise InvalidWrite(f"{path_text(path)}: invalid patch path")
    return _index(items, step, path)


def _index(items: list[Value], step: str, path: Path) -> int:
    if not _INDEX.fullmatch(step):
        raise NotFound(f"{path_text(path)}: array index must be integer")
    i = int(step)
    if not 0 <= i < len(items):
        raise NotFound(f"{path_text(path)}: array index out of range")
    return i
