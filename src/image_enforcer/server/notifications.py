"""Notifications of Clair: ``POST /v1/clair/notifications`` names one, and what it is about is asked of Clair later.

The sender needs a token, as those of hints do. The answer is given at once and says only that the name was noted: Clair
v4 takes 200 alone for received, and then sends no more.
"""

from __future__ import annotations

from typing import Final

from ..analysis import hints
from ..asgi import Receive, Scope, Send
from ..ports.scanner import BadNotification
from ..services.noticing import Noticing
from .door import Answer, Door, read
from .tokens import Tokens

PATH: Final = "/v1/clair/notifications"


class NotificationsApp:
    """The ASGI application. Without ``tokens`` everybody who reaches it may notify."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._door = Door(tokens, "notifications", in_query=True)
        self.noticing: Noticing | None = None
        """What takes them; None before there is a scanner that is asked, and where there is none."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        await self._door.answer(scope, receive, send, self._answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        del scope
        if self.noticing is None:
            return 503, {"code": "unavailable", "message": "no Clair is asked here, or not yet; see --clair-url"}
        body = await read(receive, hints.MAX_BODY)  # as of registries; the notifier takes less of it
        if (refused := body.unread(hints.MAX_BODY)) is not None:
            return refused
        try:
            taken = self.noticing.take(body.content)
        except BadNotification as e:
            return 400, {"code": "bad_request", "message": str(e)}
        if not taken:
            return 503, {"code": "unavailable", "message": "too many notifications wait; send it again later"}
        return 200, {"code": "noted", "message": "what it is about is asked for at once"}
