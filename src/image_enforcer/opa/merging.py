"""Documents of several files as one tree."""

from __future__ import annotations

from typing import Any

from ..rego import Value
from ..rego.packed import Packed, branched
from .errors import Fault, LoadError
from .trees import is_object


class Tree:
    """Documents of several files merged into one, with who brought what."""

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._brought: list[tuple[str, dict[str, Any]]] = []
        self._made: set[int] = {id(self.root)}

    def merge(self, path: str, more: dict[str, Any]) -> None:
        """Add a file's document; raises :class:`LoadError` where two files have something else in one place."""
        conflict = self._merge(self.root, more)
        if conflict is not None:
            where = ".".join(("data", *conflict))
            other = next((name for name, value in self._brought if _holds(value, conflict)), "another file")
            text = f"{path}: merge error: conflicting values at {where}, also defined in {other}"
            raise LoadError([Fault(text, "leave it in one of the files, or put one below a name: NAME:PATH")])
        self._brought.append((path, more))

    def documents(self) -> dict[str, Any]:
        """The tree as it is now; nothing may be merged into it any more."""
        return self._finished(self.root)

    def _finished(self, node: dict[str, Any]) -> dict[str, Any]:
        for k, v in node.items():
            if id(v) in self._made:
                node[k] = self._finished(v)
        return branched(node)

    def _merge(self, target: dict[str, Any], more: dict[str, Any]) -> tuple[str, ...] | None:
        for k, v in more.items():
            there = target.get(k, target)
            if there is target:
                target[k] = v
                continue
            if not (is_object(there) and is_object(v)):
                return (k,)
            if isinstance(there, Packed) or isinstance(v, Packed):
                try:
                    target[k] = _united(there, v, (k,))
                except _Conflict as found:
                    return found.path
                continue
            if id(there) not in self._made:  # a file's own object stays as it was, to tell who brought what
                there = target[k] = dict(there)
                self._made.add(id(there))
            conflict = self._merge(there, v)
            if conflict is not None:
                return (k, *conflict)
        return None


class _Conflict(Exception):
    """Two documents have something else in one place."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(path)
        self.path = path


def _united(one: Value, other: Value, path: tuple[str, ...]) -> Value:
    """Two objects as one, where one is packed; neither is changed."""

    def both(k: str, mine: Value, theirs: Value) -> Value:
        return _united(mine, theirs, (*path, k))

    if not (is_object(one) and is_object(other)):
        raise _Conflict(path)
    if isinstance(one, dict) and isinstance(other, dict):
        return branched({**one, **other, **{k: both(k, one[k], other[k]) for k in one.keys() & other.keys()}})
    return (one if isinstance(one, Packed) else Packed.of_plain(one)).united(other, both)


def _holds(value: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not is_object(value):
            return True
        if step not in value:
            return False
        value = value[step]
    return True
