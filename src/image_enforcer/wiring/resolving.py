"""Puts together who informs reviews by a copy of the facts and by what registries say of tags now."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..adapters.facts.local import LocalFacts
from ..adapters.registry.client import RegistryClient
from ..adapters.registry.credentials import Keychain
from ..domain.manifest import Platform
from ..services.informing import Informing, Require
from ..services.resolving import Resolving
from ..settings.sync import Sync, read
from .sync import entries, hosts, now


@contextmanager
def resolving(
    place: Path,
    require: Require,
    settings: Path | None,
    nodes: tuple[Platform, ...],
    environment: Mapping[str, str],
    home: Path,
) -> Iterator[Informing]:
    """What adds facts to reviews, with tags looked up at their registries, which ``settings`` may describe.

    Raises an :class:`EnforcerError` for settings and credentials that cannot be used.
    """
    told = read(settings) if settings is not None else Sync()
    keychain = Keychain(entries(told, environment, home), clock=time.monotonic)
    with asyncio.Runner() as runner:
        client = RegistryClient(
            hosts(told), keychain, clock=time.monotonic, sleep=asyncio.sleep, chance=random.random
        )  # fmt: skip
        try:
            facts = Resolving(LocalFacts(place), client, now, runner.run)
            yield Informing(facts, time.time, require, nodes=nodes)
        finally:
            runner.run(client.close())
