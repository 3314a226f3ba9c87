"""A replica of the facts as one SQLite file: made whole, brought forward in place, read by any number of processes.

One process writes it. A whole new copy is made beside it and checked. It is copied over the old one in one transaction,
so that whoever reads finds the old one or the new one and never half of either: renaming would leave readers of the old
file with the new one's log. Only where there is no old one that can be read is the new one renamed.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ...domain.facts import Changes, Entry, Kind
from ...ports.facts import FactsError

APPLICATION: Final = 0x69656678
"""``iefx`` as SQLite's application id: a file of somebody else is never taken for a replica."""
FORMAT: Final = 1
_MAGIC: Final = b"SQLite format 3\0"
_APPLICATION_AT: Final = slice(68, 72)
"""Where the application id stands in the header of 100 bytes (https://sqlite.org/fileformat2.html, 1.3)."""
KINDS: Final = tuple(Kind)
"""Kinds are stored by their place here: new ones are added at the end."""
_FACT: Final = (
    "CREATE TABLE fact (kind INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, revision INTEGER NOT NULL, "
    "PRIMARY KEY (kind, key)) WITHOUT ROWID"
)
_STATE: Final = (
    "CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), epoch TEXT NOT NULL, revision INTEGER NOT NULL, "
    "began INTEGER NOT NULL, as_of TEXT NOT NULL)"
)
_TABLES: Final = (_FACT, _STATE)
_MARK: Final = "CREATE TABLE mark (one INTEGER PRIMARY KEY CHECK (one = 1), stamp TEXT NOT NULL)"
"""Beside them in a copy that is kept, and not in what a worker gives out, so that earlier versions read that too."""
_STATES: Final = "SELECT typeof(epoch), typeof(revision), typeof(began), as_of FROM state"
_ODD: Final = (
    "SELECT 1 FROM fact WHERE typeof(kind) != 'integer' OR typeof(key) != 'text' "
    "OR typeof(value) != 'blob' OR typeof(revision) != 'integer' LIMIT 1"
)
"""A column's type in SQLite is what is preferred, and not what stands there (https://sqlite.org/datatype3.html). Kinds
that are not known here are a later version's, and nobody asks for them."""
MOST_LOG: Final = 64 << 20
"""Bytes of the write-ahead log that are kept once they have been copied into the file."""


class ForeignFile(FactsError):
    """A file that is there and was never a replica: nothing is written in its place."""


def spare(path: Path) -> None:
    """Raises :class:`ForeignFile` where a file is of somebody else. A replica of ours may be damaged, and an empty file
    holds nothing that could be lost."""
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as e:
        raise ForeignFile(f"{path}: {e.strerror or e}; name another file") from None
    if header and not (header.startswith(_MAGIC) and header[_APPLICATION_AT] == APPLICATION.to_bytes(4, "big")):
        raise ForeignFile(f"{path}: this is no copy of facts, and stays as it is; name another file, or remove it")


def uri(path: Path, mode: str) -> str:
    """A path as SQLite wants it where a mode is said too (https://sqlite.org/uri.html): odd characters are quoted."""
    return f"file:{quote(os.fsencode(path))}?mode={mode}"


