"""Conflicts between the values of a complete rule or function: once there is one, which values there are, and whence.

An evaluation stops at the first two values that differ. The rules are then run again to list what each gives, so that
nothing of this costs an evaluation without a conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from ..errors import EVAL_CONFLICT_ERROR, EvalError, RegoError
from ..places import Location
from ..text import term
from ..values import UNDEFINED, Value, equal

if TYPE_CHECKING:
    from .state import State

MOST: Final = 10
"""How many values a message lists."""

WIDTH: Final = 80
"""How many characters of a value it shows."""

Rules: TypeAlias = "Sequence[Sequence[tuple[Callable[..., Value], Location]]]"
"""The code of each rule, ``else`` branches after it, and where they stand."""


class Conflict(EvalError):
    """One rule has given two values that differ."""

    def __init__(self, message: str, location: Location, first: Value = UNDEFINED, second: Value = UNDEFINED) -> None:
        super().__init__(EVAL_CONFLICT_ERROR, message, location)
        self.first = first
        self.second = second


def listed(error: Conflict, rules: Rules, state: State, *operands: Value) -> EvalError:
    """The conflict with every value that differs from the first one, in the order of the text."""
    found: list[tuple[Location, Value]] = []
    more = False
    with suppress(RegoError):  # what else goes wrong now is not what ended the evaluation
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
    message = error.message
    where = error.location
    if len(found) > 1:
        where = found[1][0]
        found.sort(key=lambda f: (f[0].file, f[0].row, f[0].col))
        lines = [f"  {_shown(v)} at {place}" for place, v in found]
        message = "\n".join([message + ":", *lines, *(["  ..."] if more else [])])
    return EvalError(error.code, message, where)


def _values(block: Callable[..., Value], state: State, operands: tuple[Value, ...]) -> tuple[Value, ...]:
    """The value that a rule gives, or the two that differ; empty where it gives none."""
    try:
        value = block(state, *operands)
    except Conflict as conflict:
        return conflict.first, conflict.second
    return () if value is UNDEFINED else (value,)


def _shown(value: Value) -> str:
    text = " ".join(term(value).split())
    return text if len(text) <= WIDTH else text[:WIDTH] + "..."
