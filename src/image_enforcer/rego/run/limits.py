"""What an evaluation may cost, and what it may use of the world outside."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import Location


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one evaluation; None means no bound.

    ``seconds`` is wall-clock time; ``units`` counts scanned elements and calls, the same on every machine;
    ``depth`` is how far rules may call rules, in Python frames.
    """

    seconds: float | None = 5.0
    units: int | None = None
    depth: int = 5000
    builtin_units: int = 50_000_000
    """How many list cells or characters a single built-in call may ask for."""


UNLIMITED = Limits(seconds=None)


@dataclass(frozen=True, slots=True)
class Host:
    """The outside of an evaluation: clock, randomness, and who hears ``print`` and ``trace``."""

    now_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    random_bytes: Callable[[int], bytes] = os.urandom
    print: Callable[[str, Location], None] | None = None
    note: Callable[[str, Location], None] | None = None
    labels: dict[str, str] = field(default_factory=dict)


DEFAULT_HOST = Host()
