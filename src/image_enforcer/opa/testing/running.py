"""Running tests: the compiled policy answers; how it came about is looked at only where somebody will see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ...rego import (
    UNDEFINED,
    CompileError,
    EvalError,
    Host,
    LimitError,
    Limits,
    Policy,
    RegoError,
    Snapshot,
    Value,
    parse_query,
    to_json,
)
from ...rego.run.limits import QUERY_MEMORY
from ...rego.values import unkey
from .. import presentation
from .finding import UnitTest
from .results import Error, Result, Row, Subcase

if TYPE_CHECKING:
    from ..coverage import Coverage
    from ..explain import Explanation
    from ..explain.events import Event
    from ..explain.rules import Rules
    from .failures import WrittenBodies

SLOWER: Final = 3
"""How much longer the steps of a test may take to look at than the test itself may take."""

SLOWER_COVERED: Final = 20
"""The same where what is covered depends on it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How tests are run, and what is to be known of them afterwards."""

    seconds: float = 5.0
    trace: bool = False
    """Whether the steps are wanted; ``mode`` says which: ``full``, ``notes``, ``fails``, ``debug``, or both of the
    middle ones where it is empty."""
    mode: str = ""
    values: bool = False
    """Whether the expression that failed is wanted, with values."""
    events: bool = False
    """Whether the steps are wanted as JSON."""


class Runner:
    """Runs tests of one policy over one set of documents."""

    def __init__(
        self, policy: Policy, root: Value, options: Options, *, coverage: Coverage | None = None,
        clock: Callable[[], int] = time.perf_counter_ns, host: Host | None = None,
    ) -> None:  # fmt: skip
        """``coverage`` collects what the tests come by, where it is wanted."""
        self.policy = policy
        self.data = Snapshot(root)
        self.options = options
        self.coverage = coverage
        self._clock = clock
        self._host = host or Host()
        self._limits = Limits(seconds=options.seconds, memory=QUERY_MEMORY)
        self._written: WrittenBodies | None = None
        self._rules: Rules | None = None

    def run(self, test: UnitTest) -> Result:
        """Run a test. Never raises for what is wrong with it."""
        told = described(test)
        if test.skipped:
            return replace(told, skip=True)
        printed: list[str] = []
        cases: list[Value] = []
        now = self._host.now_ns()
        host = replace(self._host, now_ns=lambda: now, print=lambda text, _: printed.append(text), case=cases.append)
        begun = self._clock()
        value: Value = UNDEFINED
        failure: RegoError | None = None
        try:
            value = self.policy.prepare(test.query).value(data=self.data, limits=self._limits, host=host)
        except RegoError as e:
            failure = e
        told = replace(told, duration=self._clock() - begun, output="".join(f"{line}\n" for line in printed))
        if failure is None:
            self.cover(test, ("",), host)
        if failure is not None:
            return replace(told, error=error_of(failure, self._explained(test, host, failure)))
        fail = value is not True
        found: dict[str, Subcase] = {}
        if test.cases:
            fail, found = outcomes(value, cases)
        told = replace(told, fail=fail, cases=found)
        wanted = self.options.events or (fail and (self.options.trace or self.options.values))
        return self._traced(told, self._explained(test, host, None)) if wanted else told

    def cover(self, test: UnitTest, passes: Sequence[str], host: Host | None = None) -> None:
        """Collect what a test comes by in some ways of going through it, where that is wanted."""
        if self.coverage is None or test.skipped:
            return
        limits = replace(self._limits, seconds=self.options.seconds * SLOWER_COVERED)
        before = len(self.coverage.cuts)
        self.coverage.evaluate(
            self.policy, parse_query(test.query), data=self.data, limits=limits, host=host or self._host, passes=passes
        )
        self.coverage.cuts[before:] = [f"{test.query}: {cut}" for cut in self.coverage.cuts[before:]]

    def _explained(self, test: UnitTest, host: Host, failure: RegoError | None) -> Explanation | None:
        from ..explain import explain
        from ..explain.rules import Rules

        if isinstance(failure, CompileError | LimitError):
            return None
        limits = replace(self._limits, seconds=self.options.seconds * SLOWER)
        self._rules = self._rules or Rules(self.policy.checked)
        try:
            return explain(
                self.policy, parse_query(test.query), package=None, imports=(), input_=UNDEFINED, data=self.data,
                limits=limits, host=host, debug=self.options.mode == "debug",
                bindings=self.options.values or self.options.events, rules=self._rules,
            )  # fmt: skip
        except CompileError:  # what was compiled as one query may be refused in OPA's form of it
            return None

    def _traced(self, told: Result, explained: Explanation | None) -> Result:
        if explained is None:
            return told
        events = self._shown(explained)
        if self.options.values:
            self._values(told, explained)
        return replace(
            told,
            trace=tuple(self._rows(events, explained)) if told.fail else (),
            events=tuple(self._json(events, explained)) if self.options.events else (),
            failed_at=self._failed_at(events, explained) if told.fail and not told.cases else None,
            notice=f"{told.package}.{told.name}: trace: {explained.cut}" if explained.cut else "",
        )

    def _shown(self, explained: Explanation) -> Sequence[Event]:
        from ..explain.events import MODES, with_ways

        if not self.options.mode:
            return (
                with_ways(explained.events, "Note", "Fail") if self.options.trace else MODES["fails"](explained.events)
            )
        return MODES[self.options.mode](explained.events)

    def _rows(self, events: Sequence[Event], explained: Explanation) -> list[Row]:
        if not self.options.trace:
            return []
        from ..explain.text import trace_rows
        from .failures import values_in

        rows: Sequence[Row] = trace_rows(events, explained.names, explained.paths)
        if not self.options.values:
            return list(rows)
        return [(*row, values_in(e, explained.names)) for row, e in zip(rows, events, strict=True)]

    @staticmethod
    def _json(events: Sequence[Event], explained: Explanation) -> list[Any]:
        from ..explain.event_json import event_json

        return [event_json(e, explained.names) for e in events]

    def _failed_at(self, events: Sequence[Event], explained: Explanation) -> Any:
        if not self.options.values:
            return None
        from .failures import WrittenBodies, failed_at

        if self._written is None:
            self._written = WrittenBodies(self.policy)
        return failed_at(events, explained.names, self._written)

    def _values(self, told: Result, explained: Explanation) -> None:
        """Where each case failed: the last failure before the next case is told of."""
        at: Subcase | None = None
        for i, event in enumerate(explained.events):
            if event.op == "TestCase":
                self._end_case(at, explained.events[:i], explained)
                at = _case_at(told.cases, _case_path(event))
        self._end_case(at, explained.events, explained)

    def _end_case(self, at: Subcase | None, events: Sequence[Event], explained: Explanation) -> None:
        if at is not None and at.fail and not at.below:
            at.failed_at = self._failed_at(events, explained)


def described(test: UnitTest) -> Result:
    """What is known of a test before it is run."""
    loc = test.rule.loc
    return Result(loc.file, loc.row, loc.col, test.package, test.name)


def outcomes(value: Value, told: Sequence[Value]) -> tuple[bool, dict[str, Subcase]]:
    """Whether a table of cases fails, and what came of each: those in the value, and those told of but not in it."""
    if value is UNDEFINED:
        return True, {}
    fail, found = _cases(value)
    for path in told:
        if isinstance(path, list) and _told(found, [_text(step) for step in path]):
            fail = True
    return fail, found


def _cases(value: Value) -> tuple[bool, dict[str, Subcase]]:
    found: dict[str, Subcase] = {}
    for form, each in value.items() if type(value) is dict else ():
        name = _text(unkey(form))
        if type(each) is dict:
            fail, below = _cases(each)
            found[name] = Subcase(name, fail, below)
        elif each is None:
            found[name] = Subcase("")
        else:
            found[name] = Subcase(name, each is not True)
    return any(c.fail for c in found.values()), found


def _told(cases: dict[str, Subcase], path: Sequence[str]) -> bool:
    """A case was at hand: one that is not there has failed, and so have those around it. Whether it failed."""
    if not path:
        return True
    at = cases.get(path[0])
    if at is None:
        at = cases[path[0]] = Subcase(path[0], True)
    if len(path) == 1:
        return at.fail
    fail = _told(at.below, path[1:])
    at.fail = at.fail or fail
    return fail


def _text(step: Value) -> str:
    return step if type(step) is str else to_json(step)


def _case_path(event: Event) -> list[str]:
    from ...rego.syntax.nodes import CallExpr, Expr
    from ..explain.bindings import Bindings

    node = event.node
    assert isinstance(node, Expr)
    assert isinstance(node.terms, CallExpr)
    path = Bindings().value(node.terms.args[0])
    return [_text(step) for step in path] if type(path) is list else []


def _case_at(cases: Any, path: Sequence[str]) -> Subcase | None:
    at: Subcase | None = None
    for step in path:
        at = (cases if at is None else at.below).get(step)
        if at is None:
            return None
    return at


def error_of(failure: RegoError, explained: Explanation | None) -> Error:
    """An error as a result has it."""
    if isinstance(failure, CompileError):
        return Error(str(failure), (), presentation.errors(failure))
    if isinstance(failure, LimitError) and failure.kind == "time":
        text = "context deadline exceeded"
        return Error(f"eval_cancel_error: {text}", (), {"code": "eval_cancel_error", "message": text})
    document: dict[str, Any] = dict(presentation.errors(failure)[0])
    calls = () if explained is None or not isinstance(failure, EvalError) else explained.calls
    shown = {"code": document["code"], "message": document["message"], "location": document["location"]}
    if calls:
        shown["stack_trace"] = [{"query_id": c.query, "location": presentation.place(c.location)} for c in calls]
    return Error(str(failure), tuple(map(str, calls)), shown)
