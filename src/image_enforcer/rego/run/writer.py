"""The frame of generated code: lines, functions, and how control leaves a block.

Failing is a statement that depends on where the instruction stands: ``continue`` inside a scan, ``break`` in a
one-round loop around a nested block, ``return`` in the body of a function. CPython allows twenty nested
blocks: deeper ones go on in a function of their own (:meth:`Writer.outline`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from ..meter import ENTRY
from ..places import Location
from ..plan import ops
from ..plan.ops import Block, Const, InputRoot, Operand, Reg
from ..records import record
from .names import Names

MAX_NESTING = 12
"""Statically nested loops and tries after which a block is outlined; CPython's own limit is 20."""


@record(frozen=True, slots=True)
class Traits:
    """What the writer has to know of what an instruction refers to."""

    takes_context: Callable[[str], bool]
    """Whether a built-in asks for the evaluation."""
    sizeable: Callable[[str], bool]
    """Whether the size of a built-in's result counts."""
    static: Callable[[int], bool]
    """Whether a document rests on the data alone."""
    slot: Callable[[int], int]
    """The number under which a document is remembered."""
    shared: Callable[[int], bool]
    """Whether others are remembered under that number too: the document itself has to look there."""
    strict: bool
    """Whether a built-in that fails ends the evaluation."""


