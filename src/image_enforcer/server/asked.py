"""Images that those who decide do not know: ``POST /v1/facts/asked``, answered once more is known, or time is up.

The body is ``{"images": […], "require": "scanned", "wait": 5}``: references, what has to be known of them (or
``resolved``), and for how many seconds the answer may be held back. It says of each reference that all is known, or a
code and a text, and as of which revision: facts are read as always.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from ..analysis import reference
from ..asgi import Receive, Scope, Send
from ..domain.errors import EnforcerError
from ..services.answering import Answering
from ..services.informing import Require
from .door import Answer, Door, read
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
        self._door = Door(tokens, "questions")
        self._waiting = 0
        self.answering: Answering | None = None
        """Who answers, from when the worker works until it stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        await self._door.answer(scope, receive, send, self._answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        del scope
        body = await read(receive, MAX_BODY)
        if (refused := body.unread(MAX_BODY)) is not None:
            return refused
        try:
            asked = _QUESTION.decode(body.content)
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
