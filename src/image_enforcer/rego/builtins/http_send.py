"""``http.send``: requests over the network that the evaluation was given; there is none by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from email.message import Message
from typing import Any, Final

from ..errors import EVAL_BUILTIN_ERROR, BuiltinError, EvalError, OperandError
from ..json_text import from_json
from ..outside import HttpRequest, HttpResponse, Network, SendFault
from ..values import Value
from . import go_json, http_options, operands, yaml_documents
from .byte_texts import from_bytes
from .contract import Builtin, Context
from .http_freshness import CACHEABLE, fresh_until, may_keep
from .http_options import Keeping
from .http_requests import checked

OFF: Final = "http.send: nothing is sent, since no host is allowed (eval and run take --allow-net HOST)"
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 60.0


class _Plain(BuiltinError):
    """A fault whose text an answer tells as it is; of others it tells the error that they would be."""

    network = False


class _Network(_Plain):
    """A fault on the way."""

    network = True


def http_send(context: Context, a: Value) -> Value:
    """The answer to a request, as an object; equal requests of one evaluation are sent once."""
    given = operands.obj(a, 1)
    raising = http_options.raises(given)
    try:
        request = checked(a, 1)
        network = context.network
        if network is None:
            raise EvalError(EVAL_BUILTIN_ERROR, OFF)
        return _answer(context, network, request)
    except BuiltinError as fault:
        if raising:
            raise
        return _told(fault)


def _told(fault: BuiltinError) -> Value:
    if isinstance(fault, _Plain):
        code = "eval_http_send_network_error" if fault.network else "eval_http_send_internal_error"
        text = str(fault)
    else:
        kind = "eval_type_error" if isinstance(fault, OperandError) else EVAL_BUILTIN_ERROR
        code, text = "eval_http_send_internal_error", f"{kind}: http.send: {fault}"
    return {"status_code": 0, "error": {"code": code, "message": text}}


def _answer(context: Context, network: Network, request: dict[Any, Value]) -> Value:
    try:
        k = http_options.cache_key(request)
    except BuiltinError as fault:
        raise _Plain(str(fault)) from None
    keep = http_options.keeping(request)
    known: dict[Any, Value | BuiltinError] = context.cache.setdefault("http.send", {})
    found = known.get(k)
    if isinstance(found, BuiltinError):
        raise found
    if found is not None:
        return found
    call = _Call(context, network, request, k)
    try:
        value, code = call.kept(keep) if keep.wanted else call.fresh()
    except BuiltinError as fault:
        known[k] = fault
        raise
    if keep.wanted or code in CACHEABLE:
        known[k] = value
    return value


class _Call:
    """One call: the request with where it goes."""

    def __init__(self, context: Context, network: Network, request: dict[Any, Value], k: Any) -> None:
        self.context = context
        self.network = network
        self.request = request
        self.k = k

    def fresh(self) -> tuple[Value, int]:
        """The answer of the server."""
        response = self.sent({})
        return self.value(response), response.code

    def kept(self, keep: Keeping) -> tuple[Value, int]:
        """The answer that was kept, if it is fresh or the server says that it still holds; else a new one."""
        store, now_ns = self.network.kept, self.context.now_ns
        found = store.get(self.k)
        response: HttpResponse | None = None
        if found is not None:
            if now_ns < found[1]:
                return self.value(found[0]), found[0].code
            response = self.confirmed(found[0])
            store.drop(self.k)
        if response is None:
            response = self.sent({})
        until = fresh_until(response, now_ns, keep.forced_seconds)
        mode = self.request.get("caching_mode", "serialized")
        if until is not None and may_keep(response, keep.forced_seconds) and mode in ("serialized", "deserialized"):
            store.put(self.k, response, until)
        return self.value(response), response.code

    def confirmed(self, stale: HttpResponse) -> HttpResponse | None:
        """What the server says to an answer that is no longer fresh; None where it cannot be asked."""
        etag, modified = stale.header("etag"), stale.header("last-modified")
        asked = {"If-None-Match": etag} if etag else {}
        asked |= {"If-Modified-Since": modified} if modified else {}
        if not asked:
            return None
        said = self.sent(asked)
        if said.code == 304:
            return replace(stale, headers={**stale.headers, **said.headers})
        return said if said.code == 200 else None

    def sent(self, more: Mapping[str, str]) -> HttpResponse:
        """The server's answer, asked for again where that is wanted."""
        made = http_options.built(self.request)
        try:
            again = http_options.tries(self.request)
        except BuiltinError as fault:
            raise _Plain(str(fault)) from None
        made = replace(made, headers={**made.headers, **more})
        for attempt in range(again + 1):
            self.context.spend(1_000, 2 * len(made.body))
            try:
                response = self.network.send(self.in_time(made))
            except SendFault as fault:
                if attempt == again or not fault.network:
                    raise self.refused(fault, made) from None
                left = self.context.seconds_left
                pause = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
                self.network.pause(pause if left is None else max(min(pause, left), 0.0))
            else:
                self.context.spend(len(response.body) >> 4, 4 * len(response.body))
                return response
        raise AssertionError

    def in_time(self, request: HttpRequest) -> HttpRequest:
        """The request with no more time than the evaluation has."""
        left = self.context.seconds_left
        return request if left is None or left >= request.seconds else replace(request, seconds=max(left, 0.001))

    def refused(self, fault: SendFault, request: HttpRequest) -> BuiltinError:
        """The error that OPA has for it."""
        if not fault.network:
            return BuiltinError(str(fault))
        if fault.late and http_options.raises(self.request):
            return _Network(f"{request.method.capitalize()} {request.url}: request timed out")
        return _Network(str(fault))

    def value(self, response: HttpResponse) -> Value:
        """An answer as the object that a policy sees."""
        as_json = http_options.flag(self.request, "force_json_decode")
        as_yaml = http_options.flag(self.request, "force_yaml_decode")
        kind = response.header("content-type")
        text = from_bytes(response.body)
        body: Value = None
        if as_json or _is_json(kind):
            body = _decoded(text)
        elif as_yaml or "application/yaml" in kind or "application/x-yaml" in kind:
            try:
                body = yaml_documents.load(text)
            except yaml_documents.YamlError:
                body = None
        headers = {name.lower(): list(values) for name, values in response.headers.items()}
        return {
            "status": response.status, "status_code": response.code, "body": body, "raw_body": text,
            "headers": headers,
        }  # fmt: skip


def _is_json(kind: str) -> bool:
    message = Message()
    message["content-type"] = kind
    found = message.get_content_type()
    return bool(kind) and found.startswith("application/") and (found == "application/json" or found.endswith("+json"))


def _decoded(text: str) -> Value:
    """The value that a text begins with, null where it is none."""
    try:
        return from_json(text)
    except ValueError:
        pass
    try:
        _, rest = go_json.first_value(text)
        return from_json(text[: len(text) - len(rest)])
    except (ValueError, BuiltinError):
        return None


BUILTINS: Final[Mapping[str, Builtin]] = {"http.send": Builtin(http_send, context=True)}
