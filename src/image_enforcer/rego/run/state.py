"""The state that generated code runs in: input, documents, memo, what ``with`` has replaced, and the cost so far."""

from __future__ import annotations

from ..errors import EVAL_BUILTIN_ERROR, EVAL_TYPE_ERROR, BuiltinError, EvalError, LimitError, OperandError
from ..meter import CELL, ENTRY
from ..packed import Branch, Packed
from ..places import NO_LOCATION
from ..values import UNDEFINED, RegoSet, index_of, key, step_key
from .access import get, get_base, lookup, lookup_base, member, pairs, whole
from .conflicts import OWED, Pending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from ..outside import Network
    from ..places import Location
    from ..plan.documents import Node
    from ..values import Key, Value
    from .conflicts import Postponed
    from .limits import Host, Limits
    from .running import Code
    from .snapshot import Snapshot

CHUNK = 5_000
"""Units between two looks at the clock: a millisecond or so of work."""

BOUNDLESS = 1 << 62

MOST_STEPS = 20_000_000
"""What is announced in one piece may run unwatched: some seconds of work."""


FIRST_TRY = 4_000
"""Units for which a set is made at the first question, once for each revision of the data: a millisecond."""

NEXT_TRY = 5_000
"""Units that questions about a set may take in one evaluation before it is tried to make the set instead."""


class Abandoned(Exception):
    """What a try needs is more than it was allowed."""


MOST_ANSWERS = 8_192
LONGEST_KEPT = 256
MOST_KNOWN = 4_096
"""How many answers about a set are kept with the data, for members of how many characters at most; and how many calls
of functions an evaluation remembers."""


class Tally:
    """Questions about one set: what they have cost so far, when that is enough to try making the set, the answers."""

    __slots__ = ("answers", "enough", "kept", "spent")

    def __init__(self, kept: dict[Key, bool] | None) -> None:
        self.spent = 0
        self.enough = NEXT_TRY
        self.kept = kept is not None
        self.answers: dict[Key, bool] = {} if kept is None else kept


