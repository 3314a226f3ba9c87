"""The ASGI application: reads a request under limits, asks who may, finds the handler, replies, counts and logs."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from structlog.typing import FilteringBoundLogger

from ...asgi import Receive, Scope, Send
from .authz import Authorizer, bearer_token, client_certificate
from .bodies import accepts_gzip, compressed, may_compress, too_large
from .metrics import RequestMetrics
from .paths import well_formed
from .replies import TEXT, Refused, Reply, error, internal
from .requests import Request
from .routes import Found, find, find_diagnostic
from .services import Services

Route: TypeAlias = Callable[[str, str, str], Found]

PEER_CERTIFICATE: Final = "peer_certificate"
"""Under this key of the scope's ``state`` the connection leaves the client's certificate (DER)."""

PART: Final = 256 << 10
"""Bytes of a reply that are handed over at once."""

_CLOSE: Final = (("Connection", "close"),)
_LARGE: Final = 64 << 10


@dataclass(slots=True)
class Intake:
    """Bytes of bodies and long replies that are held at once, over all requests, and the most that may be."""

    limit: int = 1 << 30
    held: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How requests are taken. ``authentication`` is off, token or tls; ``patience`` the seconds a body may pause."""

    authentication: str = "off"
    patience: float = 30.0
    intake: Intake = field(default_factory=Intake)


class _Gone(Exception):
    """The client left before its request was whole."""


class App:
    """OPA's REST interface as an ASGI application."""

    def __init__(
        self,
        services: Services,
        authorizer: Authorizer | None,
        metrics: RequestMetrics,
        log: FilteringBoundLogger,
        settings: Settings,
    ) -> None:
        self._services = services
        self._authorizer = authorizer
        self._metrics = metrics
        self._log = log
        self._settings = settings
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI connection; only HTTP is spoken."""
        await self._serve(scope, receive, send, find)

    async def diagnostic(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same application where only health and metrics are served."""
        await self._serve(scope, receive, send, find_diagnostic)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, route: Route) -> None:
        if scope["type"] != "http":
            return
        clock = self._services.monotonic_ns
        begun = clock()
        number = next(self._numbers)
        raw = scope["raw_path"].decode("latin-1")
        path = raw if raw.startswith("/") else "/" + raw
        about = {
            "client_addr": _address(scope.get("client")), "req_id": number, "req_method": scope["method"],
            "req_path": scope["path"],
        }  # fmt: skip
        self._log.info("Received request.", **about)
        try:
            reply, name = await self._answered(scope, receive, path, route)
        except _Gone:
            self._log.info("Client went away.", **about)
            return
        spent = clock() - begun
        self._metrics.observe(reply.status, name, scope["method"], spent / 1e9)
        try:
            await _send(send, reply, self._settings)
        except TimeoutError:
            self._log.info("Client stopped reading.", **about)
            return
        self._log.info(
            "Sent response.", **about, resp_status=reply.status, resp_bytes=len(reply.body), resp_duration=spent / 1e6
        )

    async def _answered(self, scope: Scope, receive: Receive, path: str, route: Route) -> tuple[Reply, str]:
        method = scope["method"]
        name = "authz"
        held = 0
        try:
            if not well_formed(path):
                return Reply(400, b"400 Bad Request", TEXT, _CLOSE), "catchall"
            request = self._request(scope, path)
            found = route(method, path, request.query)
            body = await self._body(request, receive)
            held = len(body)
            request.body = body
            if self._authorizer is not None:
                await self._authorizer.check(request)
            name = found.name
            reply = await self._handled(found, request)
        except Refused as refused:
            reply = refused.reply
        except MemoryError:
            reply = internal("there is not enough memory for this request")
        except RecursionError:
            reply = internal("something in the request is nested too deep")
        finally:
            self._settings.intake.held -= held
        if route is find and reply.headers != _CLOSE and may_compress(method, path):
            reply = replace(reply, headers=(*reply.headers, ("Vary", "Accept-Encoding")))
            large = len(reply.body) >= self._services.limits.compress_from
            if large and accepts_gzip(",".join(_headers(scope).get("accept-encoding", ()))):
                plain = reply
                if len(plain.body) < _LARGE:
                    reply = compressed(plain)
                else:
                    reply = await self._services.evaluator.on_thread(lambda: compressed(plain))
        return reply, name

    async def _handled(self, found: Found, request: Request) -> Reply:
        if found.handler is None:
            assert found.reply is not None
            return found.reply
        request.rest = found.rest
        return await found.handler(self._services, request)

    def _request(self, scope: Scope, path: str) -> Request:
        request = Request(scope["method"], path, scope["query_string"].decode("latin-1"), _headers(scope))
        match self._settings.authentication:
            case "token":
                request.identity = bearer_token(request.headers)
            case "tls":
                der = scope.get("state", {}).get(PEER_CERTIFICATE)
                if der is not None:
                    try:
                        request.identity, request.certificates = client_certificate(der)
                    except ValueError:
                        raise Refused(internal("the client's certificate cannot be read")) from None
        return request

    async def _body(self, request: Request, receive: Receive) -> bytes:
        """The whole body; beyond a limit the request is refused and the connection closed."""
        limits, intake = self._services.limits, self._settings.intake
        told = request.header("content-length")
        if told.isascii() and told.isdigit() and len(told) < 19 and int(told) > limits.plain:
            raise Refused(replace(too_large(limits, int(told)), headers=_CLOSE))
        parts: list[bytes] = []
        size = 0
        kept = False
        try:
            while True:
                try:
                    message = await asyncio.wait_for(receive(), self._settings.patience)
                except TimeoutError:
                    reason = f"the body paused for more than {self._settings.patience:g} seconds"
                    raise Refused(replace(error(408, "invalid_parameter", reason), headers=_CLOSE)) from None
                if message["type"] == "http.disconnect":
                    raise _Gone
                part = message.get("body", b"")
                size += len(part)
                intake.held += len(part)
                if size > limits.plain:
                    raise Refused(replace(too_large(limits), headers=_CLOSE))
                if intake.held > intake.limit:
                    reason = "too many large requests at once: try again later"
                    raise Refused(replace(error(503, "internal_error", reason), headers=_CLOSE))
                parts.append(part)
                if not message.get("more_body", False):
                    kept = True
                    return parts[0] if len(parts) == 1 else b"".join(parts)
        finally:
            if not kept:
                intake.held -= size


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))
    return found


def _address(client: Any) -> str:
    return f"{client[0]}:{client[1]}" if client else ""


async def _send(send: Send, reply: Reply, settings: Settings) -> None:
    """Send a reply, a long one in parts; a client that stops reading is left."""
    headers = [(b"content-type", reply.content_type.encode())] if reply.content_type else []
    headers += [(k.lower().encode("latin-1"), v.encode("latin-1", "replace")) for k, v in reply.headers]
    if reply.status not in (204, 304):
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if len(reply.body) <= PART:
        await send({"type": "http.response.body", "body": reply.body})
        return
    settings.intake.held += len(reply.body)
    try:
        for at in range(0, len(reply.body), PART):
            part = {"type": "http.response.body", "body": reply.body[at : at + PART]}
            await asyncio.wait_for(send({**part, "more_body": at + PART < len(reply.body)}), settings.patience)
    finally:
        settings.intake.held -= len(reply.body)
