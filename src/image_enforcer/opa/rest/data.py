"""``/v0/data``, ``/v1/data`` and ``/``: decisions, and writing base documents."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from ...rego import UNDEFINED, CompileError, RegoError, Value
from ...rego.json_text import packed_from_json
from ..errors import OpaError
from ..trees import Path
from .bodies import field, go_kind, input_v0, input_v1, json_body
from .evaluate import Answer
from .json_stream import JsonFault, first_value
from .paths import MAX_STEPS, BadSegment, DataPath, data_path, reference_text, segments, well_formed
from .replies import (
    NO_CONTENT,
    NOT_MODIFIED,
    Refused,
    Reply,
    bad_request,
    bare,
    document,
    error,
    evaluation_error,
    internal,
    raw,
    write_error,
)
from .requests import Request
from .services import Services

DEFAULT_DECISION: Final = "/system/main"
EXPLAIN_MODES: Final = ("notes", "fails", "full", "debug")

_WARNING: Final = {"code": "api_usage_warning", "message": "'input' key missing from the request"}
_PATCH: Final = "PatchV1"


async def post_v0(services: Services, request: Request) -> Reply:
    """``POST /v0/data/…``: the body is the input, the reply the value itself."""
    input_ = await services.parse(request, lambda: input_v0(request, services.limits))
    return await _decide_v0(services, request, request.rest, input_)


async def post_default(services: Services, request: Request) -> Reply:
    """``POST /``: the default decision, asked as with :func:`post_v0`."""
    input_ = await services.parse(request, lambda: input_v0(request, services.limits))
    return await _decide_v0(services, request, DEFAULT_DECISION, input_)


async def _decide_v0(services: Services, request: Request, path: str, input_: Value) -> Reply:
    steps, answer = await _evaluated(services, path, input_)
    if answer.value is UNDEFINED:
        known = services.evaluator.state.policy.has_rules([str(s) for s in steps])
        text = "document undefined" if known else "document missing"
        return error(404, "undefined_document", f"{text}: {reference_text(steps)}")
    return await services.evaluator.rendered(answer.value, lambda: bare(answer.value, request.pretty))


async def get_v1(services: Services, request: Request) -> Reply:
    """``GET /v1/data/…``: the input, if any, is a parameter."""
    text = request.last("input")
    input_: Value = UNDEFINED
    if text is not None:
        try:
            input_ = first_value(text.encode("utf-8", "surrogatepass"))
        except JsonFault as e:
            return bad_request(f"parameter contains malformed input document: {e}")
    return await _decide_v1(services, request, input_, warn=False)


async def post_v1(services: Services, request: Request) -> Reply:
    """``POST /v1/data/…``: the body has the input."""
    input_ = await services.parse(request, lambda: input_v1(request, services.limits))
    return await _decide_v1(services, request, input_, warn=input_ is UNDEFINED)


async def _decide_v1(services: Services, request: Request, input_: Value, *, warn: bool) -> Reply:
    begun = services.monotonic_ns()
    strict = request.flag("strict-builtin-errors")
    _, answer = await _evaluated(services, request.rest, input_, strict=strict)
    fields: dict[str, Any] = {}
    if request.flag("provenance"):
        fields["provenance"] = {
            "version": services.version, "build_commit": "", "build_timestamp": "", "build_hostname": "",
        }  # fmt: skip
    if request.params.get("explain", [""])[0] in EXPLAIN_MODES and answer.value is not UNDEFINED:
        fields["explanation"] = []
    if request.wants_metrics:
        fields["metrics"] = {
            "counter_server_query_cache_hit": int(answer.cached), **request.timers,
            **({} if answer.cached else {"timer_rego_query_compile_ns": answer.prepare_ns}),
            "timer_rego_query_eval_ns": answer.eval_ns,
            "timer_server_handler_ns": services.monotonic_ns() - begun,
        }  # fmt: skip
    if answer.value is not UNDEFINED:
        fields["result"] = raw(answer.value)
    if warn:
        fields["warning"] = _WARNING
    return await services.evaluator.rendered(answer.value, lambda: document(fields, request.pretty))


async def _evaluated(services: Services, path: str, input_: Value, *, strict: bool = False) -> tuple[DataPath, Answer]:
    try:
        steps = data_path(path)
    except BadSegment as e:
        raise Refused(internal(f"invalid_parameter: {e}")) from None
    try:
        return steps, await services.evaluator.reference(steps, input_, strict=strict)
    except RegoError as e:
        raise Refused(evaluation_error(e)) from None


# --- writing -------------------------------------------------------------------------------------


async def put(services: Services, request: Request) -> Reply:
    """``PUT /v1/data/…``: write a document, with ``If-None-Match: *`` only where there is none."""
    begun = services.monotonic_ns()
    value = await services.parse(request, lambda: json_body(request, decode=packed_from_json))
    path = _document_path(request)
    absent = request.header("if-none-match") == "*"
    try:
        written = await services.write(lambda: services.documents.put_data(path, value, absent=absent))
    except (OpaError, CompileError) as e:
        return write_error(e)
    return _done(services, request, begun) if written else NOT_MODIFIED


async def delete(services: Services, request: Request) -> Reply:
    """``DELETE /v1/data/…``."""
    begun = services.monotonic_ns()
    path = _document_path(request)
    try:
        await services.write(lambda: services.documents.delete_data(path))
    except (OpaError, CompileError) as e:
        return write_error(e)
    return _done(services, request, begun)


async def patch(services: Services, request: Request) -> Reply:
    """``PATCH /v1/data/…``: add, remove and replace, all of them or none."""
    begun = services.monotonic_ns()
    found = await services.parse(request, lambda: json_body(request))
    operations = _operations(request, found)
    try:
        await services.write(lambda: services.documents.patch_data(operations))
    except (OpaError, CompileError) as e:
        return write_error(e)
    return _done(services, request, begun)


def _done(services: Services, request: Request, begun: int) -> Reply:
    if not request.flag("metrics"):
        return NO_CONTENT
    return document({"metrics": {**request.timers, "timer_server_handler_ns": services.monotonic_ns() - begun}})


def _document_path(request: Request, more: Path = ()) -> Path:
    path = segments(request.rest) + more
    if len(path) > MAX_STEPS:
        raise Refused(bad_request(f"bad path: more than {MAX_STEPS} segments"))
    return path


def _operations(request: Request, found: Value) -> list[tuple[str, Path, Value]]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise Refused(_mistyped(found, f"value of type []types.{_PATCH}"))
    named = [(_text(o, "op"), _text(o, "path"), field(o, "value")) for o in found if _is_object(o)]
    made = []
    for op, path, value in named:
        if op not in ("add", "remove", "replace"):
            raise Refused(bad_request(f"bad patch operation: {op}"))
        if not well_formed(path):
            raise Refused(bad_request(f"bad patch path: {path}"))
        made.append((op, _document_path(request, _pointer(path)), value))
    return made


def _is_object(operation: Value) -> bool:
    if not isinstance(operation, dict):
        raise Refused(_mistyped(operation, f"value of type types.{_PATCH}"))
    return True


def _text(operation: dict[Any, Value], name: str) -> str:
    value = field(operation, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(_mistyped(value, f"struct field {_PATCH}.{name} of type string"))
    return value


def _mistyped(value: Value, target: str) -> Reply:
    return bad_request(f"json: cannot unmarshal {go_kind(value)} into Go {target}")


def _pointer(path: str) -> Path:
    steps = path.strip("/")
    return tuple(unquote(s).replace("~1", "/").replace("~0", "~") for s in steps.split("/")) if steps else ()
