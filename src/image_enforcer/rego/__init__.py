"""Rego, the language of policies: text to compiled policy to answer.

Knows values, policies and answers; knows nothing of images, files, HTTP or the command line. The names below are
its public face; everything else in this package may change. Each is imported when it is first asked for, since who
runs code that is there already needs no compiler.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .engine import Policy, Query, compile_modules, parse_module, parse_query
    from .errors import CompileError, DocumentError, EvalError, LimitError, Problem, RegoError
    from .json_output import to_json
    from .json_text import from_json
    from .places import Location
    from .run.limits import Host, Limits
    from .run.running import ExpressionValue, Solution
    from .run.snapshot import Snapshot
    from .values import UNDEFINED, RegoSet, Value

_WHERE = {
    "engine": "Policy Query compile_modules parse_module parse_query",
    "errors": "CompileError DocumentError EvalError LimitError Problem RegoError",
    "json_output": "to_json",
    "json_text": "from_json",
    "places": "Location",
    "run.limits": "Host Limits",
    "run.running": "ExpressionValue Solution",
    "run.snapshot": "Snapshot",
    "values": "UNDEFINED RegoSet Value",
}


def __getattr__(name: str) -> object:
    for module, names in _WHERE.items():
        if name in names.split():
            found: object = getattr(__import__(f"{__name__}.{module}", fromlist=(name,)), name)
            globals()[name] = found
            return found
    if not name.startswith("_"):
        from importlib import import_module

        try:  # a module of this package, which used to be there with the engine
            return import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as e:
            if e.name != f"{__name__}.{name}":
                raise
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "UNDEFINED",
    "CompileError",
    "DocumentError",
    "EvalError",
    "ExpressionValue",
    "Host",
    "LimitError",
    "Limits",
    "Location",
    "Policy",
    "Problem",
    "Query",
    "RegoError",
    "RegoSet",
    "Snapshot",
    "Solution",
    "Value",
    "compile_modules",
    "from_json",
    "parse_module",
    "parse_query",
    "to_json",
]
