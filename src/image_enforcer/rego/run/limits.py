"""What an evaluation may cost, and what it may use of the world outside."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..places import Location
from ..values import Value


@dataclass(frozen=True, slots=True)
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


UNLIMITED = Limits(seconds=None, memory=None)


@dataclass(frozen=True, slots=True)
class Host:
    """The outside of an evaluation: clock, randomness, and who hears ``print``, ``trace`` and the cases of tests."""

    now_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    random_bytes: Callable[[int], bytes] = os.urandom
    print: Callable[[str, Location], None] | None = None
    note: Callable[[str, Location], None] | None = None
    case: Callable[[Value], None] | None = None


DEFAULT_HOST = Host()
