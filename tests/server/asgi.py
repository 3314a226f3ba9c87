"""Asking an ASGI application without a network, and the engines that it may be given."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from image_enforcer.ports.policy import Answered, Outcome, Revision
from image_enforcer.server.protocol import TRIED

ALLOW = {"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": {"allowed": True}}
REVISION = Revision("policy-1", "data-1")


class App(Protocol):
    """What can be asked."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See the ASGI specification."""


@dataclass
class Reply:
    """What was answered."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def review(self) -> dict[str, Any]:
        """The status of the ImageReview that must have been answered, with HTTP status 200."""
        assert self.status == 200
        assert self.headers["content-type"] == "application/json"
        assert int(self.headers["content-length"]) == len(self.body)
        document = json.loads(self.body)
        assert (document["kind"], document["apiVersion"]) == ("ImageReview", "imagepolicy.k8s.io/v1alpha1")
        status: dict[str, Any] = document["status"]
        return status


async def ask(
    app: App, path: str, pieces: Iterable[bytes] = (b"",), *, method: str = "POST",
    headers: dict[str, str] | None = None, cut: bool = False, tried: bool = False,
) -> Reply:  # fmt: skip
    """One request, its body in pieces; with ``cut`` the client goes away after them, with ``tried`` the quick way has
    left it to the application."""
    sent = list(pieces)
    reply = Reply()

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": sent.pop(0), "more_body": bool(sent) or cut}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status = message["status"]
            reply.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            reply.body += message.get("body", b"")

    lines = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path.partition("?")[0],
        "headers": lines,
        "client": ("127.0.0.1", 5),
        "query_string": path.partition("?")[2].encode(),
        "extensions": {TRIED: {}} if tried else {},
    }
    await app(scope, receive, send)
    return reply


class Scripted:
    """An engine that answers as told, and notes what it was asked. ``hold`` makes it wait for its event."""

    def __init__(self, *outcomes: Outcome | Exception, blocking: bool = False) -> None:
        self.outcomes = list(outcomes) or [Answered(ALLOW)]
        self.blocking = blocking
        self.asked: list[tuple[Any, float | None]] = []
        self.hold: threading.Event | None = None
        self.missing = ""

    def decide(self, document: Any, seconds: float | None = None) -> tuple[Outcome, Revision]:
        """The next outcome; the last one again and again."""
        self.asked.append((document, seconds))
        if self.hold is not None and (seconds is None or self.blocking):
            assert self.hold.wait(30)
        found = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(found, Exception):
            raise found
        return found, REVISION

    def revision(self) -> Revision:
        """Always the same."""
        return REVISION

    def reload(self) -> str:
        """Nothing to read."""
        return ""

    def ready(self) -> str:
        """What the test says."""
        return self.missing


def review(*images: str, namespace: str = "production") -> dict[str, Any]:
    """An ImageReview as the API server sends it."""
    return {
        "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "metadata": {},
        "spec": {"containers": [{"image": i} for i in images], "namespace": namespace}, "status": {"allowed": False},
    }  # fmt: skip


def encoded(*images: str, namespace: str = "production") -> bytes:
    """The same as bytes."""
    return json.dumps(review(*images, namespace=namespace)).encode()
