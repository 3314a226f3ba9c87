"""Whether a set that is not made yet has a member: its rules are asked for the one, or the set is made after all.

A question costs a scan of what the rules go through, and so does making the set: who asks often enough had better make
it. So it is tried within an allowance, and what the questions have cost so far says how much that is.
"""

from __future__ import annotations

from ..meter import ENTRY
from ..values import UNDEFINED, index_of, key
from .access import member
from .state import LONGEST_KEPT, MOST_ANSWERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..values import Key, Value
    from .state import State

FIRST_TRY = 4_000
"""Units for which a set is made at the first question, once for each revision of the data: a millisecond."""

NEXT_TRY = 5_000
"""Units that questions about a set may take in one evaluation before it is tried to make the set instead."""


class Tally:
    """Questions about one set: what they have cost so far, when that is enough to try making the set, the answers."""

    __slots__ = ("answers", "enough", "kept", "spent")

    def __init__(self, kept: dict[Key, bool] | None) -> None:
        self.spent = 0
        self.enough = NEXT_TRY
        self.kept = kept is not None
        self.answers: dict[Key, bool] = {} if kept is None else kept


def asked(
    state: State, number: int, value: Value, static: bool, make: Callable[[State], Value],
    ask: Callable[[State, Value], bool],
) -> bool:  # fmt: skip
    """Whether a set that is not made yet has a member; ``make`` gives the set, ``ask`` looks for the one.

    The set is made where that could be told from asking: see :mod:`..plan.raising`, and :func:`_plain`.
    """
    tally = state.k.get(number)
    if tally is None:
        by_force = state.lazy is not None or state.targets is not None or state.mocks is not None or state.e.strict
        if by_force or not _plain(value):
            return member(value, make(state))
        made = _first_try(state, number, make) if static else UNDEFINED
        if made is not UNDEFINED:
            return member(value, made)
        snapshot = state.snapshot
        kept = snapshot.answers(state.linked, number) if static and snapshot is not None else None
        tally = state.k[number] = Tally(kept)
    if type(value) is str and value > _DIGITS:
        form: Key = value
    elif _plain(value):
        form = key(value)
    else:
        return member(value, make(state))
    known: bool | None = tally.answers.get(form)
    if known is not None:
        return known
    e = state.e
    if tally.spent >= tally.enough:
        allowance, tally.enough = tally.spent, 2 * tally.spent
        if e.may_try(allowance):
            made = e.attempt(make, state, allowance)
            if made is not UNDEFINED:
                return form in made.members
    before = e.used + e.granted - e.fuel
    found = ask(state, value)
    tally.spent += e.used + e.granted - e.fuel - before
    if not tally.kept:
        e.room -= ENTRY
        tally.answers[form] = found
    elif len(tally.answers) < MOST_ANSWERS and type(form) is str and len(form) <= LONGEST_KEPT:
        tally.answers[form] = found
    return found


def _first_try(state: State, number: int, make: Callable[[State], Value]) -> Value:
    """The set, if it is short; that one is not, is found out once for each snapshot."""
    snapshot = state.snapshot
    if snapshot is None or snapshot.answers(state.linked, number) is not None or not state.e.may_try(FIRST_TRY):
        return UNDEFINED
    made = state.e.attempt(make, state, FIRST_TRY)
    if state.g[number] is None:  # too long to be made, or to be kept
        snapshot.found_long(state.linked, number)
    return made


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
