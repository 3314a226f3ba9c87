"""What the suites about the store do with it, and where they get one from."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Entry, Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Look, Trouble
from image_enforcer.ports.store import LookWork, ScanWork, Store
from tests.contract.contents import HOUR, MINUTE, NOON, repository, result, trouble

NGINX = repository()
REDIS = repository("library/redis")
EVIL = repository("library/nginx", "evil.example")


def claim(store: Store, at: datetime = NOON, most: int = 100, lease: timedelta = 5 * MINUTE) -> list[LookWork]:
    return list(store.claim_looks("worker", at, lease, most))


def look_at(
    store: Store, where: Repository, tags: dict[str, Manifest], *, at: datetime = NOON,
    troubles: dict[str, Trouble] | None = None, listed: frozenset[str] = frozenset(), store_all: bool = True,
    others: tuple[Manifest, ...] = (),
) -> int:  # fmt: skip
    """Claim a repository, look, and record that it has these tags. Whatever else is due fails."""
    assert store.hint(where, at)
    works = {work.watched.repository: work for work in claim(store, at)}
    for other in works.keys() - {where}:
        store.record_trouble(works[other], trouble(at), at + HOUR)
    seen = a_look(where, tags, at, troubles, listed, store_all)
    return store.record_look(works[where], replace(seen, manifests=(*others, *seen.manifests)), at + HOUR)


def a_look(
    where: Repository, tags: dict[str, Manifest], at: datetime = NOON, troubles: dict[str, Trouble] | None = None,
    listed: frozenset[str] = frozenset(), store_all: bool = True,
) -> Look:  # fmt: skip
    return Look(
        repository=where, at=at, tags=tuple((name, found.digest) for name, found in tags.items()),
        listed=listed | tags.keys() | (troubles or {}).keys(), manifests=tuple(tags.values()) if store_all else (),
        troubles=tuple((troubles or {}).items()),
    )  # fmt: skip


def look_more(
    store: Store, where: Repository, tags: dict[str, Manifest], *others: Manifest, at: datetime = NOON
) -> int:
    """As :func:`look_at`, with manifests beside those that the tags point to."""
    return look_at(store, where, tags, at=at, others=others)


def claim_scans(
    store: Store, at: datetime = NOON, version: str = "1", most: int = 100, lease: timedelta = 5 * MINUTE
) -> list[ScanWork]:
    return list(store.claim_scans("clair", version, "worker", at, lease, most))


def scan_all(store: Store, at: datetime = NOON, version: str = "1", **more: Any) -> list[Digest]:
    """Scan what is due, without findings; what that was."""
    works = claim_scans(store, at, version)
    for work in works:
        store.record_scan(work, result(work, at=at, version=version, **more))
    return sorted(work.manifest.digest for work in works)


def value(store: Store, kind: Kind, key: str) -> Any:
    """What is published under a key; None where nothing is."""
    found = store.entries(kind, [key]).get(key)
    return None if found is None or found.value is None else json.loads(found.value)


def everything(store: Store, most: int = 1000) -> dict[tuple[Kind, str], Entry]:
    """All entries, page by page, gone ones included."""
    entries: dict[tuple[Kind, str], Entry] = {}
    page = store.changes(0, most)
    while True:
        entries.update({(entry.kind, entry.key): entry for entry in page.entries})
        if page.revision == page.newest:
            return entries
        page = store.changes(page.revision, most, page.began, page.rest, page.stamp)


def behind(store: Store, revision: int) -> list[Entry]:
    """The entries behind a revision."""
    return [entry for entry in store.changes(0, 10_000).entries if entry.revision > revision]


class StoreSuite:
    """The root of the suites. Each adapter gives ``opened``, which opens the same empty database each time it is
    called, and ``restored``, which opens a copy."""

    @pytest.fixture
    def opened(self) -> Callable[[], Store]:
        raise AssertionError("which store?")

    @pytest.fixture
    def store(self, opened: Callable[[], Store]) -> Iterator[Store]:
        store = opened()
        yield store
        store.close()
