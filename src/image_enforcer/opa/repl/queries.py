"""Asking a query, and showing the answer with what the settings want to know of how it came about."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...rego import CompileError, EvalError, Host, Solution
from ...rego.syntax.nodes import Body
from .. import presentation
from ..tables import table
from . import texts
from .partial import partial_answer
from .types import types_text
from .world import World

if TYPE_CHECKING:
    from ..explain import Explanation
    from ..explain.profile import Line
    from .session import Session


def answer(session: Session, body: Body) -> str:
    """The answer to a query. Raises :class:`RegoError`, or :class:`texts.Told` where more is shown than the error."""
    settings, clock = session.settings, session.clock
    if settings.target == "wasm":
        raise texts.Misuse(texts.NO_ENGINE)
    if settings.unknowns:
        return partial_answer(session, body)
    begun = clock()
    world = session.world()
    compiled = clock()
    query = world.prepare(body, session.package, strict_builtin_errors=settings.strict_builtin_errors)
    prepared = clock()
    now = time.time_ns()
    host = session.host(lambda: now)
    given = world.input_document(session.limits, host)
    solutions: tuple[Solution, ...] = ()
    error: EvalError | None = None
    try:
        solutions = query.run(input=given, data=world.snapshot, limits=session.limits, host=host)
    except EvalError as e:
        if not settings.tells_more:
            raise
        error = e
    evaluated = clock()
    metrics = {
        "timer_rego_module_compile_ns": compiled - begun,
        "timer_rego_query_compile_ns": prepared - compiled,
        "timer_rego_query_eval_ns": evaluated - prepared,
        "timer_rego_query_parse_ns": session.parse_time,
    }
    explained, profile = None, None
    if settings.explain != "off" or settings.profile or error is not None:
        explained, profile = _explained(session, world, body, given, host)
    shown = _Shown(session, solutions, error, metrics if settings.metrics else None, explained, profile)
    text = shown.json() if settings.format == "json" else shown.pretty()
    if settings.types:
        imports = world.entered.entry(session.package).imports
        text += types_text(world.policy, body, package=session.package, imports=imports)
    if error is not None:
        raise texts.Told(text)
    return text


def _explained(
    session: Session, world: World, body: Body, given: Any, host: Host
) -> tuple[Explanation | None, Sequence[Line] | None]:
    from ..explain import explain
    from ..explain.profile import Profiler

    settings = session.settings
    profiler = Profiler(session.clock) if settings.profile else None
    try:
        made = explain(
            world.policy, body, package=session.package, imports=world.entered.entry(session.package).imports,
            input_=given, data=world.snapshot, limits=session.limits, host=host, debug=settings.explain == "debug",
            bindings=settings.explain != "off" and settings.format == "json", heard=profiler,
        )  # fmt: skip
    except CompileError:  # what was compiled as one query may be refused in OPA's form of it: then it is not explained
        return None, None
    return made, None if profiler is None else profiler.lines()


class _Shown:
    """An answer and what is known of it, as text."""

    def __init__(
        self, session: Session, solutions: Sequence[Solution], error: EvalError | None,
        metrics: Mapping[str, int] | None, explained: Explanation | None, profile: Sequence[Line] | None,
    ) -> None:  # fmt: skip
        self.settings = session.settings
        self.solutions = solutions
        self.error = error
        self.metrics = metrics
        self.explained = explained
        self.profile = profile

    def pretty(self) -> str:
        """The trace, the result or error, the times."""
        out = self._trace()
        if self.error is not None:
            out += presentation.error_text(self.error) + "\n" + self._traceback()
        else:
            out += presentation.pretty(self.solutions, self.settings.width) + "\n"
        if self.metrics:
            out += presentation.metrics_table(self.metrics)
        if self.profile:
            rows = [
                [presentation.duration(x.time), str(x.evaluated), str(x.redone), str(len(x.expressions)), _place(x)]
                for x in self.profile
            ]
            out += table(["Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location"], rows) + "\n"
        return out

    def _trace(self) -> str:
        from ..explain.events import MODES
        from ..explain.text import trace_text

        explained = self.explained
        if self.settings.explain == "off" or explained is None:
            return ""
        text = trace_text(MODES[self.settings.explain](explained.events), explained.names, explained.paths)
        return text + (f"trace: {explained.cut}\n" if explained.cut else "")

    def _traceback(self) -> str:
        if not self.settings.traceback or self.explained is None or not self.explained.calls:
            return ""
        return "\nTraceback:\n" + "".join(f"  {x}\n" for x in self.explained.calls)

    def json(self) -> str:
        """One document."""
        shown: dict[str, Any] = {}
        if self.error is not None:
            shown["errors"] = presentation.errors(self.error)
            if self.settings.traceback and self.explained is not None and self.explained.calls:
                shown["errors"][0]["stack_trace"] = [
                    {"query_id": x.query, "location": presentation.place(x.location)} for x in self.explained.calls
                ]
        else:
            shown.update(presentation.document(self.solutions))
        if self.metrics:
            shown["metrics"] = dict(self.metrics)
        if self.settings.explain != "off" and self.explained is not None:
            from ..explain.event_json import event_json
            from ..explain.events import MODES

            events = MODES[self.settings.explain](self.explained.events)
            if events:
                shown["explanation"] = [event_json(e, self.explained.names) for e in events]
        if self.profile:
            shown["profile"] = [_line(x) for x in self.profile]
        return presentation.dumps(shown) + "\n"


def _place(line: Line) -> str:
    location = line.location
    return f"{location.file}:{location.row}" if location.file else location.text


def _line(line: Line) -> dict[str, Any]:
    return {
        "total_time_ns": line.time,
        "num_eval": line.evaluated,
        "num_redo": line.redone,
        "num_gen_expr": len(line.expressions),
        "location": presentation.place(line.location),
    }
