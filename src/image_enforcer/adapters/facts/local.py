"""Facts from a replica's file on this machine, read as it is brought forward or replaced by another process."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from ...domain.facts import Kind
from ...ports.facts import FactsError, State
from .replica_file import KINDS, check

MAPPED: Final = 1 << 30
"""Bytes of the file that are read without copying."""
_FIND: Final = "SELECT key, value FROM fact WHERE kind = ? AND key IN (SELECT value FROM json_each(?))"
_KEYS: Final = "SELECT key FROM fact WHERE kind = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?"
_LAST: Final = "\U0010ffff"
"""Behind every character that keys hold."""
_ONE: Final = "SELECT value FROM fact WHERE kind = ? AND key = ?"


class LocalFacts:
    """See :class:`image_enforcer.ports.facts.Facts`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._version = -1
        self._state: State | None = None

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def state(self) -> State:
        """See the port."""
        with self._lock:
            return self._current(self._opened())

    def find(self, kind: Kind, keys: Collection[str]) -> Mapping[str, bytes]:
        """See the port."""
        number = KINDS.index(kind)
        with self._lock:
            db = self._opened()
            try:
                if len(keys) == 1:
                    (key,) = keys
                    row = db.execute(_ONE, (number, key)).fetchone()
                    return {} if row is None else {key: row[0]}
                return dict(db.execute(_FIND, (number, json.dumps(list(keys)))))
            except sqlite3.Error as e:
                self._let_go()
                raise FactsError(f"{self._path}: {e}; remove it, and it is fetched anew") from None

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """See the port."""
        with self._lock:
            db = self._opened()
            try:
                rows = db.execute(
                    _KEYS, (KINDS.index(kind), start, f"{start}{_LAST}", -1 if most is None else most)
                ).fetchall()
            except sqlite3.Error as e:
                self._let_go()
                raise FactsError(f"{self._path}: {e}") from None
            return [key for (key,) in rows]

    def _opened(self) -> sqlite3.Connection:
        """The file that is in place now."""
        try:
            found = self._path.stat()
        except OSError as e:
            self._let_go()
            raise FactsError(f"{self._path}: {e.strerror or e}; no facts have been fetched yet") from None
        if self._db is not None and (found.st_dev, found.st_ino) == self._file:
            return self._db
        self._let_go()
        try:
            db = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, check_same_thread=False, timeout=1.0)
        except sqlite3.Error as e:
            raise FactsError(f"{self._path}: {e}; remove it, and it is fetched anew") from None
        try:
            check(db, self._path)
            db.execute(f"PRAGMA mmap_size = {MAPPED}")
        except FactsError:
            db.close()
            raise
        except sqlite3.Error as e:
            db.close()
            raise FactsError(f"{self._path}: {e}; remove it, and it is fetched anew") from None
        self._db, self._file, self._version, self._state = db, (found.st_dev, found.st_ino), -1, None
        return db

    def _current(self, db: sqlite3.Connection) -> State:
        try:
            (version,) = db.execute("PRAGMA data_version").fetchone()
            if self._state is None or version != self._version:
                row = db.execute("SELECT epoch, revision, as_of FROM state").fetchone()
                if row is None:
                    raise FactsError(f"{self._path}: says of no revision to be; remove it, and it is fetched anew")
                self._state = State(epoch=row[0], revision=row[1], as_of=datetime.fromisoformat(row[2]))
                self._version = version
        except (sqlite3.Error, ValueError) as e:
            self._let_go()
            raise FactsError(f"{self._path}: {e}; remove it, and it is fetched anew") from None
        return self._state
