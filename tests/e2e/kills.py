"""Servers that can be killed and started again, what the registry and Clair hold meanwhile, and what was published."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg

from image_enforcer.domain.facts import Kind
from image_enforcer.ports.store import Publishing

from . import images
from .servers import Answer, request, running
from .supply import Clair, Serving, vulnerability

TIMES: Final = frozenset({"at", "since", "confirmed_at", "looked_at"})
SOURCES: Final = ("curl", "expat", "zlib", "xz-utils")
"""Sources in which vulnerabilities come and go."""
BASE: Final = images.debian(("zlib1g", "1:1.2.13", "zlib"))


class Killable:
    """A server that is killed and started again at the same address."""

    def __init__(self, start: Callable[[], AbstractContextManager[subprocess.Popen[bytes]]]) -> None:
        self._start = start
        self._stack = ExitStack()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self.process = self._stack.enter_context(self._start())

    def kill(self) -> None:
        """End it as nothing can be prepared for."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.stop()

    def stop(self) -> None:
        """End it, if it runs."""
        self._stack.close()
        self.process = None


def killable(serving: Serving) -> Killable:
    """A server of :mod:`supply`."""
    return Killable(lambda: running(serving.command, serving.log, serving.ready))


class Frozen(AbstractContextManager[None]):
    """A process that does nothing for a while, so that what it was at can be looked at."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGCONT)


class Claims:
    """What a store says is being worked on, and by whom, and whether it is being written to."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._lite = Path(store.removeprefix("sqlite:///")) if store.startswith("sqlite") else None
        self._dead: set[str] = set()

    def bury(self) -> None:
        """Whoever has a claim now is dead."""
        self._dead |= {owner for owner, _ in self._rows()}

    def scans(self) -> bool:
        """Whether somebody who is not dead has an image indexed and reported on by Clair."""
        return any(owner not in self._dead for owner, what in self._rows() if what == "scan")

    def writes(self) -> bool:
        """Whether a transaction has written, and has not ended."""
        if self._lite is not None:
            with closing(sqlite3.connect(self._lite, timeout=0, isolation_level=None)) as lite:
                try:
                    lite.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as e:
                    if e.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                        raise
                    return True
                lite.execute("ROLLBACK")
                return False
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND backend_xid IS NOT NULL"
        )
        with closing(psycopg.connect(self._store)) as conn:
            row = conn.execute(query).fetchone()
            assert row is not None
            return bool(row[0])

    def _rows(self) -> list[tuple[str, str]]:
        query = (
            "SELECT lease_owner, 'look' FROM repositories WHERE lease_token IS NOT NULL"
            " UNION SELECT lease_owner, 'scan' FROM scans WHERE lease_token IS NOT NULL"
        )
        if self._lite is not None:
            with closing(sqlite3.connect(f"{self._lite.as_uri()}?mode=ro", uri=True)) as lite:
                return list(lite.execute(query))
        with closing(psycopg.connect(self._store)) as conn:
            return [(owner, what) for owner, what in conn.execute(query)]


