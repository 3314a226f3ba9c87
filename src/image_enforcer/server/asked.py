"""Images that those who decide do not know: ``POST /v1/facts/asked``, answered once more is known, or time is up.

The body is ``{"images": […], "require": "scanned", "wait": 5}``: references, what has to be known of them (or
``resolved``), and for how many seconds the answer may be held back. It says of each reference that all is known, or a
code and a text, and as of which revision: facts are read as always.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from ..analysis import reference
from ..asgi import Receive, Scope, Send
from ..domain.errors import EnforcerError
from ..services.answering import Answering
from ..services.informing import Require
from . import documents
from .tokens import Tokens

PATH: Final = "/v1/facts/asked"
MAX_BODY: Final = 128 << 10
MOST: Final = 100
"""References in one question."""
LONGEST: Final = 30.0
"""Seconds that an answer may be held back."""
WAITING: Final = 64
"""Questions that may wait for an answer at a time."""


class _Question(msgspec.Struct, frozen=True):
    images: Annotated[tuple[Annotated[str, msgspec.Meta(max_length=1024)], ...], msgspec.Meta(max_length=MOST)]
    require: Literal["scanned", "resolved"] = "scanned"
    wait: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0


_QUESTION: Final = msgspec.json.Decoder(_Question)
"""Made here: threads must not be the first to decode a type."""


class AskedApp:
    """The ASGI application. ``tokens`` are those that may ask; None: everybody who reaches it may."""

    def __init__(self, tokens: Tokens | None) -> None:
        self._tokens = tokens
        self._waiting = 0
        self.answering: Answering | None = None
        """Who answers, from when the worker works until it stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            return
        await documents.answer(send, *await self._answer(scope, receive))

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any]]:
        if scope["method"] != "POST":
            return 405, {"code": "method_not_allowed", "message": "questions are sent by POST"}
        header = next((v for k, v in scope["headers"] if k == b"authorization"), None)
        if self._tokens is not None and not self._tokens.accept(header):
            return 401, {"code": "unauthorized", "message": "the request carries no valid token"}
        body = await _body(receive)
        if body is None:
            return 413, {"code": "too_large", "message": f"a question has at most {MAX_BODY} bytes"}
        try:
            asked = _QUESTION.decode(body)
            references = [reference.parse(image) for image in dict.fromkeys(asked.images)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, reference.BadReference) as e:
            return 400, {"code": "bad_request", "message": str(e)[:300]}
        if self.answering is None:
            return 503, {"code": "unavailable", "message": "the worker is starting, or about to stop"}
        if self._waiting >= WAITING:
            return 503, {"code": "overload", "message": "too many questions wait for an answer"}
        self._waiting += 1
        try:
            answer = await self.answering.answer(references, Require(asked.require), min(asked.wait, LONGEST))
        except EnforcerError as e:
            return 503, {"code": "unavailable", "message": str(e)}
        finally:
            self._waiting -= 1
        images = {
            found.reference: {"known": not found.code}
            | ({"code": found.code, "text": found.text} if found.code else {})
            for found in answer.found
        }
        return 200, {"epoch": answer.epoch, "revision": answer.revision, "images": images}


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too large, or its sender went away."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts) if size <= MAX_BODY else None
