"""One query over files: load, compile, evaluate, with what is asked of how the answer came about."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from ..rego import (
    UNDEFINED,
    CompileError,
    EvalError,
    Host,
    Limits,
    Location,
    Problem,
    Query,
    RegoError,
    Snapshot,
    Solution,
    Value,
    compile_modules,
    parse_query,
)
from ..rego.run.limits import QUERY_MEMORY
from ..rego.syntax.nodes import Body, Import, Ref
from .documents import Documents
from .errors import Fault, LoadError
from .loader import Loaded, load
from .merging import Tree

if TYPE_CHECKING:
    from ..rego.outside import Network
    from .coverage import Report as CoverageReport
    from .explain import Explanation
    from .explain.calls import Call, Traced
    from .explain.profile import Line
    from .partial import Inlining, Partial

KINDS: Final = ("index_excluded", "early_exit")
"""Why something is not covered, by OPA's names."""

Clock: TypeAlias = "Callable[[], int]"
Keep: TypeAlias = "Callable[[Mapping[str, str], Query, str], None]"
Repeat: TypeAlias = "Callable[[], bool]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A query and what it is asked of. ``seconds`` bounds the evaluation; None does not."""

    query: str
    paths: Sequence[str] = ()
    ignore: Sequence[str] = ()
    mount: bool = True
    bundles: Sequence[str] = ()
    version: int = 1
    package: tuple[str, ...] | None = None
    imports: Sequence[Import] = ()
    strict: bool = False
    strict_builtin_errors: bool = False
    schema: str = ""
    """A file with the JSON schema of the input, or a folder of schemas."""
    seconds: float | None = None
    unknowns: Sequence[Ref] | None = None
    """Documents that are not known: the query is evaluated partially."""
    inlining: Inlining | None = None
    """What is put into the queries that are left over; None for all that can be."""
    keep: Keep | None = None
    """Is given what was asked of which policies, and the query, once it was evaluated without an error."""
    network: Network | None = None
    runtime: Value = None
    """What ``http.send`` reaches, and what ``opa.runtime()`` tells."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Telling:
    """What is to be told besides the answer: each takes a second, slower evaluation."""

    explain: str = "off"
    bindings: bool = False
    profile: bool = False
    profile_limit: int = 10
    profile_order: Sequence[str] = ()
    coverage: Sequence[str] | None = None
    builtin_errors: bool = False
    indexing: bool = True
    early_exit: bool = True


@dataclass(slots=True)
class Report:
    """What an evaluation gives and says, filled as it goes: it has the rest where something failed, too."""

    solutions: Sequence[Solution] = ()
    partial: Partial | None = None
    error: RegoError | LoadError | None = None
    calls: tuple[Call, ...] = ()
    """The way to the error, from the inside."""
    builtin_errors: Sequence[Traced] = ()
    explanation: Explanation | None = None
    profile: Sequence[Line] = ()
    coverage: CoverageReport | None = None
    printed: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    metrics: dict[str, int] = field(default_factory=dict)
    """Nanoseconds by OPA's names of the steps."""


NOTHING_TOLD: Final = Telling()


def evaluate(
    question: Question, given: Value, report: Report, clock: Clock = time.perf_counter_ns,
    telling: Telling = NOTHING_TOLD,
) -> tuple[Solution, ...]:  # fmt: skip
    """Every solution, with the ``given`` input. Raises :class:`LoadError` and :class:`RegoError`."""
    report.error = None
    try:
        _evaluate(question, given, report, _Steps(clock, report.metrics), telling)
    except (LoadError, RegoError) as e:
        report.error = e
        raise
    return tuple(report.solutions)


def plan(question: Question, report: Report) -> str:
    """How a query would be evaluated, as text. Raises :class:`LoadError` and :class:`RegoError`."""
    steps = _Steps(time.perf_counter_ns, report.metrics)
    documents = Documents(_loaded(question, report, steps), version=question.version, schema_annotations=True)
    body = _parsed(question)
    return _Asked(question, documents, body, UNDEFINED, report).prepared().plan()


