"""Conflicts between the values of a complete rule or function: once there is one, which values there are, and whence.

The rules are run again to list what each gives, so that nothing of this costs an evaluation without a conflict. Then
the evaluation goes on with the first value: OPA goes on with each value as soon as it has it, and meets what goes wrong
there before another value. The conflict ends the evaluation when what rests on that value has been evaluated, see
:class:`Pending`.
"""

from __future__ import annotations

from ..errors import EVAL_CONFLICT_ERROR, EvalError, RegoError
from ..places import NO_LOCATION, Location
from ..records import record
from ..values import UNDEFINED, equal, key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Final, TypeAlias

    from ..values import Key, Value
    from .state import State

MOST: Final = 10
"""How many values a message lists."""

WIDTH: Final = 80
"""How many characters of a value it shows."""

Rules: TypeAlias = "Sequence[Sequence[tuple[Callable[..., Value], Location]]]"
"""The code of each rule, ``else`` branches after it, and where they stand."""


class Conflict(EvalError):
    """One rule has given two values that differ."""

    def __init__(
        self, message: str, location: Location, first: Value = UNDEFINED, second: Value = UNDEFINED, rule: int = -1
    ) -> None:
        super().__init__(EVAL_CONFLICT_ERROR, message, location)
        self.first = first
        self.second = second
        self._rule = rule

    @property
    def rule(self) -> int:
        """The number of the rule that gave the value that differs; -1 where that is not known."""
        trace = self.__traceback__
        if self._rule >= 0 or trace is None or trace.tb_next is None:
            return self._rule
        return _rule_of(trace.tb_next.tb_frame)


Way: TypeAlias = "tuple[tuple[FrameType, int], ...]"


@record(frozen=True, slots=True, eq=False)
class Postponed:
    """A conflict that waits for what rests on the first value. ``depth`` is how many collections were being made."""

    depth: int
    way: Way
    rule: int
    """The number of the rule that gave the value that differs."""
    error: EvalError
    values: tuple[Value, ...]
    """What the rules give, the first value first."""
    lines: str
    first: Location
    """Where the rule stands that gave the first value."""
    call: tuple[str, Key]


def way_here() -> Way:
    """The code of the policy that is running, the one that called first before the others, each with its line."""
    found: list[tuple[FrameType, int]] = []
    from inspect import currentframe  # late: only conflicts need it

    frame = currentframe()
    while frame is not None:
        if frame.f_code.co_filename == "<policy>":
            found.append((frame, frame.f_lineno))
        frame = frame.f_back
    return tuple(reversed(found))


def _rule_of(frame: FrameType) -> int:
    """The number of the rule whose code it is, among those of its document; -1 of other code."""
    name = frame.f_code.co_name
    return int(name.split("_")[-2]) if name.startswith("b") and frame.f_code.co_filename == "<policy>" else -1


def _parted(a: Way, b: Way) -> tuple[Way, Way]:
    """Two ways from the last code that they have in common."""
    at = 0
    while at + 1 < min(len(a), len(b)) and a[at + 1][0] is b[at + 1][0]:
        at += 1
    return a[at:], b[at:]


OWED: Final = 1 << 70
"""Room that an evaluation with a conflict lacks: who looks at what is left comes here, and nobody else has to."""


