"""Answers that are documents: JSON, whole, of a known length."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from ..asgi import Send


async def answer(send: Send, status: int, document: Any, allow: str = "") -> None:
    """Answer with a document; ``allow`` names the methods that there are. Who has gone meanwhile misses it."""
    body = msgspec.json.encode(document) + b"\n"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if allow:
        headers.append((b"allow", allow.encode()))
    with contextlib.suppress(ConnectionError):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
