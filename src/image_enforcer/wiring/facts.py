"""Puts together who makes, keeps and reads copies of the facts."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ..adapters.facts import bundle as bundle_file
from ..adapters.facts import replica_file
from ..adapters.facts.keeping import Keeper
from ..adapters.facts.legacy import ClairLayers, DockerLayers
from ..adapters.facts.local import LocalFacts
from ..adapters.facts.pulling import Pulling
from ..adapters.facts.replica_file import ForeignFile
from ..adapters.facts.session import trusted
from ..analysis.documents import CLAIR_ROOT, DOCKER_ROOT
from ..domain.facts import Changes
from ..domain.manifest import Platform
from ..ports.facts import Facts, FactsError, Worker
from ..ports.policy import Mounted
from ..services.informing import Informing, Require
from ..settings.sync import Sync
from .sync import layout, now, secret, state_folder

PAUSE = 1.0
"""Seconds before a pull that failed is tried again; twice as many after each further one, up to a minute."""
LONGEST_PAUSE = 60.0
REST = 0.2
LOOK = 1.0
"""Seconds between looks whether another process still keeps the file."""


def default_copy(url: str, environment: Mapping[str, str], home: Path) -> Path:
    """Where the copy of a worker's facts is kept if nobody says: each worker's address has a file of its own."""
    short = hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:12]
    return state_folder(environment, home) / f"facts-{short}.db"


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


def check_pulling(place: Path, token_file: str, ca_file: str) -> None:
    """Whether a copy can be kept at a place, with this token and these authorities, as far as can be told without
    asking anybody. Raises an :class:`EnforcerError`."""
    replica_file.spare(place)
    secret(token_file)
    if ca_file:
        trusted(ca_file)


def asked_worker(url: str, token_file: str, ca_file: str) -> Worker:
    """The worker at an address, to be asked. Raises an :class:`EnforcerError` for a token that cannot be read."""
    from ..adapters.facts.asking import AskedWorker

    return AskedWorker(url, token=secret(token_file), ca_file=ca_file)


def legacy_documents(place: Path, registry: str, nodes: tuple[Platform, ...] = ()) -> Mounted:
    """The documents of older policies, from a replica's file: those of one registry."""
    return legacy_documents_of(LocalFacts(place), registry, nodes)


def legacy_documents_of(facts: Facts, registry: str, nodes: tuple[Platform, ...] = ()) -> Mounted:
    """The same of any facts."""
    return Mounted(
        documents={DOCKER_ROOT: DockerLayers(facts, registry, nodes), CLAIR_ROOT: ClairLayers(facts)},
        at_once=facts.at_once,
    )


def run_pull(
    url: str, place: Path, token_file: str, ca_file: str, once: bool, said: Callable[[str, str], None]
) -> None:
    """Keep a replica until told to stop, or bring it up to date once. Raises :class:`FactsError` where once fails, and
    :class:`ForeignFile` where the file is of somebody else.

    Where another process keeps it, this one waits for that to end. ``said`` is told of what changes: an event's name
    and a text.
    """
    pulling = Pulling(
        url, place, now=now, token=secret(token_file), ca_file=ca_file, said=partial(said, "anew")
    )  # fmt: skip
    keeper = Keeper(place, url.rstrip("/"))
    try:
        asyncio.run(_pull(pulling, keeper, place, once, said))
    finally:
        keeper.release()


async def _pull(pulling: Pulling, keeper: Keeper, place: Path, once: bool, said: Callable[[str, str], None]) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    # Told to stop while it is brought up to date once, it has not done what it was to do, and ends as others then do.
    for number in () if once else (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    failures = 0
    try:
        while True:
            try:
                await _taken(keeper, place, once, said)
                changed = await pulling.pull(0 if once else 20)
            except ForeignFile:
                raise
            except FactsError as e:
                if once:
                    raise
                failures += 1
                if failures == 1:
                    said("failed", str(e))
                await asyncio.sleep(min(LONGEST_PAUSE, PAUSE * 2 ** min(failures - 1, 10)))
                continue
            if failures:
                said("recovered", "the worker gives facts again")
            failures = 0
            if once and not changed:
                return
            if not changed:  # a worker that does not hold its answers back is not to be asked without end
                await asyncio.sleep(REST)
    except asyncio.CancelledError:
        if once:
            raise
    finally:
        await pulling.close()


async def _taken(keeper: Keeper, place: Path, once: bool, said: Callable[[str, str], None]) -> None:
    """Wait until no other process keeps the file; with ``once`` that raises a :class:`FactsError`."""
    waiting = False
    while not keeper.take():
        if once:
            raise FactsError(f"{place}: another process keeps it; read it, or name another file")
        if not waiting:
            said("waiting", f"{place}: another process keeps it; this one takes over when that ends")
        waiting = True
        await asyncio.sleep(LOOK)
