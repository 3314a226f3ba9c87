"""Puts ``sync`` together and runs it."""

from __future__ import annotations

import asyncio
import random
import signal
import ssl
import time
import unicodedata
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

from ..adapters.registry import credentials
from ..adapters.registry.client import RegistryClient
from ..adapters.registry.hosts import Host, Hosts, Limits, Mirror
from ..adapters.scanners.clair_v1 import ClairV1
from ..adapters.scanners.clair_v4 import ClairV4
from ..adapters.scanners.notifications import V1Notifier, V4Notifier
from ..adapters.scanners.presharedkey import BadKey, PreSharedKey
from ..adapters.sinks.opa import OpaSink
from ..adapters.store.opening import open_store
from ..analysis.clair_v1 import parts
from ..analysis.documents import Layout
from ..domain.errors import EnforcerError
from ..domain.reference import Repository
from ..ports.registry import Registry
from ..ports.store import Store, StoreUnreachable
from ..services.answering import Answering
from ..services.delivering import Delivering
from ..services.handing import Handing, Links, Locating
from ..services.look_ups import LookUps
from ..services.looking import Choice, Looking, allowing
from ..services.noticing import Noticing
from ..services.pruning import EVERY, Pruning
from ..services.scanning import Pace, Scanning
from ..services.syncing import Plan, Summary, Syncing
from ..services.told import Told
from ..settings import sync as told_settings
from ..settings.sync import BadSettings, Sync, legacy_registry, steps
from .nodes import nodes

MAX_SECRET: Final = 64 << 10
"""Bytes of a file with a secret."""
PAUSE: Final = 1.0
"""Seconds between two looks for work where there was none."""
GRACE: Final = 5.0
"""Seconds that work under way has when it is to stop."""
COARSEST: Final = timedelta(hours=1)
"""After how long it is published that a report still holds, however seldom reports are asked for."""


@dataclass(frozen=True, slots=True)
class Working:
    """What a process does, put together."""

    syncing: Syncing
    noticing: Noticing | None
    """What heeds the scanner's notifications, where there is a scanner."""
    answering: Answering
    """What answers those who ask about images."""


class ServingBlobs(Protocol):
    """Who serves blobs to a scanner that cannot fetch them from registries."""

    links: Links

    def serving(self, registry: Registry, told: Told) -> AbstractAsyncContextManager[None]:
        """Serve, meanwhile, what a client of registries reads."""


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def ended(error: EnforcerError) -> int:
    """The exit code of a command that a fault ended: 3 where trying again may help, 2 where it cannot."""
    return 3 if isinstance(error, StoreUnreachable) else 2


def run_sync(
    made: AbstractAsyncContextManager[Working], *, once: bool, beside: AbstractAsyncContextManager[None]
) -> Summary:
    """Sync until told to stop, or once; what it did. ``beside`` goes on all the while.

    Raises a :class:`EnforcerError` for what cannot be used.
    """
    return asyncio.run(_run(made, once, beside))


@contextmanager
def opened(settings: Sync, environment: Mapping[str, str], home: Path, *, create: bool = True) -> Iterator[Store]:
    """The store that the settings name, to be read alone without ``create``; raises a :class:`StoreError`."""
    # Half of it: that a report was asked for again and still holds is then published each time, whatever the delays.
    # Were it published more seldom, whoever wants facts to be twice as old at most would refuse images that are well.
    granularity = min(COARSEST, timedelta(seconds=settings.recheck) / 2)
    address = settings.store or default_store(environment, home, create=create)
    store = open_store(address, create=create, granularity=granularity)
    try:
        yield store
    finally:
        store.close()


def default_store(environment: Mapping[str, str], home: Path, name: str = "store.db", *, create: bool = True) -> str:
    """Where the store is if nobody says."""
    return f"sqlite:///{state_folder(environment, home, create=create) / name}"


def state_folder(environment: Mapping[str, str], home: Path, *, create: bool = True) -> Path:
    """Where what outlives a process is kept if nobody says where (XDG base directories: state).

    Raises :class:`BadSettings` where it is to be made and can be nowhere.
    """
    state = environment.get("XDG_STATE_HOME") or str(home / ".local/state")
    folder = Path(state) / "image-enforcer"
    if not create:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as e:
        remedy = "name a place with --store, and for the facts of serve with --facts-copy"
        raise BadSettings(f"{folder}: {e.strerror or e}; {remedy}") from None
    return folder


