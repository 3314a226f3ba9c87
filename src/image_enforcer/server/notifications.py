"""Notifications of Clair: ``POST /v1/clair/notifications`` names one, and what it is about is asked of Clair later.

The sender needs a token, as those of hints do. The answer is given at once and says only that the name was noted: Clair
v4 takes 200 alone for received, and then sends no more.
"""

from __future__ import annotations

from typing import Any, Final

from ..asgi import Receive, Scope, Send
from ..ports.scanner import BadNotification
from ..services.noticing import Noticing
from . import documents
from .hints import authorization, body
from .tokens import Tokens

PATH: Final = "/v1/clair/notifications"


class NotificationsApp:
    """The ASGI application. Without ``tokens`` everybody who reaches it may notify."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens
        self.noticing: Noticing | None = None
        """What takes them; None before there is a scanner that is asked, and where there is none."""

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
        if self.noticing is None:
            return 503, {"code": "unavailable", "message": "no Clair is asked here, or not yet; see --clair-url"}
        message = await body(receive)
        try:
            taken = self.noticing.take(message)
        except BadNotification as e:
            return 400, {"code": "bad_request", "message": str(e)}
        if not taken:
            return 503, {"code": "unavailable", "message": "too many notifications wait; send it again later"}
        return 200, {"code": "noted", "message": "what it is about is asked for at once"}
