"""The door to an address: who is let in, by which method, and how much of what they send is taken.

Whoever is not let in is told why with a document, and nothing that they sent has been read by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from ..asgi import Receive, Scope, Send
from . import documents
from .tokens import Tokens

Answer = tuple[int, Mapping[str, Any]]
"""A status and a document."""
UNKNOWN: Final[Answer] = (401, {"code": "unauthorized", "message": "the request carries no valid token"})
"""The answer to those who are not known."""


class Door:
    """Lets in what is sent by POST, by those who are known (see :func:`knows`). ``what`` is what is sent here."""

    def __init__(self, tokens: Tokens | None, what: str, *, in_query: bool = False) -> None:
        self._tokens = tokens
        self._what = what
        self._in_query = in_query

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, within: Callable[[Scope, Receive], Awaitable[Answer]]
    ) -> None:
        """Answer a request: why it is not let in, or else what ``within`` has to say to it."""
        if scope["type"] != "http":
            return
        if scope["method"] != "POST":
            document = {"code": "method_not_allowed", "message": f"{self._what} are sent by POST"}
            await documents.answer(send, 405, document, allow="POST")
            return
        found: Answer
        if not knows(self._tokens, scope, in_query=self._in_query):
            found = UNKNOWN
        else:
            found = await within(scope, receive)
        await documents.answer(send, *found)


def knows(tokens: Tokens | None, scope: Scope, *, in_query: bool = False) -> bool:
    """Whether a request carries one of these tokens, as ``Authorization: Bearer``; where there are none, any is known.

    ``in_query`` is for those who cannot send headers: without one, ``?token=`` counts as well.
    """
    if tokens is None:
        return True
    header = next((v for k, v in scope["headers"] if k == b"authorization"), None)
    if header is None and in_query:
        asked = parse_qs(scope["query_string"].decode("ascii", "replace")).get("token", [])
        header = f"Bearer {asked[0]}".encode() if len(asked) == 1 else None
    return tokens.accept(header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What arrived of a request's body."""

    content: bytes
    """As many of its pieces, from the first on, as are no more together than what is taken."""
    size: int
    """The bytes that arrived, those included that were thrown away."""
    whole: bool
    """Whether it came to its end; else the sender went away before."""

    def unread(self, most: int) -> Answer | None:
        """The answer to a body that is not read, since there is more of it than is taken, or not all of it is there."""
        if self.size > most:
            return 413, {"code": "too_large", "message": f"the body has more than the {most} bytes that are taken"}
        if not self.whole:
            return 400, {"code": "bad_request", "message": "the body did not come to its end"}
        return None


async def read(receive: Receive, most: int) -> Body:
    """Read a body to its end, and keep ``most`` bytes of it or less."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        arrived = message["type"] == "http.request"
        part = message.get("body", b"")
        size += len(part)
        if size <= most:
            parts.append(part)
        if not message.get("more_body"):
            return Body(content=b"".join(parts), size=size, whole=arrived)
