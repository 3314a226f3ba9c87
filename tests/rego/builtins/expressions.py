"""Expressions to their outcomes as text, for tables of built-ins. The outcomes are those of OPA 1.22.2."""

from __future__ import annotations

from image_enforcer import rego
from image_enforcer.rego.text import term

EMPTY = rego.compile_modules({})


def outcome(expression: str, **given: rego.Value) -> str:
    """The value as a term, ``undefined``, or ``fault: …`` with strict errors; ``given`` is the input."""
    query = EMPTY.prepare(expression, strict_builtin_errors=True)
    try:
        value = query.value(input=given)
    except rego.EvalError as error:
        return f"fault: {error.message}"
    return "undefined" if value is rego.UNDEFINED else term(value)


def value(expression: str, **given: rego.Value) -> rego.Value:
    """The value of an expression over an input."""
    return EMPTY.prepare(expression).value(input=given)
