"""Facts to be copied: whole revisions in which every entry says which one it is of."""

import json
from collections.abc import Iterator
from pathlib import Path

from image_enforcer.adapters.facts import replica_file
from image_enforcer.domain.facts import Changes, Entry, Kind
from tests.contract.contents import NOON

KEYS = tuple(f"docker.io/library/app{n}" for n in range(50))


def entry(key: str, revision: int, kind: Kind = Kind.TAG, *, gone: bool = False) -> Entry:
    value = None if gone else json.dumps({"revision": revision, "pad": "x" * 200}).encode()
    return Entry(kind=kind, key=key, value=value, revision=revision)


def changes(since: int, revision: int, *entries: Entry, epoch: str = "e", newest: int = 0) -> Changes:
    return Changes(
        epoch=epoch, since=since, began=0, revision=revision, newest=newest or revision, entries=entries
    )  # fmt: skip


def whole(revision: int, epoch: str = "e", keys: tuple[str, ...] = KEYS) -> Iterator[Changes]:
    """All facts as of a revision."""
    yield changes(0, revision, *(entry(key, revision) for key in keys), epoch=epoch)


def step(revision: int, epoch: str = "e", keys: tuple[str, ...] = KEYS) -> Changes:
    """What changes with a revision: everything."""
    return changes(revision - 1, revision, *(entry(key, revision) for key in keys), epoch=epoch)


def made(path: Path, revision: int = 1, epoch: str = "e", keys: tuple[str, ...] = KEYS) -> Path:
    """A copy in place."""
    fresh = path.with_name(path.name + ".new")
    replica_file.make(fresh, whole(revision, epoch, keys), NOON)
    replica_file.install(fresh, path)
    fresh.unlink(missing_ok=True)
    return path
