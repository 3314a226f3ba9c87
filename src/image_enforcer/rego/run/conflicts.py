"""Conflicts between the values of a complete rule or function: which values there are, and whence.

Ordinary code ends with the first conflict that it meets; then exact code (:mod:`.exact`) finds out which error it is
that OPA ends with, and what it says.
"""

from __future__ import annotations

from ..errors import EVAL_CONFLICT_ERROR, EvalError, RegoError
from ..places import Location
from ..values import UNDEFINED, equal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final, TypeAlias

    from ..values import Value
    from .state import Known, State

MOST: Final = 10
"""How many values a message lists."""

WIDTH: Final = 80
"""How many characters of a value it shows."""

Rules: TypeAlias = "Sequence[Sequence[tuple[Callable[..., Value], Location]]]"
"""The code of each rule, ``else`` branches after it, and where they stand."""


class Conflict(EvalError):
    """The rules of a document have given values that differ: at least two of them, the first one first."""

    def __init__(self, message: str, location: Location, *values: Value) -> None:
        super().__init__(EVAL_CONFLICT_ERROR, message, location)
        self.values = values


class ListedConflict(Conflict):
    """A conflict with all of the values, and ``lines`` that show them; ``first`` is where the first one comes from."""

    def __init__(self, error: Conflict, lines: str, first: Location, where: Location, *values: Value) -> None:
        super().__init__(error.message + lines, where, *values)
        self.lines = lines
        self.first = first
        self.ahead = False  # whether it was met while later values were looked for


def late(state: State, known: Known) -> None:
    """Errors were met after a value, when so much was known: the last one waits, and nothing else is known of it.

    OPA looks for what comes after a value only when all that rests on the value has been evaluated.
    """
    pending = state.e.pending
    new = pending[known.waiting :]
    if new:
        error = told(new[-1], new)
        pending[known.waiting :] = [error]
        if type(error) is ListedConflict:
            error.ahead = True
    state.forget(known)


def listed(mark: int, known: Known | None, rules: Rules, state: State, *operands: Value) -> None:
    """The rules of a document have been run; so much was ``known`` when there was a value and others were looked for.

    If more than ``mark`` errors wait and the last one is these rules' conflict, it comes to name every value that
    differs from the first. The rules are run again.
    """
    pending = state.e.pending
    if len(pending) <= mark:
        return
    known = state.known() if known is None else known
    late(state, known)
    error = pending[-1]
    if type(error) is Conflict:
        pending[-1] = _with_values(error, rules, state, operands)
        state.forget(known)


def _with_values(error: Conflict, rules: Rules, state: State, operands: tuple[Value, ...]) -> Conflict:
    found: list[tuple[Location, Value]] = []
    more = ended = False
    for rule in rules:
        for block, location in rule:
            values, ended = _values(block, state, operands)
            for value in values:
                if not found:
                    found.append((location, value))
                elif not equal(found[0][1], value):
                    more = len(found) == MOST
                    found.extend([] if more else [(location, value)])
                    ended = False  # OPA is done with the rule then
                    break
            if values or ended:
                break
        if more or ended:  # what else goes wrong now is not what ended the evaluation
            break
    if len(found) < 2:
        return error
    (first, _), (where, _) = found[:2]
    all_values = [v for _, v in found]
    found.sort(key=lambda f: (f[0].file, f[0].row, f[0].col))
    lines = [":", *(f"\n  {_shown(v)} at {place}" for place, v in found), *["\n  ..."] * more]
    return ListedConflict(error, "".join(lines), first, where, *all_values)


def told(error: EvalError, pending: Sequence[EvalError]) -> EvalError:
    """An error as OPA tells of it where others waited: those of the rule whose conflict it is add their values."""
    lines = [
        other.lines
        for other in reversed(pending)
        if other is not error and type(other) is ListedConflict and not other.ahead and other.first == error.location
    ]
    return EvalError(error.code, error.message + "".join(lines), error.location) if lines else error


def _values(block: Callable[..., Value], state: State, operands: tuple[Value, ...]) -> tuple[tuple[Value, ...], bool]:
    """The value that a rule gives, or the two that differ; and whether something else has gone wrong."""
    pending, strict = state.e.pending, state.e.strict
    before = len(pending)
    state.e.strict = False  # faults of built-ins end nothing now
    try:
        value = block(state, *operands)
    except RegoError:
        del pending[before:]
        return (), True
    finally:
        state.e.strict = strict
    new = pending[before:]
    del pending[before:]
    if new and type(new[-1]) is Conflict:
        return new[-1].values, False
    return () if value is UNDEFINED else (value,), bool(new)


def _shown(value: Value) -> str:
    from ..text import term  # late: only conflicts need it

    text = " ".join(term(value).split())
    return text if len(text) <= WIDTH else text[:WIDTH] + "..."
