"""Rego, the language of policies: text to compiled policy to answer.

Knows values, policies and answers; knows nothing of images, files, HTTP or the command line. The names below are
its public face; everything else in this package may change.
"""

from .engine import (
    CompileError,
    DocumentError,
    EvalError,
    ExpressionValue,
    Host,
    LimitError,
    Limits,
    Location,
    Policy,
    Query,
    RegoError,
    Snapshot,
    Solution,
    compile_modules,
    parse_module,
    parse_query,
)
from .errors import Problem
from .json_text import from_json, to_json
from .values import UNDEFINED, RegoSet, Value

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