async def _run(
    made: AbstractAsyncContextManager[Working], once: bool, beside: AbstractAsyncContextManager[None]
) -> Summary:
    async with beside, made as working:
        if once:
            return await working.syncing.once()
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        await until_stopped(working.syncing.run, stopping)
        return Summary()


@asynccontextmanager
async def syncing(
    settings: Sync, told: Told, store: Store, environment: Mapping[str, str], home: Path,
    blobs: ServingBlobs | None = None,
) -> AsyncIterator[Working]:  # fmt: skip
    """What follows, scans and delivers as the settings say, with its connections. ``blobs`` serves the scanner."""
    async with AsyncExitStack() as stack:
        registry = RegistryClient(
            hosts(settings), credentials.Keychain(entries(settings, environment, home), clock=time.monotonic),
            clock=time.monotonic, sleep=asyncio.sleep, chance=random.random, counted=told.counted,
        )  # fmt: skip
        stack.push_async_callback(registry.close)
        found_nodes = nodes(settings)
        looking = Looking(
            registry, lambda digests: asyncio.to_thread(store.missing, digests, found_nodes), now, found_nodes,
            longest=timedelta(seconds=settings.look_timeout),
            weight=lambda repository: asyncio.to_thread(store.weight, repository),
        )  # fmt: skip
        scanning = noticing = None
        if settings.scanner is not None:
            scanner, notifier = _scanner(settings.scanner)
            stack.push_async_callback(scanner.close)
            pace = Pace(recheck=timedelta(seconds=settings.recheck))
            locating: Locating = registry
            if blobs is not None:
                served = [told_registry.name for told_registry in settings.registries if told_registry.serve_blobs]
                locating = Handing(registry, blobs.links, served)
                await stack.enter_async_context(blobs.serving(registry, told))
            scanning = Scanning(scanner, locating, parts, now, pace)
            await asyncio.to_thread(store.use, scanning.name, now())
            noticing = Noticing(store, notifier, scanner.name, told, now)
        plan, owner = _plan(settings), f"worker-{uuid.uuid4().hex[:12]}"
        sinks: list[Delivering] = []
        for told_sink in settings.sinks:
            sink = OpaSink(told_sink.url, token=secret(told_sink.token_file), ca_file=told_sink.ca_file)
            stack.push_async_callback(sink.close)
            sinks.append(Delivering(store, sink, layout(settings), now=now, lease=plan.lease, owner=owner))
        fresh = max(EVERY, timedelta(seconds=2 * settings.look_timeout))
        pruning = Pruning(store, timedelta(seconds=settings.keep), told, now, fresh=fresh)
        worker = Syncing(store, plan, looking, scanning, sinks, told, now, owner, pruning)
        await worker.follow()
        look_ups = LookUps(
            store, looking, dict(plan.choices), allowing(plan.allow), now=now, clock=time.monotonic, told=told
        )  # fmt: skip
        scans = scanning is not None
        answering = Answering(store, look_ups, scans=scans, now=now, clock=time.monotonic, nodes=found_nodes)
        stack.push_async_callback(answering.close)
        yield Working(worker, noticing, answering)


async def until_stopped(
    run: Callable[[Callable[[bool], Awaitable[bool]]], Coroutine[Any, Any, None]], stopping: asyncio.Event
) -> None:
    """Run until told to stop. What is under way then has a few seconds to end, lest its claim lasts for nothing."""

    async def rest(busy: bool) -> bool:
        if not busy:
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), PAUSE)
        return stopping.is_set()

    running = asyncio.create_task(run(rest))
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    await asyncio.wait({running}, timeout=GRACE)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def hosts(settings: Sync) -> Hosts:
    """The registries of the settings, as the client wants them."""
    return Hosts(named={r.name: _host(r) for r in settings.registries})


