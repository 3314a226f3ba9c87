"""Looking after a store."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, select, update

from ...ports.store import Info
from . import layer_parts, migrating, schema
from .database import Database
from .publication import Publication


class SqlKeeping:
    """:class:`~image_enforcer.ports.store.Keeping` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def info(self) -> Info:
        """What there is; counts every row, which takes a while in a large store."""
        with self._database.reading() as conn:
            state = conn.execute(select(schema.meta.c.epoch, schema.meta.c.revision)).one()
            counts = {
                table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
                for table in schema.METADATA.sorted_tables
            }
            return Info(
                kind=self._database.kind, place=self._database.place, schema=migrating.version(conn),
                epoch=state.epoch, revision=state.revision, counts=counts, size=self._database.size(conn),
            )  # fmt: skip

    def backup(self, to: Path) -> None:
        """Write a copy of it as one SQLite file, which is a store that can be opened."""
        self._database.backup(to)

    def prune(self, now: datetime, keep: timedelta) -> int:
        """Forget what nothing has pointed to for so long; how many manifests, texts about layers and gone entries."""
        manifests, entries, meta = schema.manifests, schema.entries, schema.meta
        before = now - keep
        with self._database.writing() as conn:
            Publication(conn, now)
            count = conn.execute(delete(manifests).where(manifests.c.unreached_since <= before)).rowcount
            count += layer_parts.forget_unused(conn)
            gone = entries.c.gone_at <= before
            newest = conn.execute(select(func.max(entries.c.revision)).where(gone)).scalar()
            if newest is not None:
                # Whoever stands before it would never hear of them, and has to begin anew.
                conn.execute(update(meta).where(meta.c.floor < newest).values(floor=newest))
                count += conn.execute(delete(entries).where(gone)).rowcount
            return count

    def close(self) -> None:
        """Give connections up."""
        self._database.close()
