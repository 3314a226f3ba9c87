"""The events of an evaluation, and which of them a mode shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from ...rego import LimitError, Location
from ...rego.syntax.nodes import Body, Expr, Ref, Rule, Term, Var

Node: TypeAlias = "Body | Expr | Rule"

MAX_EVENTS: Final = 200_000
"""Events that one trace may have; an evaluation with more is not traced any further."""


@dataclass(frozen=True, slots=True)
class Event:
    """One step. ``query`` numbers the body that it belongs to, ``parent`` the one that asked for that.

    ``bound`` has the variables of the body that were bound then, ``known`` the documents in the expression that had
    been found before; they are only filled where somebody will see them.
    """

    op: str
    node: Node
    location: Location
    query: int
    parent: int
    message: str = ""
    ref: Ref | None = None
    bound: tuple[tuple[Var, Term], ...] = ()
    known: tuple[tuple[Ref, Term], ...] = ()


@dataclass(slots=True)
class Recorder:
    """Takes events, and holds them where ``keep`` says so; ``heard`` is told of each at once."""

    heard: Callable[[Event], None] | None = None
    bindings: bool = False
    keep: bool = True
    events: list[Event] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Take an event. Raises :class:`LimitError` where there are too many to hold."""
        if self.keep:
            if len(self.events) >= MAX_EVENTS:
                raise LimitError("output", f"more than {MAX_EVENTS} steps: the trace ends here", event.location)
            self.events.append(event)
        if self.heard is not None:
            self.heard(event)


def full(events: Sequence[Event]) -> list[Event]:
    """All but unifications."""
    return [e for e in events if e.op != "Unify"]


def notes(events: Sequence[Event]) -> list[Event]:
    """What ``trace(…)`` said, each with the way there."""
    return with_ways(events, "Note")


def fails(events: Sequence[Event]) -> list[Event]:
    """What failed, each with the way there."""
    return with_ways(events, "Fail")


def debug(events: Sequence[Event]) -> list[Event]:
    """Everything."""
    return list(events)


MODES: Final[Mapping[str, Callable[[Sequence[Event]], list[Event]]]] = {
    "full": full, "notes": notes, "fails": fails, "debug": debug,
}  # fmt: skip
"""What each mode of ``trace`` shows."""


def with_ways(events: Sequence[Event], *ops: str) -> list[Event]:
    """The events of some kinds, each behind the last events at which the bodies around it were entered."""
    found: list[Event] = []
    entered: dict[int, Event] = {}
    for event in events:
        if event.op in ops:
            way = [event]
            at = entered.get(event.query)
            before: Event | None = None
            while at is not None and at is not before:
                way.append(at)
                before, at = at, entered.get(at.parent)
            found.extend(reversed(way))
            entered.clear()
        if event.op in ("Enter", "Redo") and not isinstance(event.node, Expr):
            entered[event.query] = event
    return found
