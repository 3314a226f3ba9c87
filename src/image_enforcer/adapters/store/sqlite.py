"""The store in one SQLite file, for one worker. Sources: sqlite.org/wal.html, /pragma.html, /rescode.html.

The file is in WAL mode and every commit is synced (``synchronous=FULL``), so that what has been recorded survives a
kill and a power cut. One connection writes, under a lock of this process and SQLite's own for others; any number read.

A store that is there to be read needs no right to write it. Readers of a file in WAL mode share memory in a file beside
it, which they make where there is none: whoever may not write reads the one that a worker has made, and where nobody
has the store open, the file alone. A log without that memory, as a copy of a running worker's files may have it, cannot
be read by who may not write.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, text

from ...ports.store import StoreError, StoreUnreachable, StoreUnusable
from . import migrating
from .database import translated

APPLICATION_ID: Final = 0x496D4566
"""``ImEf`` in the file's header says whose it is."""
_PATIENCE: Final = 30.0
"""Seconds to wait for another process that writes."""
_READERS: Final = 8


class Sqlite:
    """A :class:`~image_enforcer.adapters.store.database.Database` in a file."""

    kind = "sqlite"

    def __init__(self, path: Path, new_epoch: Callable[[], str], *, create: bool = True) -> None:
        """Open a file, or make it, or with ``create`` false only read it; raises :class:`StoreError`."""
        self._path = Path(os.path.realpath(path))  # the log is beside the file itself, not beside a link to it
        self.place = str(self._path)
        self._new_epoch = new_epoch
        self._writer_lock = threading.Lock()
        how = "rwc" if create else _right(self._path)
        self._alone = "immutable" in how
        self._address = f"{self._path.as_uri()}?mode={how}"
        with self._translated():
            _recognise(self._path, self._address, create=create)
        self._writer = _engine(self._address, 1, "BEGIN IMMEDIATE", "PRAGMA synchronous=FULL")
        self._readers = _engine(self._address, _READERS, "BEGIN", "PRAGMA query_only=ON")
        with ExitStack() as undo, self._translated():
            undo.callback(self.close)
            if create:
                self._begin()
            else:
                with self.reading() as conn:
                    migrating.check(conn, self.place)
            undo.pop_all()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Alone among all threads and processes."""
        with self._translated(), self._writer_lock, self._writer.begin() as conn:
            yield conn

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Beside whoever writes, from the state at its first statement."""
        with self._translated(), self._readers.begin() as conn:
            yield conn
        self._see_alone()

    def size(self, conn: Connection) -> int:
        """The pages of the file; the log beside it comes on top."""
        pages: int = conn.execute(
            text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        ).scalar_one()
        return pages

    def backup(self, to: Path) -> None:
        """A copy without free pages, made while others write. It goes its own way, and so gets an epoch of its own."""
        with new_file(to) as partial:
            try:
                with closing(sqlite3.connect(self._address, uri=True, timeout=_PATIENCE)) as source:
                    source.execute("VACUUM INTO ?", (str(partial),))
                with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
                    copy.execute("UPDATE meta SET epoch = ?", (self._new_epoch(),))
            except sqlite3.Error as e:
                raise StoreError(f"the copy {to} cannot be made: {e}; see to the folder and its room") from e
            self._see_alone()

    def close(self) -> None:
        """The last connection folds the log into the file."""
        self._readers.dispose()
        self._writer.dispose()

    def _begin(self) -> None:
        """Make or change the tables, alone."""
        raw = self._writer.raw_connection()
        try:
            raw.cursor().execute("PRAGMA journal_mode=WAL")
        finally:
            raw.close()
        with self._writer_lock, self._writer.execution_options(begin="BEGIN EXCLUSIVE").begin() as conn:
            if conn.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
                conn.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
            migrating.migrate(conn, self._new_epoch)

    def _see_alone(self) -> None:
        """What was read past the log holds good as long as nobody had begun one."""
        if self._alone and _log(self._path).exists():
            raise StoreUnreachable(f"the store {self.place} was opened by a worker meanwhile: try again")

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.place, sqlite3.Error, _as_error)


