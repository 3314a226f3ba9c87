"""Operations of RFC 6902 on documents, as OPA's tree of edits does them.

The tree keeps a document as it was beside what was changed in it. Elements of an array that no operation has reached
into yet are looked up where they stood *before* it was changed, which shows when an element was removed and a later
path leads through the same array.
"""

from __future__ import annotations

from typing import Any, Final

from ..errors import BuiltinError
from ..meter import CELL, ENTRY, METER
from ..text import term
from ..values import UNDEFINED, Num, RegoSet, Value, equal, key, type_name

_SHOWN: Final = 1000
"""Characters of a document that a fault shows."""
_GO_TYPES: Final = {"null": "Null", "boolean": "Boolean", "number": "Number", "string": "String"}


class Tree:
    """A value with its edits: children that were looked into or replaced, by key or index; UNDEFINED if deleted."""

    __slots__ = ("children", "eliminated", "inserted", "keys", "value")

    def __init__(self, value: Value) -> None:
        self.keys: dict[Any, Value] = {}
        self.children: dict[Any, Tree | None] = {}
        self._begin(value)

    def _begin(self, value: Value) -> None:
        self.value = value
        self.keys.clear()
        self.children.clear()
        length = len(value) if type(value) is list else 0
        METER.spend(length >> 4, length * CELL >> 2)
        self.eliminated: list[bool] = [False] * length
        self.inserted: list[bool] = [False] * length

    # --- by path ---------------------------------------------------------------------------------

    def add(self, path: list[Value], value: Value) -> None:
        """Put a value in place; into an array it is inserted."""
        if value is UNDEFINED:
            raise BuiltinError("cannot insert nil value into EditTree")
        if path:
            self._unfold(path[:-1]).insert(path[-1], value)
        else:
            self._begin(value)

    def remove(self, path: list[Value]) -> None:
        """Take a value out; the whole document too, in whose place another must come."""
        if path:
            self._unfold(path[:-1]).delete(path[-1])
        elif self.value is UNDEFINED:
            raise BuiltinError("deleted node encountered during delete operation")
        else:
            self._begin(UNDEFINED)

    def at(self, path: list[Value]) -> Value:
        """The value at a path, with its edits."""
        return self._unfold(path).render()

    def _unfold(self, path: list[Value]) -> Tree:
        node = self
        for step in path:
            node = node.child(step)
        return node

    def child(self, step: Value) -> Tree:
        """A child, to be looked into or changed."""
        match self.value:
            case dict():
                return self._child_of_object(step)
            case RegoSet():
                return self._child_of_set(step)
            case list():
                return self._child_of_array(step)
        if self.value is UNDEFINED:
            raise BuiltinError("nil value encountered where composite value was expected")
        raise BuiltinError(f"expected composite type for path {term(step)}, found value: {_typed(self.value)}")

    def _child_of_object(self, step: Value) -> Tree:
        k = key(step)
        if k in self.keys:
            child = self.children[k]
            if child is None:
                raise BuiltinError(f"cannot unfold the already deleted {self._kind(k)} node for key {term(step)}")
            return child
        if k not in self.value:
            raise BuiltinError(f"path {term(step)} does not exist in object term {_shown(self.value)}")
        return self._put(k, step, self.value[k])

    def _child_of_set(self, step: Value) -> Tree:
        k = key(step)
        if _is_composite(step):
            self._begin(self.render())
        child = self.children.get(k)
        if child is not None:
            return child
        if k in self.keys or k not in self.value.members:
            shown = step if type(step) is str else term(step)
            raise BuiltinError(f"path {shown} does not exist in set term {_shown(self.value)}")
        return self._put(k, step, self.value.members[k])

    def _child_of_array(self, step: Value) -> Tree:
        i = _index(step, len(self.inserted))
        child = self.children.get(i)
        if child is not None:
            return child
        if not 0 <= i < len(self.value):
            raise BuiltinError(f"path {i} does not exist in array term {_shown(self.value)}")
        found = self.value[i]
        self.delete(i)
        return self.insert(i, found)

    # --- one node --------------------------------------------------------------------------------

    def _put(self, k: Any, step: Value, value: Value) -> Tree:
        METER.spend(1, ENTRY)
        self.keys[k] = step
        made = self.children[k] = Tree(value)
        return made

    def _kind(self, k: Any) -> str:
        before = self.value.get(k, UNDEFINED)
        return "composite" if _is_composite(before) else "scalar"

    def insert(self, step: Value, value: Value) -> Tree:
        """Put a child in place."""
        match self.value:
            case dict():
                return self._put(key(step), step, value)
            case RegoSet():
                if not equal(step, value):
                    raise BuiltinError(f"set key {term(step)} does not equal value to be inserted {term(value)}")
                if _is_composite(step):
                    self._begin(self.render())
                return self._put(key(step), step, value)
            case list():
                i = _index(step, len(self.inserted))
                if not 0 <= i <= len(self.inserted):
                    raise BuiltinError("index for array insertion out of bounds")
                METER.spend(len(self.children) + (len(self.inserted) >> 6))
                self.children = {n + (n >= i): child for n, child in self.children.items()}
                self.inserted.insert(i, True)
                made = self.children[i] = Tree(value)
                return made
        if self.value is UNDEFINED:
            raise BuiltinError("deleted node encountered during insert operation")
        raise BuiltinError(f"expected composite type, found value: {_typed(self.value)}")

    def delete(self, step: Value) -> None:
        """Take a child out."""
        match self.value:
            case dict():
                self._delete_key(step)
            case RegoSet():
                if _is_composite(step):
                    self._begin(self.render())
                self._delete_key(step)
            case list():
                self._delete_element(_index(step, len(self.inserted)))
            case _ if self.value is UNDEFINED:
                raise BuiltinError("deleted node encountered during delete operation")
            case _:
                raise BuiltinError(f"expected composite type, found value: {_typed(self.value)}")

    def _delete_key(self, step: Value) -> None:
        k = key(step)
        if k in self.keys:
            if self.children[k] is None:
                kind = self._kind(k) if type(self.value) is dict else "scalar"
                raise BuiltinError(f"cannot delete the already deleted {kind} node for key {term(step)}")
        elif k not in (self.value if type(self.value) is dict else self.value.members):
            raise BuiltinError(f"cannot delete child key {term(step)} that does not exist")
        METER.spend(1, ENTRY)
        self.keys[k] = step
        self.children[k] = None

    def _delete_element(self, i: int) -> None:
        if not 0 <= i < len(self.inserted):
            raise BuiltinError("index for array delete out of bounds")
        METER.spend(len(self.children) + (len(self.inserted) >> 3))
        self.children = {n - (n > i): child for n, child in self.children.items() if n != i}
        if not self.inserted[i]:  # it is the original element that this one is among those that are left
            before = self.inserted[:i].count(False)
            left = [n for n, gone in enumerate(self.eliminated) if not gone]
            self.eliminated[left[before]] = True
        del self.inserted[i]

    # --- back to a value -------------------------------------------------------------------------

    def render(self) -> Value:
        """The value with its edits."""
        value = self.value
        if not self.keys and type(value) is not list:
            return value
        METER.spend(len(value), len(value) * (CELL if type(value) is list else ENTRY))
        match value:
            case dict():
                made = {k: child.render() for k, child in self.children.items() if child is not None}
                return made | {k: v for k, v in value.items() if k not in self.keys}
            case RegoSet():
                rendered = [child.render() for child in self.children.values() if child is not None]
                return RegoSet.of([*rendered, *(v for k, v in value.members.items() if k not in self.keys)])
        originals = iter([v for v, gone in zip(value, self.eliminated, strict=True) if not gone])
        out: list[Value] = []
        for i, inserted in enumerate(self.inserted):
            child = self.children[i] if inserted else None
            out.append(next(originals) if child is None else child.render())
        return out


def _is_composite(value: Value) -> bool:
    return isinstance(value, dict | list | RegoSet)


def _index(step: Value, length: int) -> int:
    """The index that a step says; ``-`` is behind the last element."""
    if type(step) is str:
        if step == "-":
            return length
        found = _whole(step.removeprefix("+"))
        if found is None:
            raise BuiltinError("invalid string for indexing")
        if step.startswith("0") and step != "0":
            raise BuiltinError("leading zeros are not allowed in JSON paths")
        return found
    if type(step) is int:
        found = step if -(1 << 63) <= step < 1 << 63 else None
    elif type(step) is Num:
        found = _whole(step.text)
    else:
        raise BuiltinError("invalid type for indexing")
    if found is None:
        raise BuiltinError("invalid number type for indexing")
    return found


def _whole(text: str) -> int | None:
    head, _, tail = text.removeprefix("-").partition(".")
    if not (head.isascii() and head.isdigit()) or tail.strip("0") or len(head) + len(tail) > 18:
        return None
    return -int(head) if text.startswith("-") else int(head)


def _typed(value: Value) -> str:
    return f"{_shown(value)} (type: ast.{_GO_TYPES[type_name(value)]})"


def _shown(value: Value) -> str:
    text = term(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
