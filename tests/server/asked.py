"""A worker that has looked once, and what it is asked about images that are not known."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.analysis.clair_v1 import parts
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.store import Store
from image_enforcer.server.asked import AskedApp
from image_enforcer.services.allowance import BOUNDS, Bounds
from image_enforcer.services.answering import Answering
from image_enforcer.services.look_ups import LookUps
from image_enforcer.services.looking import Choice, Looking, allowing
from image_enforcer.services.scanning import Scanning
from image_enforcer.services.syncing import Plan, Syncing
from tests.adapters.registry.asking import asking
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.server import FakeRegistry
from tests.server.asgi import ask
from tests.services.synced import LIMITS, Clock, Heard


@dataclass
class Moving:
    """Seconds that pass when they are told to."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Scene:
    """A worker that has looked once, and what asks it."""

    registry: FakeRegistry
    store: Store
    sync: Syncing
    answering: Answering
    app: AskedApp
    clock: Clock
    seconds: Moving
    urgent: list[bool] = field(default_factory=list)
    passing: list[asyncio.Task[None]] = field(default_factory=list)

    async def ask(self, *images: str, wait: float = 0.0, require: str = "resolved") -> dict[str, Any]:
        """The answer about images of the registry, by what stands behind its name."""
        place = self.registry.place
        body = json.dumps({"images": [f"{place}/{i}" for i in images], "require": require, "wait": wait}).encode()
        reply = await ask(self.app, "/v1/facts/asked", [body])
        assert reply.status == 200, reply.body
        document: dict[str, Any] = json.loads(reply.body)
        assert document["epoch"] == self.store.head()[0]
        return document

    async def codes(self, *images: str, wait: float = 0.0, require: str = "resolved") -> list[str]:
        """Why each is not known; empty where it is."""
        answer = await self.ask(*images, wait=wait, require=require)
        return [answer["images"][f"{self.registry.place}/{i}"].get("code", "") for i in images]

    async def told(self, *images: str, require: str = "resolved") -> list[str]:
        """The same, by somebody who asks until nothing is waited for any more."""
        for _ in range(200):
            found = await self.codes(*images, wait=0.05, require=require)
            if "waiting" not in found:
                return found
        raise AssertionError("it never came")

    def flow(self) -> None:
        """Let seconds pass as they do, from now on."""
        self.passing.append(asyncio.create_task(passing(self.seconds)))

    def stand(self) -> None:
        """Let them pass no more."""
        for task in self.passing:
            task.cancel()

    def tag(self, name: str) -> Any:
        key = f"{self.registry.place}/{name}"
        entry = self.store.entries(Kind.TAG, [key]).get(key)
        return None if entry is None or entry.value is None else json.loads(entry.value)

    def heads(self, part: str = "/manifests/") -> int:
        return sum(n for (method, path), n in self.registry.counts().items() if method == "HEAD" and part in path)


class Urgency:
    """A client that notes whether it is asked urgently."""

    def __init__(self, client: RegistryClient, urgent: list[bool]) -> None:
        self._client = client
        self._urgent = urgent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def head(self, repository: Repository, reference: str, *, urgent: bool = False) -> Any:
        self._urgent.append(urgent)
        return await self._client.head(repository, reference, urgent=urgent)

    async def manifest(self, repository: Repository, reference: str, *, urgent: bool = False) -> Any:
        self._urgent.append(urgent)
        return await self._client.manifest(repository, reference, urgent=urgent)


Open = Callable[..., contextlib.AbstractAsyncContextManager[Scene]]


@contextlib.asynccontextmanager
async def opened(
    registry: FakeRegistry, store: Store, *, choice: Choice = Choice(), allow: tuple[str, ...] = (),  # noqa: B008
    bounds: Bounds = BOUNDS, clair: FakeClairV4 | None = None, follow: tuple[str, ...] = ("team/app",),
    anywhere: bool = False,
) -> AsyncIterator[Scene]:  # fmt: skip
    """A worker that has looked at one repository, and will not look again by itself."""
    clock, seconds, urgent = Clock(), Moving(), list[bool]()
    async with contextlib.AsyncExitStack() as stack:
        client = Urgency(await stack.enter_async_context(asking(registry)), urgent)
        looking = Looking(client, lambda digests: asyncio.to_thread(store.missing, digests), clock)
        scanning = None
        if clair is not None:
            scanner = ClairV4(clair.url, clock=lambda: clock().timestamp(), chance=lambda: 0.5, limits=LIMITS)
            stack.push_async_callback(scanner.close)
            scanning = Scanning(scanner, client, parts, clock)
        choices = {Repository(registry=registry.place, path=path): choice for path in follow}
        globs = allow if anywhere else tuple(f"{registry.place}/{glob}" for glob in allow)
        plan = Plan(choices=tuple(choices.items()), allow=globs)
        sync = Syncing(store, plan, looking, scanning, [], Heard(), clock)
        await sync.follow()
        await sync.once()
        registry.seen.clear()
        urgent.clear()
        look_ups = LookUps(
            store, looking, choices, allowing(plan.allow), now=clock, clock=seconds, told=Heard(), bounds=bounds
        )  # fmt: skip
        answering = Answering(store, look_ups, scans=clair is not None, now=clock, clock=seconds)
        stack.push_async_callback(answering.close)
        app = AskedApp(None)
        app.answering = answering
        made = Scene(registry, store, sync, answering, app, clock, seconds, urgent)
        stack.callback(made.stand)
        yield made


async def passing(seconds: Moving) -> None:
    """Let seconds pass as they do."""
    while True:
        await asyncio.sleep(0.01)
        seconds.seconds += 0.01
