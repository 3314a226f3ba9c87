"""Clients of the fake registry: with a clock that can be moved on, and names that lead where a test says."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from image_enforcer.adapters.registry.access import nobody
from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.registry.credentials import Credential, Entry, Keychain, key
from image_enforcer.adapters.registry.hosts import Host, Hosts, Limits
from image_enforcer.domain.reference import Repository
from tests.e2e.certificates import Pair
from tests.fakes.registry.http import Server

QUICK: Final = Limits(
    connect=5.0, document=5.0, idle=5.0, pages=20, tags=1000, tries=3, patience=20.0, rate=1000.0, at_once=16
)
"""For servers on loopback, which fail at once or not at all."""
IMPATIENT: Final = Limits(
    connect=0.4, document=0.4, idle=0.3, pages=20, tags=1000, tries=2, patience=20.0, rate=1000.0, at_once=16
)
"""For servers that let wait on purpose."""

PATIENT: Final = Limits(connect=5.0, document=5.0, idle=5.0, patience=60.0, rate=1000.0)


def serving(pair: Pair) -> ssl.SSLContext:
    """What a server with a certificate needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@asynccontextmanager
async def answering_no_tls() -> AsyncIterator[str]:
    """The place of a server that answers whatever it is sent as servers of plain HTTP answer what they cannot read."""

    answering: set[asyncio.Task[Any] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.current_task())
        with suppress(ConnectionError):
            await reader.read(100)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    await asyncio.gather(*[task for task in answering if task is not None])


@dataclass(slots=True)
class Clock:
    """Real time, and what sleeping added to it without taking any."""

    skipped: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return time.monotonic() + self.skipped

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.skipped += seconds


@dataclass(slots=True)
class Names:
    """What names lead to. All others lead nowhere."""

    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[tuple[socket.AddressFamily, str]]:
        self.asked.append(host)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, a) for a in self.known[host]]


@asynccontextmanager
async def asking(
    server: Server, credential: Credential | None = None, *, limits: Limits = QUICK, clock: Clock | None = None,
    names: Names | None = None, entries: Sequence[Entry] = (), counted: Callable[[str, int], None] = nobody,
    **more: Any,
) -> AsyncIterator[RegistryClient]:  # fmt: skip
    """A client to which a server is a registry in the settings."""
    clock = clock or Clock()
    found = list(entries) or ([Entry(key(server.place), credential)] if credential is not None else [])
    host = Host(name=server.place, url=server.url, limits=limits, **more)
    client = RegistryClient(
        Hosts(named={server.place: host}), Keychain(found, clock=clock), clock=clock, sleep=clock.sleep,
        chance=lambda: 0.5, lookup=names or Names(), counted=counted,
    )  # fmt: skip
    try:
        yield client
    finally:
        await client.close()


def at(server: Server, path: str = "team/app") -> Repository:
    """A repository of a server."""
    return Repository(registry=server.place, path=path)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what a server sees."""
    for _ in range(6000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")
