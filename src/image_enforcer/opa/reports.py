"""Reports of evaluations in OPA's formats: results, errors, traces, times, profiles, coverage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..rego import EvalError, RegoError
from . import presentation
from .errors import LoadError
from .evaluation import Report
from .statistics import figure, statistics, whole
from .tables import listing, table

if TYPE_CHECKING:
    from .explain.calls import Call
    from .explain.profile import Line

SHOWN: Final = ("min", "max", "mean", "90%", "99%")
"""What tables show of numbers of several runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How reports are to look. ``mode`` says which steps are shown, ``values`` what their variables were, too."""

    form: str = "json"
    width: int = presentation.DEFAULT_WIDTH
    mode: str = "off"
    values: bool = False
    metrics: bool = False


def render(reports: Sequence[Report], look: Look) -> tuple[str, str]:
    """What goes to standard output and what to standard error; of several runs the first one's answer."""
    report = reports[0]
    failed = _errors(report)
    match look.form:
        case "pretty":
            return _pretty(reports, look), f"{_error_text(report)}\n" if failed else ""
        case "json":
            return presentation.dumps(_document(reports, look)) + "\n", ""
        case "discard":
            shown = json.loads(presentation.dumps(_document(reports, look)))
            if "result" in shown:
                shown["result"] = "discarded"
            return presentation.dumps(_sorted(shown)) + "\n", ""
    if failed:
        return "", f"{_error_text(report)}\n"
    if look.form == "source" and report.partial is not None:
        from .partial.shown import partial_source

        return partial_source(report.partial), ""
    return presentation.render(look.form, report.solutions, width=look.width), ""


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _sorted(value[k]) for k in sorted(value)}
    return [_sorted(v) for v in value] if isinstance(value, list) else value


# --- JSON ----------------------------------------------------------------------------------------


def _document(reports: Sequence[Report], look: Look) -> dict[str, Any]:
    report = reports[0]
    shown: dict[str, Any] = {}
    errors = _errors(report)
    if errors:
        shown["errors"] = errors
    shown.update(presentation.document(report.solutions))
    if report.partial is not None:
        from .partial.shown import partial_json

        shown["partial"] = partial_json(report.partial)
    if look.metrics and len(reports) == 1:
        shown["metrics"] = dict(sorted(report.metrics.items()))
    elif look.metrics:
        shown["aggregated_metrics"] = {name: _whole(found) for name, found in _times(reports).items()}
    if look.mode != "off" and report.explanation is not None:
        from .explain.event_json import event_json
        from .explain.events import MODES

        events = MODES[look.mode](report.explanation.events)
        if events:
            shown["explanation"] = [event_json(e, report.explanation.names) for e in events]
    if report.profile and len(reports) == 1:
        shown["profile"] = [{"total_time_ns": x.time, **_counts(x)} for x in report.profile]
    elif report.profile:
        shown["aggregated_profile"] = [
            {"total_time_ns_stats": _whole(statistics([x.time for x in lines])), **_counts(lines[0])}
            for lines in _profiles(reports)
        ]
    if report.coverage is not None:
        shown["coverage"] = report.coverage.json()
    return shown


def _errors(report: Report) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if report.error is not None:
        found = presentation.errors(report.error)
        if report.calls:
            found[0]["stack_trace"] = _stack(report.calls)
    found += [
        {**presentation.errors(t.error)[0], **({"stack_trace": _stack(t.calls)} if t.calls else {})}
        for t in report.builtin_errors
    ]
    return found


def _stack(calls: Sequence[Call]) -> list[dict[str, Any]]:
    return [{"query_id": c.query, "location": presentation.place(c.location)} for c in calls]


def _counts(line: Line) -> dict[str, Any]:
    return {
        "num_eval": line.evaluated,
        "num_redo": line.redone,
        "num_gen_expr": len(line.expressions),
        "location": presentation.place(line.location),
    }


def _times(reports: Sequence[Report]) -> dict[str, Mapping[str, int | float]]:
    return {name: statistics([r.metrics.get(name, 0) for r in reports]) for name in sorted(reports[0].metrics)}


