"""Facts from a replica's file on this machine, read as it is brought forward or replaced by another process."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from ...domain.facts import Kind
from ...ports.facts import FactsError, State
from .replica_file import KINDS, check, uri

MAPPED: Final = 1 << 30
"""Bytes of the file that are read without copying."""
_FIND: Final = "SELECT key, value FROM fact WHERE kind = ? AND key IN (SELECT value FROM json_each(?))"
_KEYS: Final = "SELECT key FROM fact WHERE kind = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
_LAST: Final = "\U0010ffff"
"""Behind every character that keys hold."""
_ONE: Final = "SELECT value FROM fact WHERE kind = ? AND key = ?"


class _Reader:
    """One connection to the file, which belongs to one thread at a time."""

    def __init__(self, db: sqlite3.Connection, path: Path, file: tuple[int, int]) -> None:
        self.db = db
        self.file = file
        self._path = path
        self._version = -1
        self._state: State | None = None

    def state(self) -> State:
        """Which facts there are; raises what SQLite does, and :class:`FactsError`."""
        (version,) = self.db.execute("PRAGMA data_version").fetchone()
        if self._state is None or version != self._version:
            row = self.db.execute("SELECT epoch, revision, as_of FROM state").fetchone()
            if row is None:
                raise FactsError(f"{self._path}: says of no revision to be; remove it, and it is fetched anew")
            self._state = State(epoch=row[0], revision=row[1], as_of=datetime.fromisoformat(row[2]))
            self._version = version
        return self._state


class _Held(threading.local):
    """What a thread has: whether it wants all answers from one revision, and the connection that gives them."""

    wanted: bool = False
    reader: _Reader | None = None


class LocalFacts:
    """See :class:`image_enforcer.ports.facts.Facts`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[_Reader] = []
        self._held = _Held()

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.db.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """See the port. One inside another changes nothing. It is the first question that settles the revision, so that
        who asks nothing pays nothing."""
        held = self._held
        if held.wanted:
            yield
            return
        held.wanted = True
        try:
            yield
        finally:
            held.wanted = False
            reader, held.reader = held.reader, None
            if reader is not None:
                self._give_back(reader)

    def state(self) -> State:
        """See the port."""
        with self._taken() as reader, self._translated():
            return reader.state()

    def find(self, kind: Kind, keys: Collection[str], most: int | None = None) -> Mapping[str, bytes]:
        """See the port."""
        number = KINDS.index(kind)
        with self._taken() as reader, self._translated():
            if len(keys) == 1:
                (key,) = keys
                row = reader.db.execute(_ONE, (number, key)).fetchone()
                return {} if row is None else {key: row[0]}
            rows = reader.db.execute(_FIND, (number, json.dumps(list(keys))))
            return dict(rows) if most is None else _some(rows, most)

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """See the port."""
        with self._taken() as reader, self._translated():
            asked = (KINDS.index(kind), start, f"{start}{_LAST}", -1 if most is None else most)
            return [key for (key,) in reader.db.execute(_KEYS, asked)]

    @contextmanager
    def _taken(self) -> Iterator[_Reader]:
        """A connection to the file that is in place now, or the one that this thread has; given back if it is sound."""
        held = self._held
        if held.reader is not None:
            yield held.reader
            return
        reader = self._reader()
        try:
            if held.wanted:
                with self._translated():
                    reader.db.execute("BEGIN")
            yield reader
        except FactsError:
            reader.db.close()
            raise
        if held.wanted:
            held.reader = reader
        else:
            self._give_back(reader)

    def _give_back(self, reader: _Reader) -> None:
        try:
            if reader.db.in_transaction:
                reader.db.execute("ROLLBACK")
        except sqlite3.Error:
            reader.db.close()
            return
        with self._lock:
            self._idle.append(reader)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What SQLite raises becomes a :class:`FactsError`."""
        try:
            yield
        except (sqlite3.Error, ValueError) as e:
            raise FactsError(f"{self._path}: {e}; remove it, and it is fetched anew") from None

    def _reader(self) -> _Reader:
        try:
            found = self._path.stat()
        except OSError as e:
            self.close()
            raise FactsError(f"{self._path}: {e.strerror or e}; no facts have been fetched yet") from None
        file = (found.st_dev, found.st_ino)
        while True:
            with self._lock:
                reader = self._idle.pop() if self._idle else None
            if reader is None:
                return self._opened(file)
            if reader.file == file:
                return reader
            reader.db.close()

    def _opened(self, file: tuple[int, int]) -> _Reader:
        with self._translated():
            db = sqlite3.connect(
                uri(self._path, "ro"), uri=True, check_same_thread=False, timeout=1.0, isolation_level=None
            )
        try:
            check(db, self._path)
            with self._translated():
                db.execute(f"PRAGMA mmap_size = {MAPPED}")
        except FactsError:
            db.close()
            raise
        return _Reader(db, self._path, file)


def _some(rows: Iterable[tuple[str, bytes]], most: int) -> dict[str, bytes]:
    """Rows, up to the one with which there are more bytes than ``most``."""
    found: dict[str, bytes] = {}
    for key, value in rows:
        found[key] = value
        most -= len(value)
        if most < 0:
            break
    return found
