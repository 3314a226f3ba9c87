"""What both servers say of ASGI, the interface between uvicorn and an application; see its specification."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_CLOSED: Final = "the handler is closed"
"""What uvloop says of writing to a connection that has ended."""


def unheard(app: Application) -> Application:
    """The application, for clients that may go away while they are answered: what nobody can hear is not said.

    Between the moment in which the event loop notices that a client is gone and the one in which it says so, writing is
    an error of its own kind, which is no fault of the application.
    """

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            try:
                await send(message)
            except RuntimeError as e:
                if _CLOSED not in str(e):
                    raise
                while (await receive())["type"] != "http.disconnect":
                    pass

        await app(scope, receive, say)

    return answered
