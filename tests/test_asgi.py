"""An application's answers to clients that go away."""

from __future__ import annotations

from typing import Any

import pytest

from image_enforcer.asgi import unheard


async def test_nothing_is_said_to_a_client_that_is_gone() -> None:
    said = ["http.request", "http.disconnect"]

    async def receive() -> dict[str, Any]:
        return {"type": said.pop(0)}

    async def send(message: Any) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start"})

    await unheard(answer)({}, receive, send)
    assert said == []


async def test_a_fault_of_the_application_is_not_hidden() -> None:
    async def send(message: Any) -> None:
        raise RuntimeError("Response content longer than Content-Length")

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(RuntimeError, match="longer"):
        await unheard(answer_nothing)({}, receive, send)


async def answer_nothing(scope: Any, receive: Any, send: Any) -> None:
    """Answers without asking."""
    await send({"type": "http.response.start"})
