"""From plans to callables: routines are planned, written, compiled and put in place when a query first needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any, cast

from ..builtins import catalog
from ..builtins.contract import Builtin
from ..errors import BuiltinError, CompileError, LimitError
from ..places import Location
from ..plan.documents import Node
from ..plan.membership import Questions
from ..plan.ops import Routine
from ..plan.program import ProgramPlanner
from ..plan.purity import Purity, calls_on
from ..plan.relaxing import relaxed
from ..plan.savings import ALL, Savings
from ..plan.streams import Streams
from ..records import replace
from ..signatures import signatures
from ..syntax import nodes as ast
from ..types import BOOLEAN, NUMBER
from ..values import UNDEFINED, Value
from .exact import ExactWriter
from .instructions import InstructionWriter
from .names import Names
from .namespace import shared
from .routines import write_routine
from .state import State
from .writer import Traits

WHOLE = "w"
"""Marks the form of a routine that makes every set, beside one that does not."""


class Linked:
    """The generated code of one policy: functions by document and demand, made as they are needed.

    In ``strict`` code a built-in that fails ends the evaluation. Safe to use from several threads: functions only
    ever get added, under a lock.
    """

    def __init__(
        self, modules: Mapping[str, ast.Module], bodies: Sequence[ast.Body] = (), *, strict: bool = False,
        savings: Savings = ALL, exact: bool = False,
    ) -> None:  # fmt: skip
        self._given = (modules, bodies)
        self._exact = exact
        self.savings = savings
        self.planner = ProgramPlanner(modules, bodies, savings, strict=strict)
        self.world = self.planner.world
        self.purity = Purity(self.planner)
        self.questions = Questions(self.planner)
        self.streams = None if strict or not savings.streams else Streams(self.planner, modules, self.questions.raising)
        self.slots = len(self.world.documents)
        self.nothing: list[Value] = [*[None] * self.slots, {}]  # what is kept where there is nothing to keep it with
        self.names = Names()
        self.traits = Traits(
            lambda name: self._builtin(name).context, _sizeable, self.purity.static, self.world.slot,
            lambda number: self.world.documents[number].shares, strict,
        )  # fmt: skip
        self.namespace = self.names.globals
        self.source: list[str] = []
        self._made: set[tuple[int, str]] = set()
        self._asked: set[int] = set()
        self._lock = threading.RLock()
        self.namespace.update(shared())

    def exact(self) -> Linked:
        """The same policy as code that meets errors in OPA's order, see :mod:`.exact`."""
        savings = replace(self.savings, questions=False, streams=False, order=False)
        return Linked(*self._given, strict=self.traits.strict, savings=savings, exact=True)

    # --- what running code asks for --------------------------------------------------------------

    def node(self, path: tuple[Value, ...]) -> Node | None:
        """The node of the document tree at a path."""
        return self.world.find(path)

    def document(self, number: int) -> Callable[[State], Value]:
        """The function of a whole document; it looks into the memo first."""
        self.ensure([(number, "")])
        fn = self.namespace[f"d{number}_"]
        with self._lock:
            if self.world.documents[number].shares:
                return cast(Callable[[State], Value], fn)
            static, slot = self.purity.static(number), self.world.slot(number)

        def remembered(s: State) -> Value:
            got = s.g[slot] if static else None
            if got is None:
                got = s.m[slot]
            return fn(s) if got is None else got  # type: ignore[operator]

        return remembered

    def mock(
        self, s: State, name: str, loc: Location, *args: Value, wanted: str = "", given: tuple[Value, ...] = ()
    ) -> Value:
        """Call what ``with`` has put in the place of a function; a built-in's fault is one of the call at ``loc``.

        ``wanted`` is the form of a function that is asked for a value, ``given`` its parts that are known.
        """
        assert s.mocks is not None
        is_function, what = s.mocks[name]
        if not is_function:
            return what
        if type(what) is tuple:
            node = self.world.find(what)
            if node is None or node.kind != "function":
                return s.extent(what)
            if wanted:
                self.planner.world.asked.add(node.doc)
            try:
                self.ensure([(node.doc, wanted)])
            except CompileError as refused:
                raise LimitError("memory", refused.problems[0].message, loc) from None
            return self.namespace[f"d{node.doc}_{wanted}"](s.unmocked(), *args, *given)  # type: ignore[operator]
        builtin = self._builtin(what)
        try:
            found = builtin.fn(s.e, *args) if builtin.context else builtin.fn(*args)
        except BuiltinError as fault:
            s.e.fault(fault, what, loc)
            return UNDEFINED
        s.e.made(found)
        return found

    # --- making ----------------------------------------------------------------------------------

    def query(self, body: ast.Body, names: Sequence[str]) -> Callable[[State, list[Any]], None]:
        """The function of a query: it appends a tuple of the variables' values for each solution."""
        with self._lock:
            routine = self._asking(self.planner.query(body, names))
            writer = self._writer()
            write_routine(writer, routine, "")
            return cast(Callable[[State, list[Any]], None], self._compile(writer, "query"))

    def ensure(self, wanted: Sequence[tuple[int, str]]) -> None:
        """Make the functions of documents, and of all that they refer to, if they are not there yet.

        They count as made when all are there: other threads call them then. What could not be made stays wanted.
        """
        if all(w in self._made for w in wanted):
            return
        with self._lock:
            todo = list(wanted)
            made: set[tuple[int, str]] = set()
            while todo or self.names.wanted:
                doc, mask = item = todo.pop() if todo else self.names.wanted.pop()
                if item in self._made or item in made:
                    continue
                self.names.wanted.append(item)  # stays there where it cannot be made
                wanted_before = len(self.names.wanted)
                self._make(doc, mask)
                del self.names.wanted[wanted_before - 1]
                made.add(item)
                for item in self._newly_asked():
                    if item in self._made or item in made:
                        self._made.discard(item)
                        made.discard(item)
                        todo.append(item)
            self._made |= made

    def _newly_asked(self) -> list[tuple[int, str]]:
        """Functions of which it turns out that they are asked for a value: they have to remember what they give."""
        found = self.planner.world.asked - self._asked
        self._asked |= found
        return [(doc, "") for doc in found]

    def _memo(self, doc: int, routine: Routine) -> str:
        """Where what a routine gives is remembered. OPA remembers each call; where one costs little nobody can tell."""
        if not self.savings.memory:
            return ""
        if routine.kind == "function":
            if len(routine.params) <= routine.wanted:
                return ""
            if routine.mask or doc in self.planner.world.asked:
                return "K"  # what was wanted first decides what it gives later
            return "k" if self._exact or calls_on(routine) else ""
        return ("g" if self.purity.static(doc) else "m") if routine.memo else ""

    def _make(self, doc: int, mask: str) -> None:
        plain = self.planner.question(doc) if mask == "q" else self.planner.routine(doc, mask)
        routine = self._asking(plain)
        memo = self._memo(doc, routine)
        if self.savings.order and not self.traits.strict:
            routine = relaxed(routine, self.questions.raising)
        shorter = None if self.streams is None or mask else self.streams.applied(routine, self.purity.static)
        writer = self._writer()
        if shorter is None:
            write_routine(writer, routine, memo)
        else:
            write_routine(writer, replace(routine, mask=WHOLE), memo)
            write_routine(writer, shorter, memo, instead=WHOLE)
        self._run(writer)

    def _asking(self, routine: Routine) -> Routine:
        return self.questions.placed(routine) if self.savings.questions else routine

    def _writer(self) -> InstructionWriter:
        return (ExactWriter if self._exact else InstructionWriter)(self.names, self.traits)

    def _builtin(self, name: str) -> Builtin:
        return catalog.load(name)

    def _compile(self, writer: InstructionWriter, name: str) -> Any:
        self._run(writer)
        self.ensure(list(self.names.wanted))
        return self.namespace.pop(name)

    def _run(self, writer: InstructionWriter) -> None:
        for builtin, name in self.names.new_builtins:
            self.namespace[name] = self._builtin(builtin).fn
        self.names.new_builtins.clear()
        for lines in (*writer.units, writer.lines):
            text = "\n".join(lines) + "\n"
            self.source.append(text)
            exec(_compiled(text), self.namespace)  # noqa: S102 - our own text: names and numbers only


def _compiled(text: str) -> CodeType:
    """Generated text as code. Raises ``RecursionError`` where it nests deeper than Python can read."""
    try:
        return compile(text, "<policy>", "exec")
    except SyntaxError as e:
        raise RecursionError(str(e)) from None


_LONG_NUMBERS = frozenset(
    {
        "abs", "bits.and", "bits.lsh", "bits.negate", "bits.or", "bits.rsh", "bits.xor", "ceil", "floor", "minus",
        "mul", "plus", "product", "rem", "round", "sum", "to_number",
    }
)  # fmt: skip
"""Built-ins whose result may be an integer of any length."""


def _sizeable(name: str) -> bool:
    """Whether a built-in's result can be anything but a short number or a truth value: then its size counts."""
    return name in _LONG_NUMBERS or signatures()[name].result not in (NUMBER, BOOLEAN, None)
