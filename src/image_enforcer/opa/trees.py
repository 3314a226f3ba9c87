"""Changing trees of documents without touching them: each function gives a new tree that shares what did not change.

A step names an object's key or, written in decimal, an array's index. Texts of errors are those of OPA's store.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from ..rego import Value
from .errors import Conflict, InvalidWrite, NotFound

Path: TypeAlias = tuple[str, ...]

GONE: Final = object()
"""What stands at a path where there is nothing; as a write, that what stood there was removed."""

_INDEX: Final = re.compile(r"[+-]?[0-9]{1,18}")
_MISSING: Final = "document does not exist"


def path_text(path: Path) -> str:
    """A path as OPA prints it: ``/a/b``, with reserved characters in percent signs."""
    return "/" + "/".join(quote(step, safe="$&+=:@") for step in path)


def find(node: Value, path: Path) -> Any:
    """What stands at a path, else :data:`GONE`."""
    for step in path:
        if isinstance(node, dict):
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
        if not isinstance(node, dict):
            return True
        if step not in node:
            return False
        node = node[step]
    return True


def read(root: Value, path: Path) -> Value:
    """What stands at a path; raises :class:`NotFound`."""
    node = root
    for step in path:
        if isinstance(node, dict) and step in node:
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
        if not isinstance(found, dict):
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
        if not isinstance(value, dict):
            raise InvalidWrite("root must be object")
        return value
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
    if isinstance(node, dict) and step in node:
        return {**node, step: _changed(node[step], path, at + 1, change)}
    if isinstance(node, list):
        i = _index(node, step, path)
        return [*node[:i], _changed(node[i], path, at + 1, change), *node[i + 1 :]]
    raise NotFound(_MISSING)


def _add(node: Value, step: str, path: Path, value: Value) -> Value:
    if isinstance(node, dict):
        return {**node, step: value}
    if isinstance(node, list):
        i = len(node) if step in ("-", str(len(node))) else _index(node, step, path)
        return [*node[:i], value, *node[i:]]
    raise NotFound(_MISSING)


def _replace(node: Value, step: str, path: Path, value: Value) -> Value:
    if isinstance(node, dict) and step in node:
        return {**node, step: value}
    if isinstance(node, list):
        i = _place(node, step, path)
        return [*node[:i], value, *node[i + 1 :]]
    raise NotFound(_MISSING)


def _remove(node: Value, step: str, path: Path) -> Value:
    if isinstance(node, dict) and step in node:
        kept = dict(node)
        del kept[step]
        return kept
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
