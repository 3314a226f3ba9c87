"""The state that generated code runs in: input, documents, memo, and what ``with`` has replaced."""

from __future__ import annotations

from ..meter import CELL, ENTRY
from ..records import record
from ..values import UNDEFINED, key, step_key
from .access import get, get_base, lookup, lookup_base, pairs, whole
from .overlays import graft, merge, overlay, packages, united, without

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from ..places import Location
    from ..plan.documents import Node
    from ..values import Key, Value
    from .evaluation import Evaluation
    from .running import Code
    from .snapshot import Snapshot

MOST_ANSWERS = 8_192
LONGEST_KEPT = 256
MOST_KNOWN = 4_096
"""How many answers about a set are kept with the data, for members of how many characters at most; and how many calls
of functions an evaluation remembers."""


@record(frozen=True, slots=True)
class Known:
    """How much a state remembers, and how many errors wait."""

    documents: list[Value]
    calls: int
    waiting: int


class State:
    """Input and documents as the code at hand sees them. ``with`` derives new states."""

    __slots__ = (
        "data", "e", "g", "input", "k", "lazy", "linked", "m", "mocks", "real", "rep", "snapshot", "targets",
        "unsettled",
    )  # fmt: skip

    def __init__(
        self, linked: Code, e: Evaluation, input_: Value, data: Value, g: list[Value], snapshot: Snapshot | None
    ) -> None:
        self.linked = linked
        self.e = e
        self.input = input_
        self.data = data
        self.m: list[Value] = [None] * linked.slots
        self.g = g  # kept with the data; m and k are this state's own
        self.snapshot = snapshot
        self.lazy: Snapshot | None = None
        self.unsettled: Snapshot | None = None  # the snapshot, where values in it have to be settled
        if snapshot is not None and not snapshot.plain:
            self.unsettled = snapshot
            self.lazy = snapshot if snapshot.lazy else None
        self.k: dict[Any, Any] = {}
        self.targets: tuple[tuple[Value, ...], ...] | None = None
        self.mocks: dict[str, tuple[bool, Any]] | None = None
        self.real = data
        self.rep: Value = UNDEFINED

    def fork(self) -> State:
        """A copy with nothing remembered."""
        new = State(self.linked, self.e, self.input, self.data, self.g, self.snapshot)
        new.targets, new.mocks, new.real, new.rep = self.targets, self.mocks, self.real, self.rep
        new.lazy, new.unsettled = self.lazy, self.unsettled
        return new

    # --- with ------------------------------------------------------------------------------------

    def replace(self, replaces: Iterable[tuple[str, tuple[Value, ...], str, Any]]) -> State:
        """The state of an expression with ``with`` modifiers."""
        e = self.e
        e.fuel -= 10
        if e.fuel < 0:
            e.refuel()
        new = self.fork()
        mocks: dict[str, tuple[bool, Any]] = {}
        targets: list[tuple[Value, ...]] = []
        rep = self.rep
        for kind, path, name, value in replaces:
            if kind == "input":
                new.input = graft(new.input, path, value)
            elif kind == "data":
                rep = graft(rep, path, value)
                targets.append(path)
            elif kind == "nothing":
                rep = without(rep, path)
                targets.append(path)
            else:
                mocks[name] = (kind == "function", path or value)
        if targets:
            new.rep = rep
            new.targets = tuple(targets) + (self.targets or ())
            new.data = overlay(self.real, rep, new.targets)
        if mocks:
            new.mocks = {**(self.mocks or {}), **mocks}
        if targets or mocks:
            new.g = self.linked.nothing
            new.snapshot = None
        return new

    def keep(self, number: int, value: Value, size: int) -> None:
        """Remember a document that rests on the data alone: with the data where it may stay there."""
        snapshot = self.snapshot
        if snapshot is None or not snapshot.keep(self.g, number, value, size + ENTRY):
            self.m[number] = value

    def hold(self, call: tuple[Any, ...], value: Value) -> None:
        """Remember what a document that rests on the data alone holds under keys: with the data where all is short.

        ``call`` is the number of the document, the form of the question, and the keys.
        """
        snapshot, kept = self.snapshot, self.g[-1]
        if snapshot is None or snapshot.lazy or len(kept) >= MOST_ANSWERS or not _short(value):
            self.k[call] = value
        elif all(type(k) is str and len(k) <= LONGEST_KEPT for k in call[2:]):
            kept[call] = value
        else:
            self.k[call] = value

    def know(self, call: tuple[Any, ...], value: Value, operands: tuple[Value, ...]) -> None:
        """Remember what a function has given. The operands are kept, for the call may name them by identity."""
        if len(self.k) < MOST_KNOWN:
            self.k[call] = (value, operands)
            self.e.room -= 2 * ENTRY

    def learn(self, call: tuple[Any, ...], value: Value) -> None:
        """Remember what a function has given, by the values of its operands, where it may give another value later."""
        self.k[call] = (value,)
        self.e.room -= 2 * ENTRY

    def known(self) -> Known:
        """What is remembered now, and how many errors wait."""
        return Known(self.m.copy(), len(self.k), len(self.e.pending))

    def forget(self, known: Known) -> None:
        """Forget what has come to be remembered since."""
        self.m[:] = known.documents
        while len(self.k) > known.calls:
            self.k.popitem()

    def unmocked(self) -> State:
        """The state in which a replacement runs: it may call what it replaces."""
        new = self.fork()
        new.mocks = None
        return new

    # --- documents, the long way -----------------------------------------------------------------

    def replaced(self, path: tuple[Value, ...]) -> bool:
        """Whether ``with`` has put something else at the path or above it."""
        return self.targets is not None and any(path[: len(t)] == t for t in self.targets)

    def base(self, path: tuple[Value, ...]) -> Value:
        """The base document at the path: what ``with`` put there, merged with the real one above its targets."""
        if self.targets is None:
            return lookup_base(self.data, path)
        put = lookup(self.rep, path)
        if self.replaced(path):
            return put
        real = lookup_base(self.real, path)
        if put is UNDEFINED:
            return real
        return put if real is UNDEFINED else merge(put, real)

    def get_base(self, path: tuple[Value, ...], source: Value, step: Value) -> Value:
        """A step below the base document at the path: other rules hold in what ``with`` has put there."""
        return get(source, step) if self.replaced(path) else get_base(source, step)

    def settled(self, value: Value) -> Value:
        """The value of a reference into base documents of which some are lazy."""
        return value if self.unsettled is None else self.unsettled.settled(value)

    def doc(self, number: int) -> Value:
        """The whole of a virtual document, or UNDEFINED."""
        return self.linked.document(number)(self)

    def document(self, number: int, path: tuple[Value, ...]) -> Value:
        """A virtual document that ``with`` may have replaced."""
        if self.replaced(path):
            return self.base(path)
        return self.doc(number)

    def demanded(self, path: tuple[Value, ...], fn: Callable[..., Value], lead: int, *keys: Value) -> Value:
        """What a partial document that ``with`` may have replaced holds under some keys."""
        if not self.replaced(path):
            return fn(self, *keys)
        value = self.base(path)
        for k in keys[:lead]:
            if value is UNDEFINED:
                break
            value = get(value, k)
        return value

    def extent(self, path: tuple[Value, ...]) -> Value:
        """Everything below a path, base and virtual, or UNDEFINED."""
        base = self.settled(self.base(path))
        if self.replaced(path):
            root = None if path else self.linked.node(path)
            return base if root is None else merge(base, packages(root))
        if not path and type(base) is dict and "system" in base:
            base = {k: v for k, v in base.items() if k != "system"}  # OPA keeps its own documents out of the whole
        node = self.linked.node(path)
        if node is None:
            return base
        if node.doc >= 0:
            return UNDEFINED if node.kind == "function" else self.doc(node.doc)
        virtual = self._leaves(node)
        if virtual is UNDEFINED:
            return base
        return virtual if base is UNDEFINED else merge(whole(base), virtual)

    def _leaves(self, node: Node) -> Value:
        out: dict[Key, Value] = {}
        for child in node.ordered():
            if child.path == ("system",):
                continue
            value: Value
            before = len(self.e.pending)
            if child.doc >= 0:
                value = UNDEFINED if child.kind == "function" else self.document(child.doc, child.path)
            elif self.replaced(child.path):
                value = merge(self.base(child.path), packages(child))
            else:
                value = self._leaves(child)
            self.e.due(before)
            if value is UNDEFINED:
                continue
            k = key(child.path[-1])
            if k in out:  # a number that is written in two ways
                value = united(out[k], value)
                if value is UNDEFINED:
                    return value
            out[k] = value
        return out

    def open(self, path: tuple[Value, ...]) -> Value:
        """A cursor at a constant path."""
        node = self.linked.node(path)
        assert node is not None
        return Cursor(node)

    def step(self, cursor: Value, k: Value) -> Value:
        """One step from a cursor or a value, or UNDEFINED."""
        if type(cursor) is not Cursor:
            return get(cursor, k)
        node = cursor.node
        if node.doc >= 0:
            value = self.document(node.doc, node.path)
            return value if value is UNDEFINED else get(value, k)
        path = (*node.path, k)
        if self.replaced(path):
            return self.base(path)
        child = node.children.get(step_key(k))
        if child is None:
            return self.base(path)
        if child.kind == "function":
            return UNDEFINED
        return Cursor(child)

    def scan(self, cursor: Value) -> Iterable[tuple[Value, Value]]:
        """Each key below a cursor and what stands there."""
        if type(cursor) is not Cursor:
            yield from pairs(self.e, cursor)
            return
        node = cursor.node
        if node.doc >= 0:
            value = self.document(node.doc, node.path)
            if value is not UNDEFINED:
                yield from pairs(self.e, value)
            return
        base = self.base(node.path)
        there: set[Key] = set()
        if base is not UNDEFINED:
            for k, _ in pairs(self.e, base):
                if k == "system" and not node.path and not self.replaced(()):
                    continue  # as in the extent of the whole
                there.add(key(k))
                yield from self._one(cursor, k)
        for child in node.ordered():
            k = child.path[-1]
            if key(k) not in there:
                yield from self._one(cursor, k)

    def _one(self, cursor: Value, k: Value) -> Iterator[tuple[Value, Value]]:
        """A key below a cursor with what stands there. Conflicts met on the way are raised before the next key."""
        before = len(self.e.pending)
        value = self.step(cursor, k)
        if value is not UNDEFINED:
            yield k, value
        self.e.due(before)

    def settle(self, cursor: Value) -> Value:
        """The value at a cursor, or UNDEFINED."""
        if type(cursor) is not Cursor:
            return self.settled(cursor)
        node = cursor.node
        if node.doc >= 0:
            return self.document(node.doc, node.path)
        return self.extent(node.path)

    def print(self, groups: Value, location: Location) -> None:
        """``print``: the operands are sets of possible values; every combination is a line."""
        if self.e.host.print is None:
            return
        lines: list[list[str]] = [[]]
        for group in groups:
            values = ["<undefined>"] if not len(group) else [_printed(v) for v in group]
            cells = len(lines) * len(values) * (len(lines[0]) + 4)
            self.e.spend(cells, cells * CELL)
            lines = [[*line, v] for line in lines for v in values]
        for line in lines:
            self.e.host.print(" ".join(line), location)


class Cursor:
    """A package, or a document, on the way of a reference whose steps are known at run time only."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


def _short(value: Value) -> bool:
    """Whether a value takes up next to nothing."""
    return value is UNDEFINED or type(value) is bool or (type(value) is str and len(value) <= LONGEST_KEPT)


def _printed(value: Value) -> str:
    if type(value) is str:
        return value
    from ..text import term  # late: only print needs it

    return term(value)
