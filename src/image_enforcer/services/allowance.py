"""How much work those who ask may cause: so many look-ups a second and at a time, and none again for what just failed.

Whoever may create Pods can name any tag, so what it costs to ask about tags that do not exist is bounded here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What asking may cost the worker and its registries."""

    rate: float = 20.0
    """Look-ups a second, of all."""
    rate_each: float = 5.0
    """Look-ups a second in one repository that is followed; and in all that are not yet, of one registry."""
    burst: float = 4.0
    """Seconds of either rate that may be used at once."""
    at_once: int = 32
    """Look-ups under way, of all."""
    at_once_each: int = 8
    """Look-ups under way at one registry."""
    longest: float = 30.0
    """Seconds that one may take."""
    remembered: int = 10_000
    """Look-ups of which the outcome is kept for a while, and names for which a rate is."""
    followed: int = 10_000
    """Repositories that are followed before asking adds no more."""


BOUNDS: Final = Bounds()


class Rate:
    """One rate: what is saved up when nobody asks is at most a burst."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = max(1.0, rate * burst)
        self._clock = clock
        self._saved = self._most
        self._at = clock()

    def has_one(self) -> bool:
        """Whether one more may be had now."""
        now = self._clock()
        self._saved = min(self._most, self._saved + max(0.0, now - self._at) * self._rate)
        self._at = now
        return self._saved >= 1.0

    def take(self) -> None:
        """Use one."""
        self._saved -= 1.0


class Allowance:
    """The rates of all: a look-up takes one of its own and one of the whole."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float]) -> None:
        self._bounds = bounds
        self._clock = clock
        self._whole = Rate(bounds.rate, bounds.burst, clock)
        self._each: Kept[Rate] = Kept(bounds.remembered, clock)

    def take(self, name: str) -> bool:
        """Whether there may be one more look-up in this name; then it is counted."""
        own = self._each.get(name)
        if own is None:
            own = Rate(self._bounds.rate_each, self._bounds.burst, self._clock)
        self._each.put(name, own, 2 * self._bounds.burst)
        if not (self._whole.has_one() and own.has_one()):
            return False
        self._whole.take()
        own.take()
        return True


class Kept(Generic[_T]):
    """Values that are kept for a while, and no more than so many: the eldest give way."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._kept: dict[str, tuple[float, _T]] = {}

    def get(self, name: str) -> _T | None:
        """What is kept under a name."""
        until, value = self._kept.get(name, (0.0, None))
        return value if value is not None and self._clock() < until else None

    def put(self, name: str, value: _T, seconds: float) -> None:
        """Keep it for so many seconds."""
        self._kept.pop(name, None)
        if len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = self._clock() + seconds, value