class _Steps:
    """Takes the time of each step."""

    def __init__(self, clock: Clock, metrics: dict[str, int]) -> None:
        self.clock = clock
        self._metrics = metrics
        self._begun = clock()

    def took(self, name: str) -> None:
        """A step is done."""
        now = self.clock()
        self._metrics[f"timer_rego_{name}_ns"] = now - self._begun
        self._begun = now


def repeated(question: Question, given: Value, report: Report, clock: Clock = time.perf_counter_ns) -> Repeat:
    """What asks the query once each time it is called, and gives whether anything came of it.

    Everything before that is done here. Raises :class:`LoadError` and :class:`RegoError`.
    """
    asked = _prepared(question, given, report, _Steps(clock, report.metrics))
    if question.unknowns is not None:
        unknowns = question.unknowns

        def evaluate_partially() -> bool:
            asked.partially(unknowns)
            return report.partial is not None and bool(report.partial.queries)

        return evaluate_partially
    query = asked.prepared()
    data, limits = asked.documents.state.snapshot, asked.limits
    return lambda: bool(query.run(input=given, data=Snapshot(data.root, after=data), limits=limits))


def _prepared(question: Question, given: Value, report: Report, steps: _Steps) -> _Asked:
    loaded = _loaded(question, report, steps)
    body = _parsed(question)
    steps.took("query_parse")
    if question.strict:  # first, since it finds more
        compile_modules(loaded.modules, version=question.version, strict=True)
    documents = Documents(loaded, version=question.version, schema_annotations=True)
    if question.schema:
        from .schemas import load_schemas

        schemas = load_schemas(question.schema)
        policy = compile_modules(loaded.modules, version=question.version, strict=question.strict, schemas=schemas)
        documents.state = replace(documents.state, policy=policy)
    if loaded.modules:
        steps.took("module_compile")
    return _Asked(question, documents, body, given, report)


def _evaluate(question: Question, given: Value, report: Report, steps: _Steps, telling: Telling) -> None:
    asked = _prepared(question, given, report, steps)
    if question.unknowns is not None:
        asked.partially(question.unknowns)
        steps.took("partial_eval")
        return
    query = asked.prepared()
    steps.took("query_compile")
    host = asked.host()
    asked.answer(query, host)
    steps.took("query_eval")
    if question.keep is not None and report.error is None:
        question.keep(asked.documents.state.raw, query, question.query)
    asked.tell(telling, host, steps.clock)
    if isinstance(report.error, RegoError):
        raise report.error


def _parsed(question: Question) -> Body:
    body = parse_query(question.query, version=question.version)
    if not body:
        raise LoadError([Fault("cannot evaluate empty query", "give one, such as data.a.allow")])
    return body