def _host(told: told_settings.Registry) -> Host:
    return Host(
        name=told.name, url=told.url, mirrors=tuple(Mirror(url=m.url, proxy=m.proxy) for m in told.mirrors),
        ca_file=told.ca_file, skip_verify=told.skip_verify, private_redirects=frozenset(told.private_hosts),
        limits=Limits(rate=told.requests_per_second),
    )  # fmt: skip


def entries(settings: Sync, environment: Mapping[str, str], home: Path) -> Sequence[credentials.Entry]:
    """The credentials of the settings, those of the environment, and those that docker and podman keep.

    Raises :class:`BadSettings`, and :class:`~image_enforcer.adapters.registry.credentials.BadCredentials`.
    """
    found: list[credentials.Entry] = []
    for registry in settings.registries:
        if registry.username:
            password = credentials.Password(registry.username, secret(registry.password_file))
            found.append(credentials.Entry(credentials.key(registry.name), password))
    if environment.get("DOCKER_USER") and not environment.get("DOCKER_PASSWORD"):
        raise BadSettings("DOCKER_USER is set, and DOCKER_PASSWORD is not: set both, or none")
    # Never to a registry that is the legacy one by default: who set them may have meant Docker Hub.
    found += credentials.of_environment(environment, settings.legacy_registry or "docker.io")
    if files := settings.credential_files:
        return [*found, *(entry for file in files for entry in credentials.read(Path(file)))]
    for place in credentials.places(environment, home):
        if place.is_file():
            return [*found, *credentials.read(place)]
    return found


def _scanner(told: told_settings.Scanner) -> tuple[ClairV1, V1Notifier] | tuple[ClairV4, V4Notifier]:
    context = authorities(told.ca_file)
    match told.kind:
        case "clair-v1":
            v1 = ClairV1(told.url.removesuffix("/v1"), clock=time.time, chance=random.random, context=context)
            return v1, V1Notifier(v1.exchange)
        case "clair-v4":
            v4 = ClairV4(told.url, clock=time.time, chance=random.random, key=pre_shared_key(told), context=context)
            return v4, V4Notifier(v4.exchange)


def pre_shared_key(told: told_settings.Scanner) -> PreSharedKey | None:
    """What requests to a scanner are signed with; None where no key is named. Raises :class:`BadSettings`."""
    if not told.key_file:
        return None
    try:
        return PreSharedKey(secret(told.key_file), told.issuer, time.time)
    except BadKey as e:
        raise BadSettings(f"{told.key_file}: {e}") from None


def authorities(ca_file: str) -> ssl.SSLContext | None:
    """TLS that trusts a file of authorities; None where the system's are meant. Raises :class:`BadSettings`."""
    if not ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as e:
        raise BadSettings(f"{ca_file} cannot be read: {e}; give authorities as PEM") from None


def _plan(settings: Sync) -> Plan:
    choices = tuple(
        (
            Repository(registry=registry.name, path=r.name),
            Choice(include=r.include, exclude=r.exclude, immutable=r.immutable),
        )
        for registry in settings.registries
        for r in registry.repositories
    )
    return Plan(
        choices=choices, allow=settings.allow, every=timedelta(seconds=settings.every),
        looks_at_once=settings.looks_at_once, scans_at_once=settings.scans_at_once,
        lease=timedelta(seconds=settings.lease),
    )  # fmt: skip


def layout(settings: Sync) -> Layout:
    """Where documents are put; raises :class:`BadSettings`."""
    plan = _plan(settings)
    return Layout(
        registry=legacy_registry(settings), repositories=frozenset(r for r, _ in plan.choices),
        nodes=nodes(settings), docker_root=steps(settings.layer_root), clair_root=steps(settings.clair_root),
    )  # fmt: skip


def secret(path: str) -> str:
    """What a file with a secret holds; empty where none is named."""
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET + 1)
        text = content.decode()
    except OSError as e:
        raise BadSettings(f"{path}: {e.strerror or e}") from None
    except UnicodeDecodeError:
        raise BadSettings(f"{path}: this is no text") from None
    text = text.strip()
    if len(content) > MAX_SECRET or not text:
        raise BadSettings(f"{path}: a secret is a line of text")
    if any(unicodedata.category(c) == "Cc" for c in text):
        raise BadSettings(
            f"{path}: a secret is one line of text, without control characters; write the one that is meant"
        )
    return text
