"""Health and metrics, on an address of their own: ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..asgi import Receive, Scope, Send


class Admin:
    """The ASGI application; ``ready`` gives what is missing, empty when nothing is."""

    def __init__(self, ready: Callable[[], Awaitable[str]], metrics: Callable[[], Awaitable[bytes]]) -> None:
        self._ready = ready
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        del receive
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["method"], scope["path"])
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if status == 405:
            headers.append((b"allow", b"GET, HEAD"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, method: str, path: str) -> tuple[int, bytes, bytes]:
        plain = b"text/plain; charset=utf-8"
        if path not in ("/healthz", "/readyz", "/metrics"):
            return 404, plain, b"here are /healthz, /readyz and /metrics\n"
        if method not in ("GET", "HEAD"):
            return 405, plain, b"only GET is answered here\n"
        if path == "/healthz":
            return 200, plain, b"ok\n"
        if path == "/metrics":
            return 200, b"text/plain; version=0.0.4; charset=utf-8", await self._metrics()
        missing = await self._ready()
        return (503, plain, f"not ready: {missing}\n".encode()) if missing else (200, plain, b"ok\n")
