"""A world to be synced: a registry, a scanner, OPA's data and a store, and a clock that stands until it is moved."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.adapters.scanners.exchange import Limits
from image_enforcer.adapters.sinks.opa import OpaSink
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis.clair_v1 import parts
from image_enforcer.analysis.documents import Layout
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import Platform
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Trouble
from image_enforcer.ports.store import ScanWork, Store
from image_enforcer.services.delivering import Delivering
from image_enforcer.services.looking import BUDGET, HEAVIEST, Choice, Looking
from image_enforcer.services.pruning import Pruning
from image_enforcer.services.scanning import Pace, Scanning
from image_enforcer.services.syncing import Plan, Summary, Syncing
from tests.adapters.registry.asking import asking
from tests.contract.contents import NOON
from tests.fakes.clair_images import BASE, CURL, FLAWS, World
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.server import INDEX, MANIFEST, FakeRegistry, described, image_of, index_of

EVERYTHING = Choice()
KEEP = timedelta(days=30)
LIMITS = Limits(connect=5, document=10, scan=10, report=1 << 20)


@dataclass(slots=True)
class Clock:
    """A time that passes when it is told to."""

    moment: datetime = NOON

    def __call__(self) -> datetime:
        return self.moment

    def go(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(slots=True)
class Heard:
    """Notes what is told."""

    looked_at: list[tuple[str, int, int, int]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)
    scans: list[tuple[int, int]] = field(default_factory=list)
    deliveries: list[tuple[int, int, bool]] = field(default_factory=list)
    notices: list[tuple[int, int]] = field(default_factory=list)
    pruned_rows: list[int] = field(default_factory=list)

    def looked(self, repository: Repository, tags: int, fetched: int, troubles: int, revision: int) -> None:
        self.looked_at.append((str(repository), tags, fetched, troubles))

    def forgotten(self, repositories: Sequence[Repository]) -> None:
        self.dropped += map(str, repositories)

    def failed(self, about: str, trouble: Trouble) -> None:
        self.failures.append((about, trouble.code))

    def recovered(self, about: str) -> None:
        self.recoveries.append(about)

    def scanned(self, work: ScanWork, findings: int, gaps: int) -> None:
        self.scans.append((findings, gaps))

    def delivered(self, sink: str, put: int, deleted: int, whole: bool) -> None:
        self.deliveries.append((put, deleted, whole))

    def asked(self, reference: str, code: str) -> None:
        pass

    def pruned(self, count: int) -> None:
        self.pruned_rows.append(count)

    def counted(self, registry: str, left: int) -> None:
        pass

    def noticed(self, notifications: int, images: int) -> None:
        self.notices.append((notifications, images))


@dataclass(slots=True)
class Synced:
    """One worker in that world."""

    registry: FakeRegistry
    client: RegistryClient
    store: Store
    clock: Clock
    heard: Heard
    sync: Syncing
    world: World

    def home(self, path: str = "team/app") -> Repository:
        return Repository(registry=self.registry.place, path=path)

    async def again(self, seconds: float = 60) -> Summary:
        """A pass after some time."""
        self.clock.go(seconds)
        return await self.sync.once()

    async def due(self, seconds: float = 60) -> Summary:
        """What a worker that runs does after some time: what is due, and no more."""
        self.clock.go(seconds)
        summary = Summary()
        sync = self.sync
        while await sync._through(sync._look_slots, sync._looks, summary) or await sync._through(
            sync._scan_slots, sync._scans, summary
        ):
            pass
        return summary

    def fact(self, kind: Kind, key: str) -> Any:
        """A published fact; None where there is none."""
        entry = self.store.entries(kind, [key]).get(key)
        return None if entry is None or entry.value is None else json.loads(entry.value)

    def tag(self, tag: str, path: str = "team/app") -> Any:
        return self.fact(Kind.TAG, f"{self.home(path)}:{tag}")


@asynccontextmanager
async def syncing(
    registry: FakeRegistry, folder: Path, *paths: str, choice: Choice = EVERYTHING, clair: FakeClairV4 | None = None,
    opa: str = "", layout: Layout | None = None, nodes: tuple[Platform, ...] = (),
    client: RegistryClient | None = None, more: Sequence[Repository] = (), budget: int = BUDGET,
    heaviest: int = HEAVIEST,
) -> AsyncIterator[Synced]:  # fmt: skip
    """A worker that follows repositories of a registry, and ``more`` of others, to all of which ``client`` leads."""
    clock, heard = Clock(), Heard()
    store = open_store(f"sqlite:///{folder / 'store.db'}")
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        if client is None:
            client = await stack.enter_async_context(asking(registry))
        scanning = None
        if clair is not None:
            scanner = ClairV4(clair.url, clock=lambda: clock().timestamp(), chance=lambda: 0.5, limits=LIMITS)
            stack.push_async_callback(scanner.close)
            scanning = Scanning(scanner, client, parts, clock, Pace())
        repositories = [Repository(registry=registry.place, path=path) for path in paths or ("team/app",)] + list(more)
        sinks = []
        if opa:
            sink = OpaSink(opa)
            stack.push_async_callback(sink.close)
            sinks.append(Delivering(store, sink, layout or Layout(registry=registry.place), now=clock))
        looking = Looking(
            client, lambda digests: asyncio.to_thread(store.missing, digests, nodes), clock, nodes, budget,
            weight=lambda repository: asyncio.to_thread(store.weight, repository), heaviest=heaviest,
        )  # fmt: skip
        plan = Plan(choices=tuple((r, choice) for r in repositories))
        sync = Syncing(
            store, plan, looking, scanning, sinks, heard, clock, "test", Pruning(store, KEEP, heard, clock, 0)
        )
        await sync.follow()
        yield Synced(registry=registry, client=client, store=store, clock=clock, heard=heard, sync=sync, world=World())


def scannable(world: World, registry: FakeRegistry, name: str, tag: str, layers: Mapping[str, Any]) -> str:
    """An image whose layers the scanner knows too; its digest."""
    for layer, content in layers.items():
        world.add(layer, content)
    return registry.image(name, tag, tuple(layer.encode() for layer in layers))


def known_world() -> World:
    """A world with flaws in what ``vulnerable`` brings."""
    world = World()
    world.flaws += FLAWS
    return world


VULNERABLE = {"base": BASE, "curl": CURL}


def index(
    registry: FakeRegistry, name: str, tag: str, children: list[tuple[str, bytes]], *, push: bool = True
) -> tuple[str, list[str]]:
    """An index of images of one layer each, for architectures; its digest and theirs. ``push`` keeps the images too."""
    listed, digests = [], []
    for architecture, layer in children:
        content = json.dumps(image_of((layer,), annotations={"for": architecture})).encode()
        platform = {"os": "unknown" if architecture == "unknown" else "linux", "architecture": architecture}
        listed.append(described(content, MANIFEST, platform=platform))
        digests.append(listed[-1]["digest"])
        if push:
            registry.manifest(name, content)
            registry.blob(name, layer)
    return registry.manifest(name, json.dumps(index_of(listed)).encode(), INDEX, tag), digests
