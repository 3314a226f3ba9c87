"""Where an evaluation spent its time, by line, as OPA's profiler counts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...rego import Location
from ...rego.syntax.nodes import Expr
from .events import Event

SHOWN: Final = 10
"""Lines that are shown at most where nothing else is asked for."""

ORDER: Final = ("total_time_ns", "num_eval", "num_redo", "file", "line")
"""By what lines are sorted, the largest first: the first of these by which they differ."""


@dataclass(slots=True)
class Line:
    """What the expressions of one line took: nanoseconds, and how often they were evaluated and gone back to."""

    location: Location
    time: int = 0
    evaluated: int = 0
    redone: int = 0
    expressions: set[int] = field(default_factory=set)


CRITERIA: Final[Mapping[str, Callable[[Line], int | str]]] = {
    "total_time_ns": lambda line: line.time,
    "num_eval": lambda line: line.evaluated,
    "num_redo": lambda line: line.redone,
    "num_gen_expr": lambda line: len(line.expressions),
    "file": lambda line: line.location.file,
    "line": lambda line: line.location.row,
}
"""What lines can be sorted by."""


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

    def lines(self, most: int = SHOWN, order: Sequence[str] = ()) -> list[Line]:
        """The first lines, all where ``most`` is 0, in an order of some of :data:`CRITERIA` and then the usual one."""
        self._end()
        self._last = None
        found = list(self._lines.values())
        for name in reversed((*order, *(o for o in ORDER if o not in order))):
            found.sort(key=CRITERIA[name], reverse=True)
        return found[:most] if most > 0 else found
