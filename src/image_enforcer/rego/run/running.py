"""Running a query whose code is there, however it came about: input and documents in, solutions out."""

from __future__ import annotations

from ..errors import EVAL_INTERNAL_ERROR, EvalError, LimitError
from ..meter import METER
from ..records import record
from ..values import UNDEFINED
from .conflicts import told
from .evaluation import Evaluation
from .limits import DEFAULT_HOST, DEFAULT_LIMITS
from .snapshot import Snapshot
from .state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from ..places import Location
    from ..plan.documents import Node
    from ..values import Value
    from .limits import Host, Limits

    class Code(Protocol):
        """The functions of a policy, as running code asks for them."""

        slots: int
        nothing: list[Value]

        def node(self, path: tuple[Value, ...]) -> Node | None:
            """The node of the document tree at a path."""

        def document(self, number: int) -> Callable[[State], Value]:
            """The function of a whole document."""

        def mock(
            self, s: State, name: str, loc: Location, *args: Value, wanted: str = "", given: tuple[Value, ...] = ()
        ) -> Value:
            """Call what ``with`` has put in the place of a function."""


_FAULTS = (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError)
"""What a fault in the code of a built-in could raise: an error of the evaluation, never a traceback in its caller."""


@record(frozen=True, slots=True)
class ExpressionValue:
    """What one expression of a query came to, with its text as written."""

    value: Value
    text: str
    location: Location


@record(frozen=True, slots=True)
class Solution:
    """One way in which a query holds: the user's variables, and the values of the expressions."""

    bindings: Mapping[str, Value]
    expressions: tuple[ExpressionValue, ...] = ()


class Running:
    """A query with its code."""

    def __init__(
        self, code: Code, function: Callable[[State, list[Any]], None], *, user: tuple[str, ...],
        captured: tuple[bool, ...], shown: tuple[tuple[int, Location], ...], single: int | None, strict: bool,
    ) -> None:  # fmt: skip
        """``user`` are the variables shown, ``captured`` tells which expressions have values."""
        self.code = code
        self.function = function
        self.user = user
        self.captured = captured
        self.shown = shown
        self.single = single
        self.strict = strict

    def run(
        self, *, input: Value = UNDEFINED, data: Snapshot | Value | None = None, limits: Limits = DEFAULT_LIMITS,  # noqa: A002 - Rego's own word
        host: Host = DEFAULT_HOST,
    ) -> tuple[Solution, ...]:  # fmt: skip
        """Every solution; none means undefined.

        ``data`` is a :class:`Snapshot`, whose derived documents are remembered until another one is given, or a
        plain object. Raises :class:`EvalError`, :class:`LimitError`, :class:`DocumentError`.
        """
        rows = self._rows(input, data, limits, host)
        return tuple([self._solution(r) for r in rows])

    def value(
        self, *, input: Value = UNDEFINED, data: Snapshot | Value | None = None, limits: Limits = DEFAULT_LIMITS,  # noqa: A002 - Rego's own word
        host: Host = DEFAULT_HOST,
    ) -> Value:  # fmt: skip
        """The value of a query that is one term, such as ``data.a.allow``; :data:`UNDEFINED` where it has none."""
        if self.single is None:
            raise ValueError("value() is for queries of a single term; use run()")
        rows = self._rows(input, data, limits, host)
        return rows[0][self.single] if rows else UNDEFINED

    def exact(self) -> Running | None:
        """The same query as code that meets errors in OPA's order; None where there is no compiler to make it."""
        return None

    def _rows(
        self, input_: Value, data: Snapshot | Value | None, limits: Limits, host: Host, met: Evaluation | None = None
    ) -> list[tuple[Value, ...]]:
        """The rows of the solutions. In exact code ``met`` is the evaluation that has met an error before."""
        linked = self.code
        e = Evaluation(limits, host, self.strict) if met is None else met.again()
        snapshot = data if type(data) is Snapshot else None if data is None else Snapshot(data)
        if snapshot is None:
            state = State(linked, e, input_, {}, linked.nothing, None)
        elif met is None:
            state = State(linked, e, input_, snapshot.root, snapshot.kept(linked, linked.slots), snapshot)
        else:
            state = State(linked, e, input_, snapshot.root, linked.nothing, snapshot)
            state.snapshot = None  # a value with which an error waits is good for this evaluation only
        rows: list[tuple[Value, ...]] = []
        e.growing.append(rows)
        meter = METER.__dict__  # of this thread; to look there once costs less than three times
        before, meter["payer"] = meter.get("payer"), e
        error: EvalError | None = None
        try:
            self.function(state, rows)
            if e.pending:
                raise e.pending[-1]
        except EvalError as found:
            if met is not None:
                raise told(found, e.pending) from None
            error = found.with_traceback(None)  # with it goes what the evaluation has made
        except RecursionError:
            raise LimitError("depth", "evaluation nests deeper than it may") from None
        except MemoryError:
            raise LimitError("memory", "evaluation needs more memory than there is") from None
        except _FAULTS as fault:
            raise EvalError(EVAL_INTERNAL_ERROR, f"{type(fault).__name__}: {fault}") from fault
        finally:
            meter["payer"] = before
        return rows if error is None else self._exact_rows(error, e, input_, snapshot)

    def _exact_rows(
        self, error: EvalError, met: Evaluation, input_: Value, snapshot: Snapshot | None
    ) -> list[tuple[Value, ...]]:
        try:
            exact = self.exact()
        except RecursionError:  # it nests a little deeper than ordinary code
            exact = None
        if exact is None:
            raise error
        return exact._rows(input_, snapshot, met.limits, met.host, met)  # noqa: SLF001 - another of its kind

    def _solution(self, row: tuple[Value, ...]) -> Solution:
        size = len(self.user)
        bindings = dict(zip(self.user, row[:size], strict=True))
        if not self.captured:
            return Solution(bindings)
        hidden = iter(row[size:])
        values = [next(hidden) if c else True for c in self.captured]
        shown = tuple([ExpressionValue(values[i], loc.text, loc) for i, loc in self.shown])
        return Solution(bindings, shown)