class Pending(list["Postponed"]):
    """The conflicts that an evaluation has met and not raised yet; those within the continuation of others are last."""

    __slots__ = ()

    def add(self, conflict: Postponed) -> None:
        """One more, unless the same call has given it before, or OPA does not come to it.

        Raises the error of the last one where the code that called there is behind that call: then all that rests on
        its value has been evaluated.
        """
        if any(conflict.call == other.call for other in self):
            return
        match self._since(conflict.way, conflict.rule):
            case "over":
                raise self.error()
            case "later":
                return
        self.append(conflict)

    def comes_first(self) -> bool:
        """Whether the last one is raised before what happens now."""
        return bool(self) and self._since(way_here(), -1) != ""

    def _since(self, way: Way, rule: int) -> str:
        """What has become of the evaluation of what rests on the last one's value: it is at it, or that is over.

        What comes from another ``rule`` of a document that asks its rules in turn comes ``later`` in any case.
        """
        if not self:
            return ""
        here, there = _parted(way, self[-1].way)
        if len(there) > 1 and _rule_of(there[1][0]) >= 0:
            return "" if len(here) == 1 and rule == _rule_of(there[1][0]) else "later"
        return "over" if here and there and here[0][1] <= there[0][1] else ""

    def forget(self, after: int) -> None:
        """Forget what was met after so many."""
        del self[after:]

    def last_values(self) -> tuple[Value, ...]:
        """The values between which the last one is."""
        return self[-1].values

    def deepest(self) -> int:
        """How many collections were being made when the last one was met; -1 without any."""
        return self[-1].depth if self else -1

    def error(self) -> EvalError:
        """The error of the last one. Others list their values too if it is one of the rule that gave the first."""
        *others, last = self
        message = last.error.message
        for other in reversed(others):
            if other.first == last.error.location:
                message += other.lines
        return EvalError(last.error.code, message, last.error.location)


def listed(error: Conflict, rules: Rules, state: State, *operands: Value) -> Value:
    """Postpone a conflict, with every value that differs from the first one, in the order of the text; the first value.

    Raises the error where the values are not there any more.
    """
    e = state.e
    before = len(e.pending)
    found: list[tuple[Location, Value]] = []
    more = False
    try:
        for rule in rules:
            for block, location in rule:
                values = _values(block, state, operands)
                for value in values:
                    if not found:
                        found.append((location, value))
                    elif not equal(found[0][1], value):
                        more = len(found) == MOST
                        found.extend([] if more else [(location, value)])
                        break
                if values:
                    break
            if more:
                break
    except RegoError:
        pass  # what else goes wrong now is not what ended the evaluation
    e.take_back(before)
    if len(found) < 2:
        raise EvalError(error.code, error.message, error.location) from None
    (first, value), (where, _) = found[:2]
    values = tuple([v for _, v in found])
    found.sort(key=lambda f: (f[0].file, f[0].row, f[0].col))
    lines = "".join([":", *(f"\n  {_shown(v)} at {place}" for place, v in found), *(["\n  ..."] if more else [])])
    conflict = EvalError(error.code, error.message + lines, where)
    e.postpone(
        Postponed(
            len(e.growing), way_here(), error.rule, conflict, values, lines, first, (error.message, key(list(operands)))
        )
    )
    return value


def each(state: State, function: Callable[..., Value], *operands: Value) -> tuple[Value, ...]:
    """Every value that the rules of a function give, of which the caller takes one that it knows."""
    pending = state.e.pending
    before = len(pending)
    value = function(state, *operands)
    if value is UNDEFINED:
        return ()
    values = pending.last_values() if len(pending) > before else ()
    if not values or values[0] is not value:
        return (value,)
    state.e.take_back(len(pending) - 1)
    return tuple([v for i, v in enumerate(values) if not any(equal(v, w) for w in values[:i])])


def put_off(fault: EvalError, state: State) -> None:
    """Postpone what went wrong in a rule whose document has a value: OPA asks the rule when it is done with that."""
    e = state.e
    e.postpone(Postponed(len(e.growing), way_here(), -1, fault, (), "", NO_LOCATION, ("", id(fault))))


def _values(block: Callable[..., Value], state: State, operands: tuple[Value, ...]) -> tuple[Value, ...]:
    """The value that a rule gives, or the two that differ; empty where it gives none."""
    try:
        value = block(state, *operands)
    except Conflict as conflict:
        return conflict.first, conflict.second
    return () if value is UNDEFINED else (value,)


def _shown(value: Value) -> str:
    from ..text import term  # late: only conflicts need it

    text = " ".join(term(value).split())
    return text if len(text) <= WIDTH else text[:WIDTH] + "..."
