"""``/v1/query`` and ``/v1/compile``: queries that come with the request."""

from __future__ import annotations

from typing import Any, Final

from ...rego import UNDEFINED, CompileError, Location, Problem, RegoError, Solution, Value, parse_query
from ...rego.check.visit import walk
from ...rego.errors import TYPE_ERROR
from ...rego.syntax.nodes import Body, Call, CallExpr
from ...rego.syntax.printer import term_text
from .bodies import field, go_kind, json_body
from .data import EXPLAIN_MODES
from .evaluate import UNSAFE_BUILTINS
from .replies import Refused, Reply, bad_request, compile_errors, document, error, evaluation_error, internal, raw
from .requests import Request
from .services import Services

_DECODING: Final = "error(s) occurred while decoding request: "
_PARSING: Final = "error(s) occurred while parsing query"
_NO_BODY: Final = "expected body but got "
_COMPILING: Final = "error(s) occurred while compiling query"


async def get(services: Services, request: Request) -> Reply:
    """``GET /v1/query?q=…``."""
    text = request.last("q")
    if text is None:
        return bad_request("missing parameter 'q'")
    return await _answered(services, request, text, UNDEFINED)


async def post(services: Services, request: Request) -> Reply:
    """``POST /v1/query`` with ``{"query", "input"}``."""
    found = await services.parse(request, lambda: json_body(request, _DECODING))
    fields = _fields(found, "QueryRequestV1")
    input_ = field(fields, "input")
    return await _answered(services, request, _query(fields, "QueryRequestV1"), UNDEFINED if input_ is None else input_)


async def compile_post(services: Services, request: Request) -> Reply:
    """``POST /v1/compile``: faults of the request are told as OPA tells them, the rest is not supported."""
    found = await services.parse(request, lambda: json_body(request, _DECODING))
    text = _query(_fields(found, "CompileRequestV1"), "CompileRequestV1")
    if len(text) <= services.limits.query and not await services.evaluator.on_thread(lambda: _parsed(text)):
        return bad_request("missing required 'query' value")
    return not_compiled()


async def compile_filters(_services: Services, _request: Request) -> Reply:
    """``/v1/compile/…``: data filters are not supported."""
    return not_compiled()


def not_compiled() -> Reply:
    """501: partial evaluation is not there."""
    return error(501, "not_implemented", "partial evaluation (/v1/compile) is not supported: ask /v1/data or /v1/query")


def _fields(found: Value, kind: str) -> dict[Any, Value]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        reason = f"json: cannot unmarshal {go_kind(found)} into Go value of type types.{kind}"
        raise Refused(bad_request(_DECODING + reason))
    return found


def _query(fields: dict[Any, Value], kind: str) -> str:
    text = field(fields, "query")
    if text is None:
        return ""
    if not isinstance(text, str):
        reason = f"json: cannot unmarshal {go_kind(text)} into Go struct field {kind}.query of type string"
        raise Refused(bad_request(_DECODING + reason))
    return text


def _parsed(text: str) -> Body:
    """The query's tree, empty where there is nothing but comments; raises :class:`Refused`."""
    try:
        return parse_query(text)
    except CompileError as e:
        kind = e.problems[0].message.removeprefix(_NO_BODY)
        if kind != e.problems[0].message:
            raise Refused(internal(f"{_NO_BODY}*ast.{kind}")) from None
        raise Refused(compile_errors(400, "invalid_parameter", _PARSING, e)) from None


async def _answered(services: Services, request: Request, text: str, input_: Value) -> Reply:
    if len(text) > services.limits.query:
        return bad_request(f"query too large: {len(text)} characters exceed the limit of {services.limits.query}")
    begun = services.monotonic_ns()
    body = await services.evaluator.on_thread(lambda: _parsed(text))
    if not body:
        return internal("cannot evaluate empty query")
    forbidden = [_forbidden(c, name) for c in walk(body) for name in [_called(c)] if name in UNSAFE_BUILTINS]
    if forbidden:
        return compile_errors(400, "invalid_parameter", _COMPILING, CompileError(forbidden))
    try:
        solutions = await services.evaluator.query(body, input_)
    except CompileError as e:
        return compile_errors(400, "invalid_parameter", _COMPILING, e)
    except RegoError as e:
        return evaluation_error(e)
    fields: dict[str, Any] = {}
    if request.params.get("explain", [""])[0] in EXPLAIN_MODES:
        fields["explanation"] = []
    if request.wants_metrics:
        fields["metrics"] = {**request.timers, "timer_rego_query_eval_ns": services.monotonic_ns() - begun}
    if solutions:
        fields["result"] = [_row(s) for s in solutions]
    return await services.evaluator.on_thread(lambda: document(fields, request.pretty))


def _called(node: object) -> str:
    return term_text(node.operator) if isinstance(node, Call | CallExpr) else ""


def _forbidden(call: object, name: str) -> Problem:
    where = call.operator.loc if isinstance(call, Call | CallExpr) else Location()
    return Problem(TYPE_ERROR, f"unsafe built-in function calls in expression: {name}", where)


def _row(solution: Solution) -> dict[str, Any]:
    return {name: raw(value) for name, value in sorted(solution.bindings.items()) if not name.startswith("$")}
