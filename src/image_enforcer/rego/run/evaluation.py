"""An evaluation: its limits and what it has cost so far, what is tried within it, what built-ins may ask it for."""

from __future__ import annotations

from ..errors import (
    EVAL_BUILTIN_ERROR,
    EVAL_CONFLICT_ERROR,
    EVAL_TYPE_ERROR,
    BuiltinError,
    EvalError,
    LimitError,
    OperandError,
    OutputsError,
)
from ..meter import CELL, ENTRY
from ..places import NO_LOCATION
from ..records import replace
from ..values import UNDEFINED, RegoSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..outside import Network
    from ..places import Location
    from ..values import Key, Value
    from .limits import Host, Limits
    from .state import State

CHUNK = 5_000
"""Units between two looks at the clock: a millisecond or so of work."""

BOUNDLESS = 1 << 62

MOST_STEPS = 20_000_000
"""What is announced in one piece may run unwatched: some seconds of work."""


class Abandoned(Exception):
    """What a try needs is more than it was allowed."""


class Evaluation:
    """What is one for all states of an evaluation: limits, host, strictness; the context of built-ins."""

    __slots__ = (
        "_now", "cache", "fuel", "granted", "growing", "host", "left", "limits", "location", "pending", "room", "start",
        "strict", "until", "used",
    )  # fmt: skip

    def __init__(self, limits: Limits, host: Host, strict: bool) -> None:
        self.limits = limits
        self.host = host
        self.strict = strict
        self.fuel = self.granted = CHUNK
        self.used = 0  # units, without those of the chunk at hand
        self.until: int | None = None  # the end of a try, in units used
        self.left = limits.units
        self.room = BOUNDLESS if limits.memory is None else limits.memory
        self.growing: list[list[Value] | dict[Key, Value]] = []
        self.pending: list[EvalError] = []  # of exact code only: what ends the evaluation when its time has come
        self.start: float | None = None if limits.seconds is None else host.monotonic()
        self._now: int | None = None
        self.cache: dict[Any, Any] = {}
        self.location = NO_LOCATION

    def again(self) -> Evaluation:
        """The same evaluation once more: nothing is printed or noted twice, and no more time is left."""
        host = replace(self.host, print=None, note=None, case=None)
        new = Evaluation(self.limits, host, self.strict)
        new.start, new._now, new.cache = self.start, self._now, self.cache
        return new

    # --- cost ------------------------------------------------------------------------------------

    def refuel(self) -> None:
        """Called when a chunk of units is used up: raise ``LimitError``, or grant the next one."""
        used = self.granted - self.fuel
        self.used += used
        self.fuel = self.granted = CHUNK
        if self.left is not None:
            self.left -= used
            if self.left < 0:
                raise LimitError("units", f"evaluation needs more than {self.limits.units} steps")
        held = sum([len(c) * (CELL if type(c) is list else ENTRY) for c in self.growing])
        if self.room < held:
            raise self._out_of_memory()
        seconds = self.limits.seconds
        if seconds is not None and self.start is not None and self.host.monotonic() - self.start > seconds:
            raise LimitError("time", f"evaluation took longer than {seconds:g} s")
        if self.until is not None:
            self.fuel = self.granted = min(CHUNK, self.until - self.used)
            if self.fuel <= 0:
                raise Abandoned

    def may_try(self, allowance: int) -> bool:
        """Whether something may be tried: not within a try, nor where the limit is so near that it would be met."""
        return self.until is None and (self.left is None or self.left + self.fuel - self.granted >= 2 * allowance)

    def attempt(self, make: Callable[[State], Value], state: State, allowance: int) -> Value:
        """What ``make`` gives, or UNDEFINED where it needs more units than allowed, or more memory than is left."""
        self.refuel()
        depth, room = len(self.growing), self.room
        self.until = self.used + allowance
        self.fuel = self.granted = min(CHUNK, allowance)
        try:
            return make(state)
        except Abandoned:
            pass
        except LimitError as crossed:
            if crossed.kind not in ("units", "memory"):
                raise
        finally:
            self.until = None
        del self.growing[depth:]
        self.room = room
        self.refuel()
        return UNDEFINED

    def postpone(self, error: EvalError) -> None:
        """An error is to be raised when what rests on a value that there is has been evaluated."""
        if not any(error is other for other in self.pending):
            self.pending.append(error)

    def due(self, mark: int) -> None:
        """Something is over at whose beginning so many errors waited: the last of those met since is raised."""
        if len(self.pending) > mark:
            raise self.pending[-1]

    def _out_of_memory(self) -> LimitError:
        return LimitError("memory", f"evaluation makes more than {self.limits.memory} bytes")

    def spend(self, steps: int, size: int = 0) -> None:
        """Steps of work and bytes of memory to come."""
        self.room -= size
        if self.room < 0:
            raise self._out_of_memory()
        if steps > MOST_STEPS:
            raise LimitError("units", f"one call of a built-in needs more than {MOST_STEPS} steps")
        self.fuel -= steps
        if self.fuel < 0:
            self.refuel()

    def made(self, value: Value) -> None:
        """A built-in has made a value of any kind."""
        t = type(value)
        if t is str:
            self.room -= len(value) + 50
        elif t is list:
            self.room -= len(value) * CELL
        elif t is dict or t is RegoSet:
            self.room -= len(value) * ENTRY
        elif t is int:
            self.room -= value.bit_length() >> 3

    # --- what built-ins ask for ------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The evaluation's time; read once."""
        if self._now is None:
            self._now = self.host.now_ns()
        return self._now

    @property
    def seconds_left(self) -> float | None:
        """How long the evaluation may still take, None where that is not bounded."""
        seconds = self.limits.seconds
        return None if seconds is None or self.start is None else seconds - (self.host.monotonic() - self.start)

    @property
    def network(self) -> Network | None:
        """What may be reached, None by default."""
        return self.host.network

    @property
    def runtime(self) -> Value:
        """What a policy may know of the program that it runs in."""
        return self.host.runtime

    def random_bytes(self, count: int) -> bytes:
        """Bytes from the host."""
        return self.host.random_bytes(count)

    def note(self, message: str) -> None:
        """A ``trace`` event."""
        if self.host.note is not None:
            self.host.note(message, self.location)

    def case(self, path: Value) -> None:
        """A case of a test is at hand."""
        if self.host.case is not None:
            self.host.case(path)

    def fault(self, error: BuiltinError, name: str, location: Location) -> None:
        """A built-in has failed: nothing outside strict mode, where the call is undefined, unless all must end."""
        if isinstance(error, OutputsError):
            raise EvalError(EVAL_CONFLICT_ERROR, str(error), location) from error
        if self.strict:
            code = EVAL_TYPE_ERROR if isinstance(error, OperandError) else EVAL_BUILTIN_ERROR
            raise EvalError(code, f"{name}: {error}", location) from error
