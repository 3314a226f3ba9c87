"""Where an evaluation spent its time, by line, as OPA's profiler counts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ...rego import Location
from ...rego.syntax.nodes import Expr
from .events import Event

SHOWN: Final = 10
"""Lines that are shown at most, those that took longest."""


@dataclass(slots=True)
class Line:
    """What the expressions of one line took: nanoseconds, and how often they were evaluated and gone back to."""

    location: Location
    time: int = 0
    evaluated: int = 0
    redone: int = 0
    expressions: set[int] = field(default_factory=set)


class Profiler:
    """Hears events and counts. What passes until the next expression is the time of the one before."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lines: dict[tuple[str, int], Line] = {}
        self._last: Line | None = None
        self._since = 0

    def __call__(self, event: Event) -> None:
        """Hear an event."""
        if event.op not in ("Eval", "Redo") or not isinstance(event.node, Expr):
            return
        self._end()
        location = event.node.loc
        line = self._lines.setdefault((location.file, location.row), Line(location))
        line.expressions.add(event.node.index)
        if event.op == "Eval":
            line.evaluated += 1
        else:
            line.redone += 1
        self._last = line

    def _end(self) -> None:
        now = self._clock()
        if self._last is not None:
            self._last.time += now - self._since
        self._since = now

    def lines(self) -> list[Line]:
        """The lines that took longest."""
        self._end()
        self._last = None
        return sorted(self._lines.values(), key=lambda x: -x.time)[:SHOWN]
