"""A server whose reviews have a worker asked about images that are not known, and a worker that answers as told."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_enforcer import rego
from image_enforcer.adapters.facts.asking import AskedWorker
from image_enforcer.server.decision_log import DecisionLog
from image_enforcer.server.logs import Sink
from image_enforcer.server.metrics import Metrics
from image_enforcer.server.pace import Pace
from image_enforcer.server.reviews import PATHS, Reviews
from image_enforcer.server.tokens import Tokens
from image_enforcer.services.asking import Asking, Time
from image_enforcer.services.decide import Guard
from image_enforcer.services.informing import Informing, Require
from image_enforcer.settings import Bounds
from tests.contract.contents import NOON
from tests.fakes.registry.http import Connection, Reply, Request, Server
from tests.server.asgi import Scripted, ask, encoded
from tests.services.test_gather import IMAGE, Known, home, image, scan, tag

NEVER = 3600.0
Answer = Callable[[Request, Connection], Awaitable[Reply | None]]


class FakeWorker(Server):
    """Answers questions as a test says, and notes them."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.questions: list[dict[str, Any]] = []
        self.requests: list[Request] = []
        self.answer: Answer = unwilling

    async def _reply(self, request: Request, connection: Connection) -> Reply | None:
        self.requests.append(request)
        if request.path == "/v1/facts/asked":
            self.questions.append(json.loads(request.body))
            return await self.answer(request, connection)
        return Reply(status=503)


async def unwilling(request: Request, connection: Connection) -> Reply | None:
    """Gives no word."""
    del request
    await connection.wait(NEVER)
    return None


def says(document: Any, status: int = 200) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    async def answer(request: Request, connection: Connection) -> Reply | None:
        del request, connection
        return Reply(status=status, body=body)

    return answer


def answered(revision: int = 1, epoch: str = "e") -> Answer:
    return says({"epoch": epoch, "revision": revision, "images": {}})


@dataclass
class Scene:
    """A server's reviews, its copy of the facts, and the worker that it asks."""

    facts: Known
    worker: FakeWorker
    asking: Asking
    reviews: Reviews
    folder: Path
    told: list[tuple[str, str]] = field(default_factory=list)

    async def status(self, *images: str, query: str = "", **more: Any) -> dict[str, Any]:
        return (await ask(self.reviews, PATHS[0] + query, [encoded(*images)], **more)).review

    async def reason(self, *images: str, query: str = "", **more: Any) -> str:
        status = await self.status(*images, query=query, **more)
        assert status["allowed"] is False
        reason: str = status["reason"]
        return reason

    def finds(self, name: str, then: int = 2) -> None:
        """What the worker finds out arrives."""
        self.facts.put(*tag(IMAGE, name))
        self.facts.revision = then


Open = Callable[..., contextlib.AbstractAsyncContextManager[Scene]]


@contextlib.asynccontextmanager
async def opened(
    worker: FakeWorker, folder: Path, *, most: float = 20.0, require: Require = Require.SCANNED,
    tokens: Tokens | None = None, url: str = "", clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Scene]:  # fmt: skip
    facts = Known(home(), tag(IMAGE), image(), scan())
    informing = Informing(facts, NOON.timestamp, require)
    told: list[tuple[str, str]] = []
    asking = Asking(
        informing,
        AskedWorker(url or worker.url),
        Time(most=most, reserve=2.5),
        clock,
        lambda *said: told.append(said),
    )
    pace = Pace(Scripted(), Bounds(), time.monotonic)
    log = os.open(folder / "decisions.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    reviews = Reviews(
        pace, rego.from_json, Guard(), Bounds(), DecisionLog(Sink(log), lambda: 0.0, lambda: "id"), Metrics(),
        time.perf_counter, tokens, informing.inform, asking,
    )  # fmt: skip
    try:
        yield Scene(facts, worker, asking, reviews, folder, told)
    finally:
        await asking.close()
        pace.close()
        os.close(log)
