"""What work on values costs the evaluation that asked for it.

Values are walked far below the code that knows the evaluation: to compare, to hash, to sort, to print. Whoever
may run long or make much there says so here, before doing it. The evaluation that runs in the thread hears it and
raises ``LimitError``; outside an evaluation nobody does.
"""

from __future__ import annotations

import sys
from _thread import _local  # what ``threading.local`` is

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Protocol

    class Payer(Protocol):
        """Who pays: the evaluation."""

        def spend(self, steps: int, size: int = 0) -> None:
            """Account for steps of work and bytes of memory to come; raises ``LimitError`` when they are too many."""


class Meter(_local):
    """One for each thread; ``payer`` is set while an evaluation runs in it."""

    payer: Payer | None = None

    def spend(self, steps: int, size: int = 0) -> None:
        """Pass the cost on, if there is anyone to pay."""
        payer = self.payer
        if payer is not None:
            payer.spend(steps, size)


METER: Final = Meter()

_STACK: Final = 12_000
"""Python frames that nested rules and values may need; Python code does not use the C stack for its calls."""


def make_room() -> bool:
    """Let Python nest as deep as rules and values may; whether it could not before."""
    if sys.getrecursionlimit() >= _STACK:
        return False
    sys.setrecursionlimit(_STACK)
    return True


LARGE: Final = 1024
"""Operands up to this many characters or elements are not worth counting: the call itself costs more."""

CELL: Final = 16
"""Bytes of one place in an array, with something for what stands there."""

ENTRY: Final = 120
"""Bytes of one member of a set or pair of an object, with something for what stands there."""
