"""The language behind one function, for conformance runners: a request as JSON text in, an answer out.

A request has ``modules``, ``data``, ``input`` or ``input_term``, ``query``, ``strict_error`` and ``rego_version``; the answer is
``{"result": [bindings…]}`` as JSON text, or ``{"error": {"code", "message"}}``. Only the public API is used.
"""

from __future__ import annotations

import json
from typing import Any

from image_enforcer import rego

LIMITS = rego.Limits(seconds=8.0)


def answer(request: str) -> Any:
    """Answer one request line; the result is JSON text, so that numbers keep theirs."""
    asked = rego.from_json(request)
    try:
        return _answer(asked)
    except rego.CompileError as e:
        first = e.problems[0]
        return {"error": {"code": first.code, "message": str(e)}}
    except rego.EvalError as e:
        return {"error": {"code": e.code, "message": str(e)}}
    except rego.LimitError as e:
        return {"error": {"code": f"limit_{e.kind}", "message": e.message}}


def _answer(asked: Any) -> str:
    version = asked.get("rego_version", 1)
    modules = {f"test-{i}.rego": text for i, text in enumerate(asked.get("modules") or [])}
    data = asked.get("data") or {}
    policy = rego.compile_modules(modules, version=version)
    query = policy.prepare(asked["query"], strict_builtin_errors=bool(asked.get("strict_error")), capture=False)
    given: rego.Value = rego.UNDEFINED
    if "input_term" in asked:
        term = rego.compile_modules({}).prepare(f"x = {asked['input_term']}", capture=False)
        given = term.run()[0].bindings["x"]
    elif "input" in asked:
        given = asked["input"]
    solutions = query.run(input=given, data=data, limits=LIMITS)
    rows = [json.loads("{}") if not s.bindings else s.bindings for s in solutions]
    return '{"result": [' + ", ".join(_object(r) for r in rows) + "]}"


def _object(row: Any) -> str:
    return "{" + ", ".join(f"{json.dumps(k)}: {rego.to_json(v)}" for k, v in row.items()) + "}"
