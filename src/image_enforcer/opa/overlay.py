"""What the API wrote over the files' documents, kept apart so that it survives a reload.

A tree of its own: where a value stands, everything below that path is the API's; a removal is remembered only while
the files have something there. So it never holds more than what the API put and what the files have.
"""

from __future__ import annotations

from typing import Any, Final

from ..rego import Value
from .trees import GONE, Path, find, is_object, with_members

_NOTHING: Final[Any] = object()


class Overlay:
    """One node of it: a value (or :data:`GONE`) that covers everything below, or children by step."""

    __slots__ = ("children", "value")

    def __init__(self, value: Any = _NOTHING, children: dict[str, Overlay] | None = None) -> None:
        self.value = value
        self.children: dict[str, Overlay] = {} if children is None else children

    def write(self, path: Path, root: Value, files: Value) -> None:
        """Remember the write at a path that made ``root``; ``files`` is what the files have. It costs the steps."""
        if self.value is not _NOTHING or not path or isinstance(root, list):
            self._cover(root, files)
            return
        step = path[0]
        child = self.children.setdefault(step, Overlay())
        child.write(path[1:], find(root, (step,)), find(files, (step,)))
        if child.empty:
            del self.children[step]

    def _cover(self, value: Any, files: Value) -> None:
        self.children = {}
        self.value = _NOTHING if value is GONE and files is GONE else value

    @property
    def empty(self) -> bool:
        """Whether nothing is remembered here or below."""
        return self.value is _NOTHING and not self.children

    def over(self, files: Value) -> Value:
        """The files' documents with the API's writes laid over them."""
        if self.value is not _NOTHING:
            return self.value
        if not self.children:
            return files
        node: Value = files if is_object(files) else {}
        node = with_members(node, {step: child.over(node.get(step, GONE)) for step, child in self.children.items()})
        # Removals alone change nothing in what is no object any more.
        return node if len(node) or is_object(files) else files

    def pruned(self, files: Value) -> Overlay:
        """Without the removals of what the files have no more."""
        if self.value is not _NOTHING:
            return Overlay() if self.value is GONE and files is GONE else self
        children = {step: child.pruned(find(files, (step,))) for step, child in self.children.items()}
        return Overlay(_NOTHING, {step: child for step, child in children.items() if not child.empty})

    def size(self) -> int:
        """How many writes are remembered."""
        return (self.value is not _NOTHING) + sum(c.size() for c in self.children.values())
