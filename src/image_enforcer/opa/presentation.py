"""Results as people and programs read them: pretty values and tables, JSON in OPA's shape, raw values."""

from __future__ import annotations

from ..rego.errors import CompileError, EvalError, LimitError
from ..rego.json_output import to_json
from ..rego.places import Location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

    from ..rego import Problem, RegoError, Solution, Value
    from .errors import LoadError

DEFAULT_WIDTH: Final = 80
"""How many characters of a value a table's cell shows."""

FORMATS: Final = ("json", "values", "bindings", "pretty", "raw", "discard")
"""The ways in which :func:`render` shows results."""


_COMMANDING: Final = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"


def harmless(text: str) -> str:
    """Text with control characters, and those that turn the direction of writing, as escapes: safe on a terminal."""
    import re  # late: only a terminal needs it

    return re.sub(_COMMANDING, lambda m: f"\\u{ord(m.group()):04x}", text)


def render(
    form: str, solutions: Sequence[Solution], *, width: int = DEFAULT_WIDTH, metrics: Mapping[str, int] | None = None,
    more: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Results in one of :data:`FORMATS`, each line ended. ``more`` is shown beside the results where JSON is."""
    match form:
        case "pretty":
            out = pretty(solutions, width) + "\n"
            return out + metrics_table(metrics) if metrics else out
        case "values":
            return "".join(to_json([e.value for e in s.expressions], indent=2) + "\n" for s in solutions)
        case "bindings":
            return "".join(dumps({k: Raw(v) for k, v in s.bindings.items()}) + "\n" for s in solutions)
        case "raw":
            return "".join(" ".join(_raw(e.value) for e in s.expressions) + "\n" for s in solutions)
    shown = document(solutions)
    if form == "discard" and shown:
        shown["result"] = "discarded"
    if metrics:
        shown["metrics"] = dict(metrics)
    return dumps({**shown, **(more or {})}) + "\n"


def _raw(value: Value) -> str:
    return value if type(value) is str else to_json(value)


def duration(nanoseconds: int) -> str:
    """A time below a minute as Go writes it: ``1.25ms``, ``12µs``."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if nanoseconds >= size:
            whole, part = divmod(nanoseconds, size)
            fraction = f".{part:0{len(str(size)) - 1}d}".rstrip("0").rstrip(".")
            return f"{whole}{fraction}{unit}"
    return f"{nanoseconds}ns" if nanoseconds else "0s"


def metrics_table(metrics: Mapping[str, int]) -> str:
    """Times by name as a table."""
    from .tables import table

    return table(["Metric", "Value"], [[k, str(v)] for k, v in sorted(metrics.items())]) + "\n"


def pretty(solutions: Sequence[Solution], width: int = DEFAULT_WIDTH) -> str:
    """A value on its own, a table, or ``undefined``; without the last newline."""
    if not solutions:
        return "undefined"
    first = solutions[0]
    if len(solutions) == 1 and not first.bindings:
        values = [e.value for e in first.expressions]
        if len(values) == 1 or all(type(v) is bool for v in values):
            return to_json(values[0], indent=2)
    from .tables import table

    columns = _columns(solutions)
    rows = [[_cell(s, c, width) for c in columns] for s in solutions]
    return table([c[1] for c in columns], rows)


def _columns(solutions: Sequence[Solution]) -> list[tuple[int, str]]:
    """Expressions, then bindings by name: (index, text) or (-1, name), as the first solution has them.

    Beside bindings an expression that is a mere condition, true or false, is left out.
    """
    first = solutions[0]
    shown = [(i, e.text) for i, e in enumerate(first.expressions) if not first.bindings or type(e.value) is not bool]
    return shown + [(-1, name) for name in sorted(first.bindings)]


def _cell(solution: Solution, column: tuple[int, str], width: int) -> str:
    index, name = column
    value = solution.bindings.get(name) if index < 0 else solution.expressions[index].value
    text = to_json(value)
    return text if not width or len(text) <= width else text[:width] + "..."


def document(solutions: Sequence[Solution]) -> dict[str, Any]:
    """Results in OPA's shape, ready for :func:`dumps`."""
    if not solutions:
        return {}
    return {"result": [_solution(s) for s in solutions]}


def _solution(solution: Solution) -> dict[str, Any]:
    out: dict[str, Any] = {
        "expressions": [
            {"value": Raw(e.value), "text": e.text, "location": {"row": e.location.row, "col": e.location.col}}
            for e in solution.expressions
        ]
    }
    if solution.bindings:
        out["bindings"] = {k: Raw(v) for k, v in solution.bindings.items()}
    return out


def errors(error: RegoError | LoadError) -> list[dict[str, Any]]:
    """An error as OPA's list of ``{message, code, location, details}``."""
    from .errors import LoadError  # late: results come from no files

    match error:
        case LoadError():
            return [{"message": c.text} if c.problem is None else _problem(c.problem) for c in error.causes]
        case CompileError():
            return [_problem(p) for p in error.problems]
        case EvalError():
            return [{"message": error.message, "code": error.code, "location": place(error.location)}]
        case LimitError():
            return [{"message": error.message, "code": "eval_cancel_error", "location": place(error.location)}]
    return [{"message": str(error), "code": "eval_internal_error", "location": place(Location())}]


def _problem(problem: Problem) -> dict[str, Any]:
    shown: dict[str, Any] = {"message": problem.message, "code": problem.code}
    if problem.location != Location():
        shown["location"] = place(problem.location)
    if problem.line is not None and problem.code == "rego_parse_error":
        shown["details"] = {"line": problem.line, "idx": problem.index}
    if problem.detail is not None:
        from .error_details import detail_json

        shown["details"] = detail_json(problem.detail)
    return shown


def place(location: Location) -> dict[str, Any]:
    """A location as OPA's JSON."""
    return {"file": location.file, "row": location.row, "col": location.col}


def error_text(error: RegoError) -> str:
    """An error as the REPL prints it."""
    if isinstance(error, EvalError):
        where = error.location
        shown = f"{where.file}:{where.row}" if where.file else where.text or f"{where.row}:{where.col}"
        return f"1 error occurred: {shown}: {error.code}: {error.message}"
    if isinstance(error, CompileError):
        return str(error)
    return f"1 error occurred: {error}"


class Raw:
    """A value of the language inside a document of plain Python."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


def dumps(value: Any, indent: int | None = 2, level: int = 0) -> str:
    """Plain Python and :class:`Raw` values as JSON, keys in the order given, strings escaped as Go does."""
    if isinstance(value, Raw):
        text = to_json(value.value, indent=indent)
        pad = " " * ((indent or 0) * level)
        return text.replace("\n", "\n" + pad)
    if isinstance(value, dict):
        if not value:
            return "{}"
        pairs = [f"{to_json(str(k))}:{' ' if indent else ''}{dumps(v, indent, level + 1)}" for k, v in value.items()]
        return _wrapped("{", pairs, "}", indent, level)
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        return _wrapped("[", [dumps(v, indent, level + 1) for v in value], "]", indent, level)
    if isinstance(value, float):
        import json

        return json.dumps(value)
    return to_json(value)


def _wrapped(opening: str, parts: list[str], closing: str, indent: int | None, level: int) -> str:
    if not indent:
        return opening + ",".join(parts) + closing
    pad = "\n" + " " * (indent * (level + 1))
    return opening + pad + ("," + pad).join(parts) + "\n" + " " * (indent * level) + closing
