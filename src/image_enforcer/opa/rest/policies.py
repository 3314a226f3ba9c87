"""``/v1/policies``: the policies themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from ...rego import CompileError, Location, Problem
from ...rego.errors import PARSE_ERROR
from ...rego.syntax.tree_json import module_json
from ..documents import State, missing_policy
from ..errors import NotFound, OpaError
from .replies import MODULES_FAILED, Reply, bad_request, compile_errors, document, write_error
from .requests import Request
from .services import Services

_EMPTY: Final = "empty module"


async def list_all(services: Services, request: Request) -> Reply:
    """``GET /v1/policies``."""
    state = services.evaluator.state

    def make() -> Reply:
        return document({"result": [_policy(state, name) for name in sorted(state.modules)]}, request.pretty)

    return await services.evaluator.on_thread(make)


async def get(services: Services, request: Request) -> Reply:
    """``GET /v1/policies/…``."""
    name = _name(request)
    state = services.evaluator.state
    if name not in state.modules:
        return write_error(NotFound(missing_policy(name)))
    return await services.evaluator.on_thread(lambda: document({"result": _policy(state, name)}, request.pretty))


async def put(services: Services, request: Request) -> Reply:
    """``PUT /v1/policies/…``: the body is the text."""
    name = _name(request)
    if len(request.body) > services.limits.policy:
        return bad_request(f"policy too large: {len(request.body)} bytes exceed the limit of {services.limits.policy}")
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError as e:
        return compile_errors(400, "invalid_parameter", MODULES_FAILED, _not_utf8(name, request.body, e.start))
    begun = services.monotonic_ns()
    try:
        await services.write(lambda: services.documents.put_policy(name, text))
    except CompileError as e:
        if [p.message for p in e.problems] == [_EMPTY]:
            return bad_request(f"{name}:0: {e.problems[0].code}: {_EMPTY}")
        return compile_errors(400, "invalid_parameter", MODULES_FAILED, e)
    except OpaError as e:
        return write_error(e)
    return _done(services, request, begun)


async def delete(services: Services, request: Request) -> Reply:
    """``DELETE /v1/policies/…``."""
    name = _name(request)
    begun = services.monotonic_ns()
    try:
        await services.write(lambda: services.documents.delete_policy(name))
    except CompileError as e:
        return compile_errors(400, "invalid_operation", MODULES_FAILED, e)
    except OpaError as e:
        return write_error(e)
    return _done(services, request, begun)


def _done(services: Services, request: Request, begun: int) -> Reply:
    if not request.flag("metrics"):
        return document({}, request.pretty)
    spent = services.monotonic_ns() - begun
    return document({"metrics": {"timer_rego_module_compile_ns": spent}}, request.pretty)


def _not_utf8(name: str, body: bytes, at: int) -> CompileError:
    """The faults that OPA's scanner finds in a token with a byte that is not UTF-8."""
    start = body.rfind(b"\n", 0, at) + 1
    line = body[start:].split(b"\n", 1)[0]
    before = line[: at - start].split()
    token = at - start - (len(before[-1]) if before and not line[: at - start].endswith((b" ", b"\t")) else 0)
    where = Location.named(name, body.count(b"\n", 0, at) + 1, token + 1)
    texts = ["illegal utf-8 character"]
    if line[token : token + 1] == b'"':
        texts += ["illegal token", "illegal token"]
    shown = line.decode("utf-8", "replace")
    return CompileError([Problem(PARSE_ERROR, text, where, shown, token) for text in texts])


def _name(request: Request) -> str:
    return unquote(request.rest)


def _policy(state: State, name: str) -> Mapping[str, Any]:
    return {"id": name, "raw": state.raw[name], "ast": module_json(state.policy.compiled[name])}
