"""How the word that no more answers are needed goes up, as OPA's early exit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Then: TypeAlias = Callable[[], None]


class Exit(Exception):
    """No more answers are needed; ``before`` is what a caller further up had said."""

    def __init__(self, before: Exit | None = None) -> None:
        super().__init__()
        self.before = before


class EarlyExit(Exit):
    """The body at hand needs one answer only, and has it."""


class LateExit(Exit):
    """A caller needs no more, but the body at hand has to look at all of its own answers first."""


class Untraceable(Exception):
    """Something that is not explained; the text says what."""


@dataclass(slots=True)
class Later:
    """Keeps the first late exit while other answers are looked for."""

    exit: LateExit | None = None

    def __call__(self, run: Then) -> None:
        """Run, and keep a late exit for :meth:`end`."""
        try:
            run()
        except LateExit as e:
            self.exit = self.exit or e

    def end(self) -> None:
        """Raise what was kept."""
        if self.exit is not None:
            raise self.exit


def suppressed(run: Then) -> None:
    """Run a rule: what it said itself ends here, and what its callers have said goes on."""
    try:
        run()
    except Exit as e:
        if e.before is not None:
            raise e.before from None