@contextmanager
def _opened(path: Path, *, create: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection for writing; what goes wrong is a :class:`FactsError`."""
    try:
        mode = "rwc" if create else "rw"
        with closing(sqlite3.connect(uri(path, mode), uri=True, isolation_level=None, timeout=30)) as db:
            yield db
    except sqlite3.Error as e:
        raise FactsError(f"{path}: {e}; {_next(e)}") from None


def _next(error: sqlite3.Error) -> str:
    """What to do about an error of SQLite's (https://sqlite.org/rescode.html)."""
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return "see that there is room"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return "see that it may be written, and its folder too"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "see that no other process keeps it"
        case _:
            return "remove it, and it is fetched anew"


def check(db: sqlite3.Connection, path: Path) -> None:
    """Whether a file is a replica that can be read here; raises :class:`FactsError`."""
    try:
        (application,) = db.execute("PRAGMA application_id").fetchone()
        (version,) = db.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as e:
        raise FactsError(f"{path}: this is no replica: {e}; remove it, and it is fetched anew") from None
    if application != APPLICATION:
        raise FactsError(f"{path}: this is no replica; name another file")
    if version != FORMAT:
        raise FactsError(f"{path}: a replica of format {version}, {FORMAT} is read here; remove it")


def verify(db: sqlite3.Connection, path: Path) -> None:
    """Whether a file is a whole replica: its pages, its tables and nothing else, its state, and of what types all in
    them is, which SQLite leaves to whoever writes it. Reads all of it.

    Raises :class:`FactsError`.
    """
    check(db, path)
    found = db.execute("PRAGMA quick_check(1)").fetchall()
    if found != [("ok",)]:
        raise FactsError(f"{path}: damaged: {found[0][0]}; remove it, and it is fetched anew")
    made = [row[0] for row in db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")]
    whole = made in ([_FACT, _STATE], [_FACT, _MARK, _STATE])
    states = db.execute(_STATES).fetchall() if whole else []
    if [row[:3] for row in states] != [("text", "integer", "integer")] or not _moment(states[0][3]):
        raise FactsError(f"{path}: this is no replica, though it says so; remove it, and it is fetched anew")
    marks = db.execute("SELECT typeof(stamp) FROM mark").fetchall() if _MARK in made else []
    if db.execute(_ODD).fetchone() is not None or {kind for (kind,) in marks} - {"text"}:
        raise FactsError(
            f"{path}: what is in it is not of the types that facts are of; remove it, and it is fetched anew"
        )


def _moment(text: object) -> bool:
    """Whether a text is a time with its zone."""
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def make(path: Path, batches: Iterable[Changes], as_of: datetime) -> tuple[str, int]:
    """Make a replica anew at a path where there is none; the epoch and the revision that it has.

    ``batches`` are all changes from the first on, in order, until there are no more. Raises :class:`FactsError`.
    """
    epoch, revision, began, rest = "", 0, 0, ""
    with _opened(path, create=True) as db:
        db.executescript(
            f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT}; PRAGMA journal_mode = OFF;"
            f"PRAGMA synchronous = OFF; BEGIN; {'; '.join(_TABLES)};"
        )
        for changes in batches:
            if epoch not in ("", changes.epoch):
                raise FactsError(f"{path}: the store was replaced while its facts were read; try again")
            if (changes.since, changes.after) != (revision, rest):
                raise FactsError(f"{path}: the store told everything anew while its facts were read; try again")
            epoch, revision, began, rest = changes.epoch, changes.revision, changes.began, changes.rest
            _put(db, changes.entries)
        db.execute("INSERT INTO state VALUES (1, ?, ?, ?, ?)", (epoch, revision, began, as_of.isoformat()))
        db.execute("COMMIT")
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return epoch, revision


def install(fresh: Path, place: Path, stamp: str = "") -> None:
    """Put a checked copy in the place of the old one. Raises :class:`FactsError` where it is none, or damaged, and
    :class:`ForeignFile` where what is in that place is no old one."""
    spare(place)
    with _opened(fresh) as db:
        db.execute("PRAGMA trusted_schema = OFF")
        verify(db, fresh)
        _mark(db, stamp)
        if _overwritten(db, place):
            return
        db.execute("PRAGMA journal_mode = WAL").fetchall()
    for rest in ("-wal", "-shm", "-journal"):  # of one that cannot be read, or has been removed
        Path(f"{place}{rest}").unlink(missing_ok=True)
    fresh.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _overwritten(fresh: sqlite3.Connection, place: Path) -> bool:
    """Copy all pages over the old replica in one transaction; False where there is none that could be written."""
    if not place.exists():
        return False
    try:
        with closing(sqlite3.connect(uri(place, "rw"), uri=True, isolation_level=None, timeout=30)) as old:
            check(old, place)
            if old.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                return False
            old.execute(f"PRAGMA journal_size_limit = {MOST_LOG}")
            fresh.backup(old)
            return True
    except FactsError:
        return False
    except sqlite3.Error as e:
        if getattr(e, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return False
        raise


def position(path: Path, *, thoroughly: bool = False) -> tuple[str, int, int, str] | None:
    """The epoch and the revision of a replica, where it began, and its stamp; None where there is none.

    ``thoroughly`` reads all of it. Raises :class:`FactsError`.
    """
    if not path.exists():
        return None
    with _opened(path) as db:
        (verify if thoroughly else check)(db, path)
        row = db.execute("SELECT epoch, revision, began FROM state").fetchone()
        stamp = db.execute("SELECT stamp FROM mark").fetchone() if _marked(db) else None
    if row is None:
        raise FactsError(f"{path}: says of no revision to be; remove it, and it is fetched anew")
    return str(row[0]), int(row[1]), int(row[2]), "" if stamp is None else str(stamp[0])


def apply(path: Path, changes: Changes, as_of: datetime | None) -> None:
    """Bring a replica forward by one answer; see :func:`apply_all`."""
    apply_all(path, [changes], as_of)


def apply_all(path: Path, batches: Iterable[Changes], as_of: datetime | None) -> None:
    """Bring a replica forward by answers that follow one another, all in one transaction: nobody sees the half of it.

    ``as_of`` is given where nothing newer is known to exist. Raises :class:`FactsError`, also where the changes are of
    another epoch, do not follow what it has, or end within a revision. The replica is then as it was.
    """
    with _opened(path) as db:
        check(db, path)
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA journal_size_limit = {MOST_LOG}")
        db.execute("BEGIN IMMEDIATE")
        row = db.execute("SELECT epoch, revision FROM state").fetchone()
        if row is None:
            raise FactsError(f"{path}: says of no revision to be; remove it, and it is fetched anew")
        epoch, revision, rest, stamp = row[0], row[1], "", ""
        for changes in batches:
            if epoch != changes.epoch:
                raise FactsError(f"{path}: facts of another store ({epoch}, not {changes.epoch}); it is fetched anew")
            if (changes.since, changes.after) != (revision, rest):
                text = f"{path}: at revision {revision}, which changes since {changes.since} do not follow"
                raise FactsError(f"{text}; see that no other process keeps it")
            _put(db, changes.entries)
            revision, rest, stamp = changes.revision, changes.rest, changes.stamp
        if rest:
            raise FactsError(f"{path}: changes end within a revision; they are fetched anew")
        db.execute("UPDATE state SET revision = ?", (revision,))
        _mark(db, stamp)
        if as_of is not None:
            db.execute("UPDATE state SET as_of = ?", (as_of.isoformat(),))
        db.execute("COMMIT")


def _marked(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'mark'").fetchone() is not None


def _mark(db: sqlite3.Connection, stamp: str) -> None:
    """Note the stamp of the revision that a copy is of."""
    if not _marked(db):
        db.execute(_MARK)
    db.execute("INSERT OR REPLACE INTO mark VALUES (1, ?)", (stamp,))


def _put(db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    db.executemany(
        "INSERT INTO fact VALUES (?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, "
        "revision = excluded.revision",
        [(KINDS.index(e.kind), e.key, e.value, e.revision) for e in entries if e.value is not None],
    )
    db.executemany(
        "DELETE FROM fact WHERE kind = ? AND key = ?",
        [(KINDS.index(e.kind), e.key) for e in entries if e.value is None],
    )


def checksum(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
