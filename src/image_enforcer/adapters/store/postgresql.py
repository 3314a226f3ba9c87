"""The store in a PostgreSQL database, for any number of workers. Sources: PostgreSQL 18 manual, 13.2, 20.11, A.

Whoever publishes takes the row of the revision first and holds it to its commit (see ``publication``); claims skip rows
that another has. A connection that broke is replaced when the next one is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, delete, event, func, select, update
from sqlalchemy import text as sql
from sqlalchemy.exc import ArgumentError

from ...analysis import text
from ...ports.store import StoreError, StoreUnreachable, StoreUnusable
from . import migrating, schema, sqlite
from .bulk import bulk_load
from .database import translated

_MIGRATING: Final = 0x496D4566_00000001
"""The advisory lock under which tables are made and changed."""
_DRIVER: Final = "postgresql+psycopg"
_CONNECTIONS: Final = 15
_NO_DATABASE: Final = re.compile(r'FATAL: +database ".*" does not exist')
_PATIENCE: Final = 30.0
"""Seconds to wait for one of our connections."""
_SETTINGS: Final = """
SELECT set_config('timezone', 'UTC', false),
       set_config('lock_timeout', '60s', false),
       set_config('idle_in_transaction_session_timeout', '60s', false),
       CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
"""A worker that hangs must not keep the others waiting for ever, and what is recorded is to outlive a power cut."""


class Postgresql:
    """A :class:`~image_enforcer.adapters.store.database.Database` on a server."""

    kind = "postgresql"

    def __init__(self, url: URL, new_epoch: Callable[[], str], *, create: bool = True) -> None:
        """Connect, and make the tables where there are none, or with ``create`` false see that they are there; raises
        :class:`StoreError`."""
        check_options(url)
        self.place = _place(url)
        self._new_epoch = new_epoch
        self._engine = _engine(url)
        self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with ExitStack() as undo:
            undo.callback(self._engine.dispose)
            if create:
                self._make()
            else:
                with self.reading() as conn:
                    migrating.check(conn, self.place)
            undo.pop_all()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """READ COMMITTED: every statement sees what others have committed before it."""
        with self._translated(), self._engine.begin() as conn:
            yield conn

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """REPEATABLE READ: all statements see one state."""
        with self._translated(), self._reader.begin() as conn:
            yield conn

    def size(self, conn: Connection) -> int:
        """What the server says that the database takes."""
        found: int = conn.execute(select(func.pg_database_size(func.current_database()))).scalar_one()
        return found

    def backup(self, to: Path) -> None:
        """A copy as a SQLite store, of one state, with an epoch of its own. ``pg_dump`` makes one for PostgreSQL."""
        with sqlite.new_file(to) as partial:
            copy = sqlite.Sqlite(partial, self._new_epoch)
            with closing(copy), self.reading() as source, copy.writing() as target:
                for table in schema.METADATA.sorted_tables:
                    if table is schema.meta:
                        row = source.execute(select(table.c.revision, table.c.floor)).one()
                        target.execute(update(table).values(revision=row.revision, floor=row.floor))
                        continue
                    target.execute(delete(table))  # the stamp that the empty copy began with
                    rows = source.execution_options(yield_per=1000).execute(select(table))
                    bulk_load(target, table, (dict(row) for row in rows.mappings()))

    def close(self) -> None:
        """Give all connections up."""
        self._engine.dispose()

    def _make(self) -> None:
        with self.writing() as conn:
            # Waits for as long as another makes the tables; given back at the end of the transaction.
            conn.execute(sql("SET LOCAL lock_timeout = 0"))
            conn.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            migrating.migrate(conn, self._new_epoch)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.place, psycopg.Error, _as_error)


def check_options(url: URL) -> None:
    """Raises :class:`StoreUnusable` for what PostgreSQL's library does not take as an address; asks nobody."""
    named = url.set(drivername=_DRIVER)
    try:
        _, options = named.get_dialect()().create_connect_args(named)
        psycopg.conninfo.make_conninfo(**options)
    except (psycopg.ProgrammingError, ArgumentError) as e:
        said = text.name(str(e).strip().partition("\n")[0], 300)
        raise StoreUnusable(
            f"the store {_place(url)} cannot be reached by this address: {said}; write "
            "postgresql://user@host:5432/database, with options of libpq behind a question mark"
        ) from None


def _place(url: URL) -> str:
    """Where it is, without secrets."""
    host = url.host or url.normalized_query.get("host", ("localhost",))[0]
    return f"{host}:{url.port or 5432}/{url.database or url.username or ''}"


def _engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername=_DRIVER),
        pool_size=5,
        max_overflow=_CONNECTIONS - 5,
        pool_timeout=_PATIENCE,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10, "application_name": "image-enforcer", "tcp_user_timeout": 30_000}
        | {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3},
    )

    def connected(connection: psycopg.Connection, _record: object) -> None:
        connection.execute(_SETTINGS)
        connection.commit()

    event.listen(engine, "connect", connected)
    return engine


def _as_error(place: str, error: psycopg.Error) -> StoreError | None:
    """What an error of PostgreSQL means for the caller; None where it is a mistake of ours."""
    match error:
        case psycopg.errors.InsufficientPrivilege():
            return StoreUnusable(f"the store {place} refuses this: its user needs all rights on the database's tables")
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn():
            return StoreUnusable(f"the store {place} has other tables than it had: restart, or restore a backup")
        case psycopg.errors.DataCorrupted() | psycopg.errors.IndexCorrupted():
            return StoreUnusable(f"the store {place} is damaged: restore a backup")
        case psycopg.errors.ReadOnlySqlTransaction():
            return StoreUnreachable(f"the store {place} takes no changes now, as a standby does: name the primary")
        case psycopg.errors.DiskFull():
            return StoreUnreachable(f"the store {place} has no room: free some on its disk; nothing was recorded")
        case psycopg.errors.IdleInTransactionSessionTimeout():
            return StoreUnreachable(
                f"the store {place} gave up waiting for this process: try again; nothing was recorded"
            )
        case psycopg.OperationalError() if _NO_DATABASE.search(str(error)):
            # What fails while connecting has no code; where the server speaks another language, it is unreachable.
            return StoreUnusable(
                f"there is no database {place}: make it (CREATE DATABASE), or name another with --store"
            )
        case psycopg.OperationalError() | psycopg.InterfaceError():
            # What the server or its library says names hosts, users and databases, and never a password.
            said = text.name(str(error).partition("\n")[0], 300)
            return StoreUnreachable(
                f"the store {place} cannot be reached or cannot do this now, try again later: {said}"
            )
    return None
