"""What a built-in function is: plain Python over values, an entry in its family's table, errors by exception.

A built-in takes its operands as positional arguments and returns a value, or
:data:`~image_enforcer.rego.values.UNDEFINED`. It raises :class:`~image_enforcer.rego.errors.OperandError`
for an operand of the wrong type and :class:`~image_enforcer.rego.errors.BuiltinError` for any other
fault; outside strict mode both mean *undefined*. A ``relation`` returns an iterable of values, each one an
answer of its own. It must never change an operand, and must call :meth:`Context.spend` before work or
memory that its operands' *values* (not their size) can blow up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..records import record
from ..values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..outside import Network


class Context(Protocol):
    """What an evaluation lends to the built-ins that ask for it (``context=True``: it is the first argument)."""

    @property
    def now_ns(self) -> int:
        """The evaluation's time: nanoseconds since 1970, the same throughout one evaluation."""

    @property
    def cache(self) -> dict[Any, Any]:
        """Scratch space that ends with the evaluation (``rand.intn`` and ``uuid.rfc4122`` answer a seed alike)."""

    @property
    def seconds_left(self) -> float | None:
        """How long the evaluation may still take, None where that is not bounded."""

    @property
    def network(self) -> Network | None:
        """What may be reached, None by default."""

    @property
    def runtime(self) -> Value:
        """What a policy may know of the program that it runs in."""

    def random_bytes(self, count: int) -> bytes:
        """Bytes from the evaluation's source of randomness."""

    def spend(self, steps: int, size: int = 0) -> None:
        """Account for loop steps and bytes to come; raises ``LimitError`` when they are too many.

        Call it *before* the work, with exact or over-estimated numbers. Code that has no context calls
        :data:`~image_enforcer.rego.meter.METER` instead, which comes to the same.
        """

    def note(self, message: str) -> None:
        """A ``trace(message)`` event."""

    def case(self, path: Any) -> None:
        """A case of a test is at hand: the keys that lead to it."""


@record(frozen=True, slots=True)
class Builtin:
    """One built-in: its code, whether it wants the context first, whether it answers many times."""

    fn: Callable[..., Any]
    context: bool = False
    relation: bool = False
