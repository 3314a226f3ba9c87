"""What came of a test: plain data, ready to be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..measuring import Measured

Row: TypeAlias = "tuple[str, ...]"
"""One line of a trace: the place, what happened, and the values where they are wanted."""


@dataclass(frozen=True, slots=True)
class Error:
    """Why a test gave no answer: as it is printed, with the calls on the way there, and as OPA's JSON."""

    text: str
    calls: tuple[str, ...] = ()
    document: Any = None


@dataclass(frozen=True, slots=True)
class FailedAt:
    """The expression that failed, its place, and as much of the text as shows the values in it."""

    place: str
    text: str


@dataclass(slots=True)
class Subcase:
    """One case of a test, or several below one key."""

    name: str
    fail: bool = False
    below: dict[str, Subcase] = field(default_factory=dict)
    failed_at: FailedAt | None = None

    @property
    def outcome(self) -> str:
        """How it is told."""
        return "FAIL" if self.fail else "PASS"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test. ``trace`` is what is to be shown of its steps, ``events`` the same as OPA's JSON."""

    file: str
    row: int
    col: int
    package: str
    name: str
    duration: int = 0
    fail: bool = False
    skip: bool = False
    error: Error | None = None
    output: str = ""
    cases: Mapping[str, Subcase] = field(default_factory=dict)
    trace: tuple[Row, ...] = ()
    events: tuple[Any, ...] = ()
    failed_at: FailedAt | None = None
    measured: Measured | None = None
    notice: str = ""
    """What is to be said on standard error, where anything is."""

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        return not self.fail and not self.skip and self.error is None

    @property
    def outcome(self) -> str:
        """How it is told."""
        if self.passed:
            return "PASS"
        if self.fail:
            return "FAIL"
        return "SKIPPED" if self.skip else "ERROR"


def cases_in_order(cases: Mapping[str, Subcase], above: Row = ()) -> Iterator[tuple[Row, Subcase]]:
    """Every case with the keys that lead to it, those above before those below, by name."""
    for name in sorted(cases):
        path = (*above, name)
        yield path, cases[name]
        yield from cases_in_order(cases[name].below, path)