class Evaluation:
    """What is one for all states of an evaluation: limits, host, strictness; the context of built-ins."""

    __slots__ = (
        "_now", "cache", "fuel", "granted", "growing", "host", "left", "limits", "location", "pending", "room", "start",
        "strict", "until", "used",
    )  # fmt: skip

    def __init__(self, limits: Limits, host: Host, strict: bool) -> None:
        self.limits = limits
        self.host = host
        self.strict = strict
        self.fuel = self.granted = CHUNK
        self.used = 0  # units, without those of the chunk at hand
        self.until: int | None = None  # the end of a try, in units used
        self.left = limits.units
        self.room = BOUNDLESS if limits.memory is None else limits.memory
        self.growing: list[list[Value] | dict[Key, Value]] = []
        self.pending = Pending()
        self.start: float | None = None if limits.seconds is None else host.monotonic()
        self._now: int | None = None
        self.cache: dict[Any, Any] = {}
        self.location = NO_LOCATION

    # --- cost ------------------------------------------------------------------------------------

    def refuel(self) -> None:
        """Called when a chunk of units is used up: raise ``LimitError``, or grant the next one."""
        used = self.granted - self.fuel
        self.used += used
        self.fuel = self.granted = CHUNK
        if self.left is not None:
            self.left -= used
            if self.left < 0:
                raise LimitError("units", f"evaluation needs more than {self.limits.units} steps")
        held = sum([len(c) * (CELL if type(c) is list else ENTRY) for c in self.growing])
        if self.room < held:
            self._short(held)
        seconds = self.limits.seconds
        if seconds is not None and self.start is not None and self.host.monotonic() - self.start > seconds:
            raise LimitError("time", f"evaluation took longer than {seconds:g} s")
        if self.until is not None:
            self.fuel = self.granted = min(CHUNK, self.until - self.used)
            if self.fuel <= 0:
                raise Abandoned

    def may_try(self, allowance: int) -> bool:
        """Whether something may be tried: not within a try, nor where the limit is so near that it would be met."""
        return self.until is None and (self.left is None or self.left + self.fuel - self.granted >= 2 * allowance)

    def attempt(self, make: Callable[[State], Value], state: State, allowance: int) -> Value:
        """What ``make`` gives, or UNDEFINED where it needs more units than allowed, or more memory than is left."""
        self.refuel()
        depth, room, conflicts = len(self.growing), self.room, len(self.pending)
        self.until = self.used + allowance
        self.fuel = self.granted = min(CHUNK, allowance)
        try:
            return make(state)
        except Abandoned:
            pass
        except LimitError as crossed:
            if crossed.kind not in ("units", "memory"):
                raise
        finally:
            self.until = None
        del self.growing[depth:]
        self.take_back(conflicts)  # who asks otherwise meets them again
        self.room = room
        self.refuel()
        return UNDEFINED

    def _short(self, held: int) -> None:
        """There is no room for what is held, or a conflict waits whose time has come: raise its error, or another."""
        if not self.pending:
            raise self._out_of_memory()
        if self.pending.deepest() > len(self.growing):
            raise self.pending.error()
        if self.room + OWED < held:
            raise self._out_of_memory()

    def postpone(self, conflict: Postponed) -> None:
        """A conflict is to be raised when what rests on its first value has been evaluated."""
        if not self.pending:
            self.room -= OWED
        self.pending.add(conflict)

    def take_back(self, after: int) -> None:
        """Forget the conflicts that were postponed after so many."""
        if len(self.pending) > after == 0:
            self.room += OWED
        self.pending.forget(after)

    def _out_of_memory(self) -> LimitError:
        return LimitError("memory", f"evaluation makes more than {self.limits.memory} bytes")

    def spend(self, steps: int, size: int = 0) -> None:
        """Steps of work and bytes of memory to come."""
        self.room -= size
        if self.room < 0:
            self._short(0)
        if steps > MOST_STEPS:
            raise LimitError("units", f"one call of a built-in needs more than {MOST_STEPS} steps")
        self.fuel -= steps
        if self.fuel < 0:
            self.refuel()

    def made(self, value: Value) -> None:
        """A built-in has made a value of any kind."""
        t = type(value)
        if t is str:
            self.room -= len(value) + 50
        elif t is list:
            self.room -= len(value) * CELL
        elif t is dict or t is RegoSet:
            self.room -= len(value) * ENTRY
        elif t is int:
            self.room -= value.bit_length() >> 3

    # --- what built-ins ask for ------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The evaluation's time; read once."""
        if self._now is None:
            self._now = self.host.now_ns()
        return self._now

    @property
    def seconds_left(self) -> float | None:
        """How long the evaluation may still take, None where that is not bounded."""
        seconds = self.limits.seconds
        return None if seconds is None or self.start is None else seconds - (self.host.monotonic() - self.start)

    @property
    def network(self) -> Network | None:
        """What may be reached, None by default."""
        return self.host.network

    @property
    def runtime(self) -> Value:
        """What a policy may know of the program that it runs in."""
        return self.host.runtime

    def random_bytes(self, count: int) -> bytes:
        """Bytes from the host."""
        return self.host.random_bytes(count)

    def note(self, message: str) -> None:
        """A ``trace`` event."""
        if self.host.note is not None:
            self.host.note(message, self.location)

    def case(self, path: Value) -> None:
        """A case of a test is at hand."""
        if self.host.case is not None:
            self.host.case(path)

    def fault(self, error: BuiltinError, name: str, location: Location) -> None:
        """A built-in has failed: nothing outside strict mode, where the call is undefined."""
        if self.strict:
            if self.pending.comes_first():
                raise self.pending.error()
            code = EVAL_TYPE_ERROR if isinstance(error, OperandError) else EVAL_BUILTIN_ERROR
            raise EvalError(code, f"{name}: {error}", location) from error


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
                rep = _without(rep, path)
                targets.append(path)
            else:
                mocks[name] = (kind == "function", path or value)
        if targets:
            new.rep = rep
            new.targets = tuple(targets) + (self.targets or ())
            new.data = _overlay(self.real, rep, new.targets)
        if mocks:
            new.mocks = {**(self.mocks or {}), **mocks}
        if targets or mocks:
            new.g = self.linked.nothing
            new.snapshot = None
        return new

    def keep(self, number: int, value: Value, size: int) -> None:
        """Remember a document that rests on the data alone: with the data where it may stay there."""
        snapshot = self.snapshot
        if snapshot is None or self.e.pending or not snapshot.keep(self.g, number, value, size + ENTRY):
            self.m[number] = value

    def hold(self, call: tuple[Any, ...], value: Value) -> None:
        """Remember what a document that rests on the data alone holds under keys: with the data where all is short.

        ``call`` is the number of the document, the form of the question, and the keys.
        """
        snapshot, kept = self.snapshot, self.g[-1]
        if snapshot is None or self.e.pending or snapshot.lazy or len(kept) >= MOST_ANSWERS or not _short(value):
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

    def asked(
        self, number: int, value: Value, static: bool, make: Callable[[State], Value],
        ask: Callable[[State, Value], bool],
    ) -> bool:  # fmt: skip
        """Whether a set that is not made yet has a member; ``make`` gives the set, ``ask`` looks for the one.

        The set is made where that could be told from asking: see :mod:`..plan.raising`, and :func:`_plain`.
        """
        tally = self.k.get(number)
        if tally is None:
            by_force = self.lazy is not None or self.targets is not None or self.mocks is not None or self.e.strict
            if by_force or not _plain(value):
                return member(value, make(self))
            made = self._first_try(number, make) if static else UNDEFINED
            if made is not UNDEFINED:
                return member(value, made)
            snapshot = self.snapshot
            kept = snapshot.answers(self.linked, number) if static and snapshot is not None else None
            tally = self.k[number] = Tally(kept)
        if type(value) is str and value > _DIGITS:
            form: Key = value
        elif _plain(value):
            form = key(value)
        else:
            return member(value, make(self))
        known: bool | None = tally.answers.get(form)
        if known is not None:
            return known
        e = self.e
        if tally.spent >= tally.enough:
            allowance, tally.enough = tally.spent, 2 * tally.spent
            if e.may_try(allowance):
                made = e.attempt(make, self, allowance)
                if made is not UNDEFINED:
                    return form in made.members
        before = e.used + e.granted - e.fuel
        found = ask(self, value)
        tally.spent += e.used + e.granted - e.fuel - before
        if not tally.kept:
            e.room -= ENTRY
            tally.answers[form] = found
        elif e.pending:  # an answer is not kept longer than the conflict that it may rest on
            pass
        elif len(tally.answers) < MOST_ANSWERS and type(form) is str and len(form) <= LONGEST_KEPT:
            tally.answers[form] = found
        return found

    def _first_try(self, number: int, make: Callable[[State], Value]) -> Value:
        """The set, if it is short; that one is not, is found out once for each snapshot."""
        snapshot = self.snapshot
        if snapshot is None or snapshot.answers(self.linked, number) is not None or not self.e.may_try(FIRST_TRY):
            return UNDEFINED
        made = self.e.attempt(make, self, FIRST_TRY)
        if self.g[number] is None:  # too long to be made, or to be kept
            snapshot.found_long(self.linked, number)
        return made

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
            return base if root is None else merge(base, _packages(root))
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
                value = merge(self.base(child.path), _packages(child))
            else:
                value = self._leaves(child)
            if len(self.e.pending) > before:
                raise self.e.pending.error()
            if value is UNDEFINED:
                continue
            k = key(child.path[-1])
            if k in out:  # a number that is written in two ways
                value = _united(out[k], value)
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
        if len(self.e.pending) > before:
            raise self.e.pending.error()

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


