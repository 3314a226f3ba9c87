"""Notifications of registries: ``POST /v1/hints/REGISTRY`` starts a look at what they name, if it is followed.

Whoever sends them needs a token, as ``Authorization: Bearer`` or, since not every registry can send headers, as
``?token=``. What they say is believed as far as this: a repository that is followed is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from ..analysis import hints, reference, text
from ..asgi import Receive, Scope, Send
from ..domain.errors import EnforcerError
from ..domain.reference import Repository
from ..ports.store import Watching
from .door import Answer, Door, read
from .tokens import Tokens

PREFIX: Final = "/v1/hints/"


class HintsApp:
    """The ASGI application. Without ``tokens`` everybody who reaches it may hint."""

    def __init__(self, store: Watching, now: Callable[[], datetime], tokens: Tokens | None) -> None:
        self._store = store
        self._now = now
        self._door = Door(tokens, "notifications", in_query=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        await self._door.answer(scope, receive, send, self._answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        registry = scope["path"].removeprefix(PREFIX).strip("/")
        if not reference.is_registry(registry):
            what = (
                f"{text.name(registry, 100)} is no registry; write POST {PREFIX}registry.corp:5000, as images name it"
            )
            return 400, {"code": "bad_request", "message": what}
        body = await read(receive, hints.MAX_BODY)
        if (refused := body.unread(hints.MAX_BODY)) is not None:
            return refused
        try:
            paths = hints.repositories(body.content)
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