@dataclass
class World:
    """What is pushed to a registry, and what is known to Clair; ``tags`` and ``flaws`` say what must come of it."""

    registry: str
    clair: Clair
    repositories: tuple[str, ...]
    chance: random.Random
    tags: dict[str, str] = field(default_factory=dict)
    """Digests by ``repository:tag``."""
    made_of: dict[str, str] = field(default_factory=dict)
    """The source of the one package of an image, by digest."""
    flaws: dict[str, set[str]] = field(default_factory=dict)
    """Names of vulnerabilities by source."""
    _count: int = 0

    def push(self, place: str, source: str) -> None:
        """A new image, at a tag that is new or moves."""
        self._count += 1
        repository, _, tag = place.rpartition(":")
        if source == "zlib":
            layers = [BASE, images.layer({f"opt/{self._count}": str(self._count)})]
        else:
            layers = [images.debian((f"lib{source}", f"1.{self._count}", source))]
        pushed = images.push(self.registry, repository, tag, layers)
        self.tags[place] = pushed.digest
        self.made_of[pushed.digest] = source

    def know(self) -> None:
        """Tell Clair."""
        self.clair.know([vulnerability(n, s, "") for s, names in sorted(self.flaws.items()) for n in sorted(names)])

    def change(self) -> None:
        """Push some, move one, now and then delete one and let other vulnerabilities be known."""
        for _ in range(5):
            tag = self.chance.randrange(16)  # a tag that there is moves
            self.push(f"{self.chance.choice(self.repositories)}:{tag}", self.chance.choice(SOURCES))
        if self.chance.random() < 0.5:
            place = self.chance.choice(sorted(p for p in self.tags if not p.startswith("stable/")))
            images.remove(self.registry, place.rpartition(":")[0], self.tags.pop(place))
        if self.chance.random() < 0.5:
            source = self.chance.choice(SOURCES)
            self.flaws[source] = {f"CVE-2026-{self.chance.randrange(1000, 9999)}" for _ in range(2)}
            self.know()

    def findings(self, place: str) -> set[str]:
        """What is to be found in what a tag points to."""
        return self.flaws.get(self.made_of[self.tags[place]], set())


class Asking:
    """Asks about images all the time, from a thread of its own, and keeps every answer that is another than before."""

    def __init__(self, address: str, reviews: dict[str, dict[str, Any]]) -> None:
        self._address = address
        self._reviews = reviews
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.asked = 0
        self.answers: dict[str, set[str]] = {name: set() for name in reviews}

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            for name, review in self._reviews.items():
                try:
                    shown = _status(request(self._address, review))
                except OSError as e:
                    shown = f"nobody answers: {e}"
                self.answers[name].add(shown)
                self.asked += 1


def _status(answer: Answer) -> str:
    document = answer.json()
    return json.dumps(document["status"] if isinstance(document, dict) else document, sort_keys=True)


def published(store: Publishing) -> dict[tuple[str, str], Any]:
    """What a store publishes, without times. It may be written to meanwhile, as by those who still work.

    Then what changes between two pages is told again, as it is now, or that it is gone. What does not is told once.
    """
    found: dict[tuple[str, str], Any] = {}
    told: set[tuple[str, str]] = set()
    since, began, rest, stamp = 0, 0, "", ""
    while True:
        changes = store.changes(since, 1000, began, rest, stamp)
        if changes.since == 0 and not changes.after:
            found.clear()
            told.clear()
        for entry in changes.entries:
            key = entry.kind.value, entry.key
            assert key not in told or entry.revision > changes.began, f"{key} of {entry.revision} is told twice"
            told.add(key)
            found.pop(key, None)
            if entry.value is not None:
                found[key] = _timeless(json.loads(entry.value))
        since, began, rest, stamp = changes.revision, changes.began, changes.rest, changes.stamp
        if since >= changes.newest:
            return found


def tags(entries: dict[tuple[str, str], Any]) -> dict[str, str]:
    """The digests of published tags, by ``repository:tag`` without the registry."""
    return {
        key.partition("/")[2]: value["digest"] for (kind, key), value in entries.items() if kind == Kind.TAG.value
    }  # fmt: skip


def _timeless(value: Any) -> Any:
    match value:
        case dict():
            return {name: _timeless(part) for name, part in value.items() if name not in TIMES}
        case list():
            return [_timeless(part) for part in value]
    return value


def differing(
    found: dict[tuple[str, str], Any], wanted: dict[tuple[str, str], Any]
) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Where two stores publish other things: what the first one does, and what the second one."""
    return {
        key: (found.get(key), wanted.get(key))
        for key in sorted(found.keys() | wanted.keys())
        if found.get(key) != wanted.get(key)
    }


def settled(read: Callable[[], dict[tuple[str, str], Any]], wanted: Any, seconds: float) -> dict[tuple[str, str], Any]:
    """Wait until a store publishes what is wanted, and what it publishes then or at the end."""
    until = time.monotonic() + seconds
    while True:
        found = read()
        if found == wanted or time.monotonic() > until:
            return found
        time.sleep(0.2)