@contextmanager
def new_file(to: Path) -> Iterator[Path]:
    """A file that appears under its name when it is whole and synced, and not at all when something goes wrong."""
    if to.exists():
        raise StoreError(f"{to} exists already: name a file that does not, or remove it first")
    partial = to.with_name(f".{to.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        yield partial
        _sync(partial)
        partial.rename(to)
        _sync(to.parent)
    except OSError as e:
        raise StoreError(f"the copy {to} cannot be written: {e.strerror or e}; see to the folder and its room") from e
    finally:
        for left in (partial, *[partial.with_name(partial.name + suffix) for suffix in ("-wal", "-shm", "-journal")]):
            left.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _right(path: Path) -> str:
    """How a file may be opened to be read. Who may write it does as workers do, and leaves nothing behind."""
    try:
        owner = path.stat().st_uid
    except OSError:
        return "ro"
    # Another's file is only read even in a folder for all: the shared memory would be ours, and shut its owner out.
    if os.geteuid() in (0, owner) and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return "rw"
    return "ro" if _log(path).exists() else "ro&immutable=1"


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _recognise(path: Path, address: str, *, create: bool) -> None:
    """See that a file is ours, or none yet, before anything in it is changed."""
    try:
        known = path.exists()
    except PermissionError:
        raise StoreUnusable(f"the store {path} may not be used: see to the rights of its folder") from None
    if not known and not create:
        raise migrating.missing(str(path))
    if not path.parent.is_dir():
        raise StoreUnreachable(f"there is no folder {path.parent} for the store: make it, or name another place")
    if not known:
        return
    with closing(sqlite3.connect(address, uri=True, timeout=_PATIENCE)) as found:
        (mark,) = found.execute("PRAGMA application_id").fetchone()
        (things,) = found.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if mark != APPLICATION_ID and (mark or things):
        raise StoreUnusable(f"{path} is a database of something else: name another file for the store")


def _engine(address: str, connections: int, begin: str, *pragmas: str) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=partial(
            sqlite3.connect, address, uri=True, timeout=_PATIENCE, check_same_thread=False, isolation_level=None
        ),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_PATIENCE,
    )

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in ("PRAGMA foreign_keys=ON", "PRAGMA temp_store=MEMORY", *pragmas):
            connection.execute(pragma)

    def begun(conn: Connection) -> None:
        # The driver would begin late: two that read first and write then would stand in each other's way.
        options: Any = conn.get_execution_options()
        conn.exec_driver_sql(options.get("begin", begin))

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


_UNUSABLE: Final = {
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a backup, or move it away and let everything be gathered anew",
    sqlite3.SQLITE_NOTADB: "is no database, or is damaged: restore a backup, or name another file",
    sqlite3.SQLITE_READONLY: "may not be written: see to the rights of the file and of its folder",
    sqlite3.SQLITE_AUTH: "may not be used: see to its rights",
}
_UNREACHABLE: Final = {
    sqlite3.SQLITE_FULL: "has no room: free some on its disk; nothing was recorded",
    sqlite3.SQLITE_IOERR: "cannot be read or written: see to its disk and the room there; nothing was recorded",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: see to the folder, its rights and the number of open files",
    sqlite3.SQLITE_BUSY: "is held by another process: one worker can use it at a time; try again later",
    sqlite3.SQLITE_LOCKED: "is held by another connection: try again later",
    sqlite3.SQLITE_PROTOCOL: "is held by others: try again later",
    sqlite3.SQLITE_NOMEM: "cannot be used: there is no memory left; nothing was recorded",
}


def _as_error(place: str, error: sqlite3.Error) -> StoreError | None:
    """What an error of SQLite means for the caller; None where it is a mistake of ours."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _UNUSABLE:
        return StoreUnusable(f"the store {place} {_UNUSABLE[code]}")
    if code in _UNREACHABLE:
        return StoreUnreachable(f"the store {place} {_UNREACHABLE[code]}")
    return None