class Writer(ABC):
    """Writes the functions of one routine. The locals ``s`` and ``e`` are the state and the evaluation."""

    def __init__(self, names: Names, traits: Traits) -> None:
        self.names = names
        self.traits = traits
        self.lines: list[str] = []
        self.units: list[list[str]] = []
        """Functions that are compiled before the others, each for itself."""
        self.indent = 0
        self.fail = "return U"
        self.nesting = 0
        self.numbers = count()
        self.flags: list[str] = []
        self.rounds: list[str] = []
        """The marks of the scans at hand, see :meth:`opened`."""
        self._pays = False

    @abstractmethod
    def op(self, op: ops.Op) -> None:
        """One instruction."""

    # --- text ------------------------------------------------------------------------------------

    def put(self, line: str) -> None:
        """A line at the current indentation."""
        self.lines.append(" " * self.indent + line)

    def fresh(self, prefix: str) -> str:
        """A new local name."""
        return f"{prefix}{next(self.numbers)}"

    def operand(self, operand: Operand) -> str:
        """An expression for an operand."""
        match operand:
            case Reg(n):
                return f"r{n}"
            case Const(value):
                return self.names.constant(value)
            case InputRoot(state):
                return f"{self.state(state)}.input"

    def subscripted(self, operand: Operand) -> str:
        """An expression for an operand in front of a step; a literal there would be warned of."""
        return self.names.hoist("K", operand.value) if isinstance(operand, Const) else self.operand(operand)

    @staticmethod
    def state(number: int) -> str:
        """The local that holds a state."""
        return f"s{number}" if number else "s"

    def args(self, operands: tuple[Operand, ...]) -> str:
        """Operands as call arguments."""
        return ", ".join(self.operand(o) for o in operands)

    def loc(self, location: Location) -> str:
        """A name for a place."""
        return self.names.hoist("L", location)

    def fail_if(self, condition: str) -> None:
        """Fail where the condition holds."""
        self.put(f"if {condition}: {self.fail}")

    @property
    def e(self) -> str:
        """The local that holds the evaluation; a function that names it gets it."""
        self._pays = True
        return "e"

    def pay(self, units: str) -> None:
        """Count steps of work; now and then the clock is looked at."""
        self.put(f"{self.e}.fuel -= {units}")
        self.put("if e.fuel < 0: e.refuel()")

    def grows(self, collection: str) -> None:
        """A collection begins to grow, element by element; it is looked at whenever the clock is."""
        self.put(f"{self.e}.growing.append({collection})")

    def grown(self, collection: str, each: int) -> None:
        """The collection that began last is whole, and pays for its elements."""
        self.put(f"{self.e}.growing.pop(); e.room -= len({collection}) * {each} + {ENTRY}")
        self.put("if e.room < 0: e.spend(0)")

    # --- what only exact code does, see :mod:`.exact` ----------------------------------------------

    exact = False

    def opened(self) -> str:
        """Something begins of which OPA tries every way before it goes on: the name of a mark."""
        return ""

    def closed(self, mark: str) -> None:
        """It is over."""
        assert not mark

    def leaving(self, mark: str, way: str) -> str:
        """A statement that leaves it."""
        assert not mark
        return way

    @contextmanager
    def function(self, head: str, fail: str) -> Iterator[None]:
        """A function definition with its own way to fail."""
        saved = (self.indent, self.fail, self.nesting)
        self.put(head)
        at = len(self.lines)
        self.indent += 1
        self.fail, self.nesting = fail, 0
        yield
        self.indent, self.fail, self.nesting = saved
        if not self.indent and self._pays:  # functions inside it see its locals
            self.lines.insert(at, " e = s.e")
            self._pays = False

    # --- blocks ----------------------------------------------------------------------------------

    def flow(self, ops_left: tuple[ops.Op, ...], end: Callable[[], None], leave: str) -> None:
        """Instructions, then the end, at this indentation; ``leave`` is a statement that leaves all scans on a stop."""
        base_indent, base_fail, base_nesting = self.indent, self.fail, self.nesting
        rounds = len(self.rounds)
        for i, op in enumerate(ops_left):
            if isinstance(op, ops.LOOPS) and self.nesting >= MAX_NESTING:
                self.outline(ops_left[i:], end, leave)
                break
            self.op(op)
        else:
            end()
        self._close(leave, self.rounds[rounds:])
        del self.rounds[rounds:]
        self.indent, self.fail, self.nesting = base_indent, base_fail, base_nesting

    def _close(self, leave: str, rounds: list[str]) -> None:
        """Step out of the scans, handing a stop outwards: ``leave`` runs after each inner scan, and ends its round."""
        for mark in rounds[:0:-1]:
            self.closed(mark)
            self.indent -= 1
            if leave:
                self.put(leave)
        if rounds:
            self.closed(rounds[0])

    def outline(self, rest: tuple[ops.Op, ...], end: Callable[[], None], leave: str) -> None:
        """Go on in a nested function, which gives True on a stop."""
        name = self.fresh("f")
        flags = [f for f in self.flags if f]
        with self.function(f"def {name}():", "return"):
            if flags:
                self.put("nonlocal " + ", ".join(flags))
            self.flow(rest, end, leave.replace("break", "return") if leave else "")
            self.put("return")
        self.put(f"{name}()")
        if leave:
            self.put(leave)

    @contextmanager
    def once(self) -> Iterator[None]:
        """A one-round loop around a block, so that its failures can leave it."""
        saved = (self.indent, self.fail, self.nesting)
        self.put("while True:")
        self.indent += 1
        self.nesting += 1
        self.fail = "break"
        yield
        self.put("break")
        self.indent, self.fail, self.nesting = saved

    def solution(self, block: Block) -> str:
        """Run a block for its first solution, or for all; the name of a flag that says whether there was one."""
        flag = self.fresh("n")
        stop = isinstance(block.end, ops.Found) and block.end.stop
        mark = self.opened()
        self.put(f"{flag} = False")
        self.flags.append(flag)
        if self.nesting >= MAX_NESTING:
            name = self.fresh("f")
            with self.function(f"def {name}():", "return"):
                self.put("nonlocal " + ", ".join(self.flags))
                self._solve(block, flag, stop)
            self.put(f"{name}()")
        else:
            with self.once():
                self._solve(block, flag, stop)
        self.flags.pop()
        self.closed(mark)
        return flag

    def _solve(self, block: Block, flag: str, stop: bool) -> None:
        base = self.indent

        def end() -> None:
            self.put(f"{flag} = True")
            if stop and self.indent > base:
                self.put("break")

        self.flow(block.ops, end, f"if {flag}: break" if stop else "")