def _loaded(question: Question, report: Report, steps: _Steps) -> Loaded:
    loaded = load(question.paths, version=question.version, ignore=question.ignore, mount=question.mount)
    report.notices.extend(loaded.notices)
    if question.paths:
        steps.took("load_files")
    if not question.bundles:
        return loaded
    from .bundles import load_bundles

    bundles = load_bundles(question.bundles, question.ignore, version=question.version)
    steps.took("load_bundles")
    tree = Tree()
    tree.merge("", loaded.documents)
    tree.merge(", ".join(question.bundles), bundles.documents)
    return Loaded(tree.documents(), {**loaded.modules, **bundles.modules}, {**loaded.raw, **bundles.raw})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query ready to be asked."""

    question: Question
    documents: Documents
    body: Body
    given: Value
    report: Report

    @property
    def limits(self) -> Limits:
        """What it may cost."""
        return Limits(seconds=self.question.seconds, memory=QUERY_MEMORY)

    def host(self) -> Host:
        """The outside, at one time for all that is told of the answer."""
        now = time.time_ns()
        asked = self.question
        return Host(print=self._heard, now_ns=lambda: now, network=asked.network, runtime=asked.runtime)

    def _heard(self, text: str, _: Location) -> None:
        self.report.printed.append(text)

    def prepared(self) -> Query:
        """The query compiled; where it cannot be, the error is that of the form in which OPA compiles it."""
        question, policy = self.question, self.documents.state.policy
        try:
            return policy.prepare(
                self.body,
                package=question.package,
                imports=question.imports,
                strict_builtin_errors=question.strict_builtin_errors,
            )
        except CompileError:
            from ..rego.check.pipeline import check_query
            from .explain.run import captured

            written, _ = captured(policy, self.body, question.package, question.imports)
            try:
                check_query(policy.checked, written, package=question.package, imports=question.imports)
            except CompileError as e:  # what takes the values of expressions is told of last
                raise CompileError(sorted(e.problems, key=_last_for_values)) from None
            raise

    def answer(self, query: Query, host: Host) -> None:
        """Ask; what is wrong in the evaluation is kept, and more is to be told of it."""
        try:
            self.report.solutions = query.run(
                input=self.given, data=self.documents.state.snapshot, limits=self.limits, host=host
            )
        except EvalError as e:
            self.report.error = e

    def tell(self, telling: Telling, host: Host, clock: Clock) -> None:
        """Go through the query once more, where something is to be told of it."""
        failed = isinstance(self.report.error, EvalError)
        if failed or telling.explain != "off" or telling.profile or telling.builtin_errors:
            self._explain(telling, host, clock)
        if telling.coverage is not None and not failed:
            self._cover(telling.coverage, host)

    def _explain(self, telling: Telling, host: Host, clock: Clock) -> None:
        from .explain import explain
        from .explain.profile import Profiler

        question, report, state = self.question, self.report, self.documents.state
        profiler = Profiler(clock) if telling.profile else None
        try:
            made = explain(
                state.policy, self.body, package=question.package, imports=question.imports, input_=self.given,
                data=state.snapshot, limits=self.limits, host=host, debug=telling.explain == "debug",
                bindings=telling.bindings, heard=profiler, keep=telling.explain != "off", indexing=telling.indexing,
                early_exit=telling.early_exit, strict=question.strict_builtin_errors,
            )  # fmt: skip
        except CompileError:  # refused in OPA's form only: then the answer stands without
            return
        report.explanation = made
        if profiler is not None:
            report.profile = profiler.lines(telling.profile_limit, telling.profile_order)
        if isinstance(report.error, EvalError):
            place = _place(report.error)
            report.calls = next((f.calls for f in made.faults if _place(f.error) == place), ())
        elif telling.builtin_errors:
            report.builtin_errors = made.faults

    def _cover(self, kinds: Sequence[str], host: Host) -> None:
        from .coverage import Coverage

        question, state = self.question, self.documents.state
        coverage = Coverage(kinds)
        try:
            coverage.evaluate(
                state.policy, self.body, package=question.package, imports=question.imports, given=self.given,
                data=state.snapshot, limits=self.limits, host=host,
            )  # fmt: skip
        except CompileError:
            self.report.notices.append("warning: the query cannot be gone through, so nothing is covered")
        self.report.notices.extend(f"warning: coverage is not complete: {cut}" for cut in coverage.cuts)
        self.report.coverage = coverage.report(state.policy.modules)

    def partially(self, unknowns: Sequence[Ref]) -> None:
        """Evaluate as far as all is known."""
        from .explain.exits import Untraceable
        from .partial import Inlining, evaluate_partially

        question, state = self.question, self.documents.state
        try:
            self.report.partial = evaluate_partially(
                state.policy, self.body, unknowns, package=question.package, imports=question.imports,
                input_=self.given, data=state.snapshot, limits=self.limits, host=self.host(),
                inlining=question.inlining or Inlining(),
            )  # fmt: skip
        except Untraceable as e:
            hint = "evaluate it with all documents, or ask a part of it"
            raise LoadError([Fault(f"{e} cannot be evaluated partially", hint)]) from None


def _last_for_values(problem: Problem) -> tuple[int, int, bool]:
    return problem.location.row, problem.location.col, problem.message == "var _ is unsafe"


def _place(error: EvalError) -> tuple[str, int, int]:
    location = error.location
    return location.file, location.row, location.col
