"""Puts together who makes, keeps and reads copies of the facts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..adapters.facts import bundle as bundle_file
from ..adapters.facts import replica_file
from ..adapters.facts.legacy import ClairLayers, DockerLayers
from ..adapters.facts.local import LocalFacts
from ..adapters.facts.pulling import Pulling
from ..analysis.documents import CLAIR_ROOT, DOCKER_ROOT
from ..domain.facts import Changes
from ..domain.manifest import Platform
from ..ports.facts import FactsError, Worker
from ..ports.policy import Mounted
from ..services.informing import Informing, Require
from ..settings.sync import Sync
from .sync import layout, now, secret

PAUSE = 1.0
"""Seconds before a pull that failed is tried again; twice as many after each further one, up to a minute."""
LONGEST_PAUSE = 60.0
REST = 0.2


def snapshot(path: Path, batches: Iterator[Changes]) -> tuple[str, int, str]:
    """Make a whole copy of the facts as a file; its epoch, its revision and its checksum."""
    epoch, revision = replica_file.make(path, batches, now())
    return epoch, revision, replica_file.checksum(path)


def bundle(settings: Sync) -> Callable[[BinaryIO, Iterator[Changes], datetime], str]:
    """What makes bundles of the facts' documents, where ``sync`` would put them; raises :class:`BadSettings`."""
    return partial(bundle_file.make, layout=layout(settings))


def informing(place: Path, require: Require, max_age: int | None = None, nodes: tuple[Platform, ...] = ()) -> Informing:
    """What adds facts to reviews, from a replica's file; what is older than ``max_age`` seconds counts as not known,
    and what no platform of ``nodes`` runs does not count."""
    return Informing(LocalFacts(place), time.time, require, max_age, nodes)


def asked_worker(url: str, token_file: str, ca_file: str) -> Worker:
    """The worker at an address, to be asked. Raises an :class:`EnforcerError` for a token that cannot be read."""
    from ..adapters.facts.asking import AskedWorker

    return AskedWorker(url, token=secret(token_file), ca_file=ca_file)


def legacy_documents(place: Path, registry: str, nodes: tuple[Platform, ...] = ()) -> Mounted:
    """The documents of older policies, from a replica's file: those of one registry."""
    facts = LocalFacts(place)
    return Mounted(
        documents={DOCKER_ROOT: DockerLayers(facts, registry, nodes), CLAIR_ROOT: ClairLayers(facts)},
        at_once=facts.at_once,
    )


def run_pull(
    url: str, place: Path, token_file: str, ca_file: str, once: bool, said: Callable[[str, str], None]
) -> None:
    """Keep a replica until told to stop, or bring it up to date once. Raises :class:`FactsError` where once fails.

    ``said`` is told of what changes: an event's name and a text.
    """
    asyncio.run(_pull(Pulling(url, place, now=now, token=secret(token_file), ca_file=ca_file), once, said))


async def _pull(pulling: Pulling, once: bool, said: Callable[[str, str], None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    failures = 0
    try:
        while True:
            try:
                changed = await pulling.pull(0 if once else 20)
            except FactsError as e:
                if once:
                    raise
                failures += 1
                if failures == 1:
                    said("failed", str(e))
                await asyncio.sleep(min(LONGEST_PAUSE, PAUSE * 2 ** (failures - 1)))
                continue
            if failures:
                said("recovered", "the worker gives facts again")
            failures = 0
            if once and not changed:
                return
            if not changed:  # a worker that does not hold its answers back is not to be asked without end
                await asyncio.sleep(REST)
    except asyncio.CancelledError:
        return
    finally:
        await pulling.close()
