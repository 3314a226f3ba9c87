"""Puts together who informs reviews by a copy of the facts and by what registries say of tags now."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..adapters.facts.local import LocalFacts
from ..adapters.registry.client import RegistryClient
from ..adapters.registry.credentials import Keychain
from ..domain.manifest import Platform
from ..ports.policy import Mounted
from ..services.informing import Informing, Require
from ..services.resolving import Resolving
from ..settings.sync import Sync, read
from .facts import legacy_documents_of
from .sync import entries, hosts, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Facts with tags as their registries have them."""

    informing: Informing
    documents: Mounted
    """Those of older policies, by the same tags."""
    ask: Callable[[Iterable[str]], None]
    """Asks about the tags of images ahead."""


@contextmanager
def resolving(
    place: Path, require: Require, settings: Path | None, seconds: float, legacy_registry: str,
    nodes: tuple[Platform, ...], environment: Mapping[str, str], home: Path,
) -> Iterator[Resolved]:  # fmt: skip
    """What adds facts to reviews, with tags looked up at their registries, which ``settings`` may describe. That takes
    ``seconds`` at most.

    Raises an :class:`EnforcerError` for settings and credentials that cannot be used.
    """
    told = read(settings) if settings is not None else Sync()
    keychain = Keychain(entries(told, environment, home), clock=time.monotonic)
    with asyncio.Runner() as runner:
        client = RegistryClient(
            hosts(told), keychain, clock=time.monotonic, sleep=asyncio.sleep, chance=random.random
        )  # fmt: skip
        try:
            facts = Resolving(LocalFacts(place), client, now, runner.run, seconds=seconds)
            yield Resolved(
                informing=Informing(facts, time.time, require, nodes=nodes),
                documents=legacy_documents_of(facts.resolved, legacy_registry, nodes),
                ask=facts.ask,
            )
        finally:
            runner.run(client.close())
