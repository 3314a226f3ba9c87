"""What an evaluation may cost, and what it may use of the world outside."""

from __future__ import annotations

import os
import time

from ..records import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..outside import Network
    from ..places import Location
    from ..values import Value


@record(frozen=True, slots=True)
class Limits:
    """Bounds of one evaluation; None means no bound. Crossing one raises ``LimitError`` with its ``kind``.

    How deep rules may call rules (kind ``depth``) is bounded by the interpreter's stack and cannot be set.
    """

    seconds: float | None = 5.0
    """Wall-clock time (kind ``time``)."""
    units: int | None = None
    """Scanned elements, calls and characters worked on, the same on every machine (kind ``units``)."""
    memory: int | None = 40 << 20
    """Bytes that the evaluation may make in all, held or dropped again, about (kind ``memory``)."""


QUERY_MEMORY = 4 << 30
"""Bytes for a query that somebody has asked of all documents at once, on a machine of their own."""

DEFAULT_LIMITS = Limits()
UNLIMITED = Limits(seconds=None, memory=None)


@record(frozen=True, slots=True)
class Host:
    """The outside of an evaluation: clock, randomness, a network, who hears ``print``, ``trace`` and cases of tests.

    ``runtime`` is what ``opa.runtime()`` gives; policies learn nothing by default.
    """

    now_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    random_bytes: Callable[[int], bytes] = os.urandom
    print: Callable[[str, Location], None] | None = None
    note: Callable[[str, Location], None] | None = None
    case: Callable[[Value], None] | None = None
    network: Network | None = None
    runtime: Value = None


DEFAULT_HOST = Host()