def _packages(node: Node) -> dict[Key, Value]:
    """The packages below a place, empty: they are there even where ``with`` has put something else at it."""
    return {key(c.path[-1]): _packages(c) for c in node.ordered() if c.doc < 0 and c.path != ("system",)}


class Cursor:
    """A package, or a document, on the way of a reference whose steps are known at run time only."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


def _plain(value: Value) -> bool:
    """Whether a value has one spelling, so that a rule cannot tell it from the equal value that it would find itself.

    Numbers have several (``1``, ``1.0``), and in base documents they also find keys that are their text, as texts of
    numbers find places in arrays.
    """
    t = type(value)
    if t is str:
        return value > _DIGITS or index_of(value) < 0
    return t is bool or value is None or (t is list and all(_plain(v) for v in value))


_DIGITS = ":"
"""What comes behind it begins with no digit, sign or point, hence is no text of a number."""


def _short(value: Value) -> bool:
    """Whether a value takes up next to nothing."""
    return value is UNDEFINED or type(value) is bool or (type(value) is str and len(value) <= LONGEST_KEPT)


def _printed(value: Value) -> str:
    if type(value) is str:
        return value
    from ..text import term  # late: only print needs it

    return term(value)


def graft(root: Value, path: tuple[Value, ...], value: Value) -> Value:
    """A copy of a document with a value put at a path; what is no object on the way gives way."""
    if not path:
        return value
    k = key(path[0])
    if type(root) is Packed:
        if type(k) is str:
            return root.put(k, graft(root.get(k, UNDEFINED), path[1:], value))
        root = whole(root)
    out: dict[Key, Value] = Branch(root) if type(root) is Branch else dict(root) if type(root) is dict else {}
    out[k] = graft(out.get(k, UNDEFINED), path[1:], value)
    return out


def merge(a: Value, b: Value) -> Value:
    """Two documents as one; where both have something that is not an object, the first wins."""
    a, b = whole(a), whole(b)
    if type(a) is not dict:
        return a
    if type(b) is not dict:
        return a
    out = dict(b)
    for k, v in a.items():
        there = out.get(k, UNDEFINED)
        out[k] = v if there is UNDEFINED else merge(v, there)
    return out


def _united(a: Value, b: Value) -> Value:
    """Two objects as one, or UNDEFINED where there are two values in one place."""
    if type(a) is not dict or type(b) is not dict:
        return UNDEFINED
    out = dict(a)
    for k, v in b.items():
        out[k] = _united(out[k], v) if k in out else v
        if out[k] is UNDEFINED:
            return UNDEFINED
    return out


def _overlay(real: Value, rep: Value, targets: tuple[tuple[Value, ...], ...]) -> Value:
    """The real documents with the replaced places exchanged, for look-ups at and below the targets."""
    data = real
    for target in targets:
        put = lookup(rep, target)
        data = _without(data, target) if put is UNDEFINED else graft(data, target, put)
    return data


def _without(root: Value, path: tuple[Value, ...]) -> Value:
    """A copy of a document in which there is nothing at a path."""
    if lookup(root, path) is UNDEFINED:
        return root
    if not path:
        return {}
    above = dict(whole(lookup(root, path[:-1])))
    del above[key(path[-1])]
    return graft(root, path[:-1], above)
