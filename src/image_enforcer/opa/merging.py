"""Documents of several files as one tree."""

from __future__ import annotations

from typing import Any

from .errors import Fault, LoadError


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

    def _merge(self, target: dict[str, Any], more: dict[str, Any]) -> tuple[str, ...] | None:
        for k, v in more.items():
            there = target.get(k, target)
            if there is target:
                target[k] = v
                continue
            if not (isinstance(there, dict) and isinstance(v, dict)):
                return (k,)
            if id(there) not in self._made:  # a file's own object stays as it was, to tell who brought what
                there = target[k] = dict(there)
                self._made.add(id(there))
            conflict = self._merge(there, v)
            if conflict is not None:
                return (k, *conflict)
        return None


def _holds(value: Any, path: tuple[str, ...]) -> bool:
    for step in path:
        if not isinstance(value, dict):
            return True
        if step not in value:
            return False
        value = value[step]
    return True
