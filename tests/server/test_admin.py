"""Health, readiness, metrics."""

from __future__ import annotations

import pytest

from image_enforcer.server.admin import Admin
from tests.server.asgi import ask


def admin(missing: str = "") -> Admin:
    async def ready() -> str:
        return missing

    async def metrics() -> bytes:
        return b"some_metric 1\n"

    return Admin(ready, metrics)


@pytest.mark.parametrize(
    ("path", "missing", "status", "body"),
    [
        ("/healthz", "no policy", 200, b"ok\n"),
        ("/readyz", "", 200, b"ok\n"),
        ("/readyz", "no policy", 503, b"not ready: no policy\n"),
        ("/metrics", "", 200, b"some_metric 1\n"),
        ("/image-policy", "", 404, b"here are /healthz, /readyz and /metrics\n"),
    ],
)
async def test_answers(path: str, missing: str, status: int, body: bytes) -> None:
    reply = await ask(admin(missing), path, method="GET")
    assert (reply.status, reply.body) == (status, body)


async def test_nothing_can_be_posted() -> None:
    reply = await ask(admin(), "/readyz")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