def _whole(found: Mapping[str, int | float]) -> dict[str, int | float]:
    return {k: whole(v) for k, v in found.items()}


def _profiles(reports: Sequence[Report]) -> list[tuple[Line, ...]]:
    """The lines of the first profile with those at their places in the others, as OPA pairs them."""
    return list(zip(*(r.profile for r in reports), strict=False))


# --- text ----------------------------------------------------------------------------------------


def _pretty(reports: Sequence[Report], look: Look) -> str:
    report = reports[0]
    out = _trace(report, look)
    if report.error is None and not report.builtin_errors:
        if report.partial is not None:
            from .partial.shown import partial_table

            out += partial_table(report.partial) + "\n"
        else:
            out += presentation.pretty(report.solutions, look.width) + "\n"
    if look.metrics and report.metrics:
        out += presentation.metrics_table(report.metrics) if len(reports) == 1 else _times_table(reports)
    if report.profile:
        out += _profile_table(report.profile) if len(reports) == 1 else _profiles_table(_profiles(reports))
    if report.coverage is not None:
        out += listing([("Overall Coverage", f"{report.coverage.coverage:.2f}")]) + "\n"
    return out


def _trace(report: Report, look: Look) -> str:
    explained = report.explanation
    if look.mode == "off" or explained is None:
        return ""
    from .explain.events import MODES
    from .explain.text import trace_rows, trace_text

    events = MODES[look.mode](explained.events)
    cut = f"trace: {explained.cut}\n" if explained.cut else ""
    if not look.values:
        return trace_text(events, explained.names, explained.paths) + cut
    from .testing.failures import values_in

    rows = [
        (place, said, values_in(event, explained.names))
        for event, (place, said) in zip(events, trace_rows(events, explained.names, explained.paths), strict=True)
    ]
    first = max((len(r[0].encode()) for r in rows), default=0) + 4
    second = max((len(r[1].encode()) for r in rows), default=0) + 4
    return "".join(f"{place:<{first}} {said:<{second}} {values}\n" for place, said, values in rows) + cut


def _error_text(report: Report) -> str:
    """The errors as OPA prints them, each with the way to it."""
    match report.error:
        case LoadError():
            return report.error.plain()
        case EvalError():
            return f"1 error occurred: {_error(report.error, report.calls)}"
        case RegoError():
            return presentation.error_text(report.error)
    found = [_error(t.error, t.calls) for t in report.builtin_errors]
    return f"1 error occurred: {found[0]}" if len(found) == 1 else f"{len(found)} errors occurred:\n" + "\n".join(found)


def _error(error: EvalError, calls: Sequence[Call]) -> str:
    text = presentation.error_text(error).removeprefix("1 error occurred: ")
    return text + ("\n\nTraceback:\n" + "\n".join(f"  {c}" for c in calls) if calls else "")


def _profile_table(lines: Sequence[Line]) -> str:
    rows = [[presentation.duration(x.time), *_columns(x)] for x in lines]
    return table(["Time", "Num Eval", "Num Redo", "Num Gen Expr", "Location"], rows) + "\n"


def _columns(line: Line) -> list[str]:
    location = line.location
    place = f"{location.file}:{location.row}" if location.file else location.text or f"{location.row}:{location.col}"
    return [str(line.evaluated), str(line.redone), str(len(line.expressions)), place]


def _times_table(reports: Sequence[Report]) -> str:
    rows = [[name, *(figure(found[k]) for k in SHOWN)] for name, found in _times(reports).items()]
    return table(["Metric", *map(str.title, SHOWN)], rows) + "\n"


def _profiles_table(profiles: Sequence[tuple[Line, ...]]) -> str:
    rows = []
    for lines in profiles:
        found = statistics([x.time for x in lines])
        rows.append([*(presentation.duration(int(found[k])) for k in SHOWN), *_columns(lines[0])])
    return table([*map(str.title, SHOWN), "Num Eval", "Num Redo", "Num Gen Expr", "Location"], rows) + "\n"


__all__ = ["Look", "render"]
