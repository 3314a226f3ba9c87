"""Notifications of registries: ``POST /v1/hints/REGISTRY`` starts a look at what they name, if it is followed.

Whoever sends them needs a token, as ``Authorization: Bearer`` or, since not every registry can send headers, as
``?token=``. What they say is believed as far as this: a repository that is followed is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs

from ..analysis import hints, reference, text
from ..asgi import Receive, Scope, Send
from ..domain.errors import EnforcerError
from ..domain.reference import Repository
from ..ports.store import Watching
from . import documents
from .tokens import Tokens

PREFIX: Final = "/v1/hints/"


class HintsApp:
    """The ASGI application. Without ``tokens`` everybody who reaches it may hint."""

    def __init__(self, store: Watching, now: Callable[[], datetime], tokens: Tokens | None) -> None:
        self._store = store
        self._now = now
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            return
        await documents.answer(send, *await self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        if scope["method"] != "POST":
            return 405, {"code": "method_not_allowed", "message": "notifications are sent by POST"}
        if self._tokens is not None and not self._tokens.accept(authorization(scope)):
            return 401, {"code": "unauthorized", "message": "the request carries no valid token"}
        registry = scope["path"].removeprefix(PREFIX).strip("/")
        if not reference.is_registry(registry):
            what = (
                f"{text.name(registry, 100)} is no registry; write POST {PREFIX}registry.corp:5000, as images name it"
            )
            return 400, {"code": "bad_request", "message": what}
        message = await body(receive)
        try:
            paths = hints.repositories(message)
        except hints.BadHint as e:
            return 400, {"code": "bad_request", "message": str(e)}
        followed = 0
        try:
            for path in paths:
                repository = Repository(registry=registry, path=path)
                followed += await asyncio.to_thread(self._store.hint, repository, self._now())
        except EnforcerError as e:
            return 503, {"code": "unavailable", "message": str(e)}
        if not paths:
            why = "it tells of no manifest that was pushed or deleted: a push is told with a manifest's mediaType"
            return 200, {"named": 0, "followed": 0, "message": why}
        return 200, {"named": len(paths), "followed": followed}


def authorization(scope: Scope) -> bytes | None:
    """What a request says of who sends it, in its header or else its query."""
    header = next((v for k, v in scope["headers"] if k == b"authorization"), None)
    if header is not None:
        return bytes(header)
    asked = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [])
    return f"Bearer {asked[0]}".encode() if len(asked) == 1 else None


async def body(receive: Receive) -> bytes:
    """A request's body; of one that is larger than the largest that is taken, so much that this shows."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= hints.MAX_BODY + 1:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
