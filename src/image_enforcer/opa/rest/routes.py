"""Which handler answers a path and method, with the redirects and refusals of Go's router and of OPA behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from . import data, policies, queries, server_state
from .paths import cleaned, escaped_again, without_slash
from .replies import METHOD_NOT_ALLOWED, NOT_FOUND, Reply, redirect, wrong_method
from .services import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """A path, or with ``below`` what is below it: handlers by method, and whether other methods get a bare 405."""

    name: str
    handlers: Mapping[str, Handler]
    below: bool = False
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A handler with what the route left of the path and its name in metrics, or a reply at once."""

    name: str
    rest: str = ""
    handler: Handler | None = None
    reply: Reply | None = None


_V1_DATA: Final[Mapping[str, Handler]] = {
    "GET": data.get_v1, "POST": data.post_v1, "PUT": data.put, "PATCH": data.patch,
}  # fmt: skip
_POLICY: Final[Mapping[str, Handler]] = {"GET": policies.get, "PUT": policies.put, "DELETE": policies.delete}
_QUERY: Final[Mapping[str, Handler]] = {"GET": queries.get, "POST": queries.post}
_FILTERS: Final[Mapping[str, Handler]] = {"GET": queries.compile_filters, "POST": queries.compile_filters}

EXACT: Final[Mapping[str, Route]] = {
    "/": Route("index", {"GET": server_state.index, "POST": data.post_default}),
    "/health": Route("health", {"GET": server_state.health}),
    "/metrics": Route("metrics", {"GET": server_state.metrics}),
    "/v0/data": Route("v0/data", {"POST": data.post_v0}, bare=True),
    "/v1/data": Route("v1/data", _V1_DATA, bare=True),
    "/v1/policies": Route("v1/policies", {"GET": policies.list_all}, bare=True),
    "/v1/query": Route("v1/query", _QUERY, bare=True),
    "/v1/compile": Route("v1/compile", {"POST": queries.compile_post}),
    "/v1/config": Route("v1/config", {"GET": server_state.config}),
    "/v1/status": Route("v1/status", {"GET": server_state.status}),
}
BELOW: Final[Mapping[str, Route]] = {
    "/health/": Route("health", {"GET": server_state.health_rule}, below=True),
    "/v0/data/": Route("v0/data", {"POST": data.post_v0}, below=True, bare=True),
    "/v1/data/": Route("v1/data", {**_V1_DATA, "DELETE": data.delete}, below=True, bare=True),
    "/v1/policies/": Route("v1/policies", _POLICY, below=True, bare=True),
    "/v1/query/": Route("v1/query", {}, below=True, bare=True),
    "/v1/compile/": Route("v1/compile", _FILTERS, below=True),
}


def find(method: str, raw: str, query: str) -> Found:
    """What answers a request."""
    clean = cleaned(raw)
    if clean != raw:
        location = escaped_again(clean) + (f"?{query}" if query else "")
        return Found("redirect", reply=redirect(307, location, method))
    if clean == "/v1/compile" and method == "GET":
        return Found("redirect", reply=redirect(307, "/v1/compile/" + (f"?{query}" if query else ""), method))
    route, rest = EXACT.get(clean), ""
    if route is None:
        for prefix, below in BELOW.items():
            if clean.startswith(prefix):
                route, rest = below, clean[len(prefix) :]
                break
    if route is None:
        return Found("catchall", reply=NOT_FOUND)
    if not route.bare and method not in route.handlers and method != "HEAD":
        return Found("catchall", reply=wrong_method(_allowed(clean, route)))
    if clean != "/" and (clean.endswith("/") or unquote(clean).endswith("/")):
        return Found("catchall", reply=redirect(301, without_slash(clean), method))
    handler = route.handlers.get(method)
    if handler is None:
        return Found("catchall", reply=METHOD_NOT_ALLOWED)
    return Found(route.name, rest, handler)


def find_diagnostic(method: str, raw: str, query: str) -> Found:
    """What answers a request on an address for health and metrics only."""
    if cleaned(raw).startswith(("/health", "/metrics")):
        return find(method, raw, query)
    return Found("catchall", reply=NOT_FOUND)


def _allowed(path: str, route: Route) -> str:
    names = {*route.handlers}
    if path == "/v1/compile":
        names.add("GET")
    if "GET" in names:
        names.add("HEAD")
    return ", ".join(sorted(names))
