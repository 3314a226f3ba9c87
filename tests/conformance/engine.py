"""The language behind one function, for conformance runners: a request as JSON text in, an answer out.

Only the public API is used, nothing is read or written, and no process or socket is needed.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from image_enforcer import rego

LIMITS = rego.Limits(seconds=8.0)


def answer(request: str) -> dict[str, Any]:
    """Answer one request.

    A request has ``modules``, ``data``, ``input`` or ``input_term``, ``query``, ``strict_error`` and ``rego_version``.
    The answer is ``{"result": [bindings…]}`` or ``{"error": {"code", "message"}}``. Its values are what JSON has;
    numbers are ``int`` or ``Decimal``, so that each keeps its exact value: a ``float`` would not.
    """
    asked = rego.from_json(request)
    try:
        return {"result": [_bindings(s) for s in _solutions(asked)]}
    except rego.CompileError as e:
        return {"error": {"code": e.problems[0].code, "message": str(e)}}
    except rego.EvalError as e:
        return {"error": {"code": e.code, "message": str(e)}}
    except rego.LimitError as e:
        return {"error": {"code": f"limit_{e.kind}", "message": e.message}}


def _solutions(asked: Any) -> tuple[rego.Solution, ...]:
    modules = {f"test-{i}.rego": text for i, text in enumerate(asked.get("modules") or [])}
    policy = rego.compile_modules(modules, version=asked.get("rego_version", 1))
    query = policy.prepare(asked["query"], strict_builtin_errors=bool(asked.get("strict_error")), capture=False)
    return query.run(input=_input(asked), data=asked.get("data") or {}, limits=LIMITS)


def _input(asked: Any) -> rego.Value:
    if "input_term" in asked:
        term = rego.compile_modules({}).prepare(f"x = {asked['input_term']}", capture=False)
        return term.run()[0].bindings["x"]
    return asked.get("input", rego.UNDEFINED)


def _bindings(solution: rego.Solution) -> dict[str, Any]:
    return {name: _json(value) for name, value in solution.bindings.items()}


def _json(value: rego.Value) -> Any:
    """A value as JSON has it: sets in order as arrays, keys as text, numbers exact."""
    return json.loads(rego.to_json(value), parse_float=Decimal, parse_int=_integer)


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) < 1000 else Decimal(text)
