"""The facts, as those read them who decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from ...domain.digest import Digest
from ...domain.facts import Changes, Entry, Kind
from ...domain.manifest import Manifest
from ...ports.store import PART
from . import manifest_rows, pages, schema
from .bulk import batches
from .database import Database


class SqlPublishing:
    """:class:`~image_enforcer.ports.store.Publishing` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def changes(
        self, since: int, most: int, began: int = 0, rest: str = "", stamp: str = "", size: int = PART
    ) -> Changes:
        """The entries behind a revision. One revision's entries stand in one answer, unless they are too many bytes."""
        meta = schema.meta
        with self._database.reading() as conn:
            state = conn.execute(select(meta.c.epoch, meta.c.revision, meta.c.floor)).one()
            place = pages.Place.read(rest)
            if place is not None and not since < place.revision <= state.revision:
                place = None
            lost = bool(rest) and place is None
            on_its_way = 0 < since <= state.revision or (since == 0 and place is not None)
            known = _stamp(conn, max(since, began))
            if lost or not on_its_way or max(since, began) < state.floor or not known or known != stamp:
                since, began, place = 0, state.revision, None
            page = pages.read(conn, since, place, most, size)
            revision = state.revision if page.last is None else page.last
            return Changes(
                epoch=state.epoch, since=since, began=began, revision=revision, newest=state.revision,
                entries=page.entries, stamp=_stamp(conn, max(revision, began)), after="" if place is None else rest,
                rest="" if page.rest is None else str(page.rest),
            )  # fmt: skip

    def head(self) -> tuple[str, int]:
        """The store's epoch, and the newest revision."""
        meta = schema.meta
        with self._database.reading() as conn:
            row = conn.execute(select(meta.c.epoch, meta.c.revision)).one()
            return row.epoch, row.revision

    def entries(self, kind: Kind, keys: Collection[str]) -> Mapping[str, Entry]:
        """The entries of these keys that there are."""
        table = schema.entries
        found: dict[str, Entry] = {}
        with self._database.reading() as conn:
            for batch in batches(keys):
                rows = conn.execute(
                    select(table.c.kind, table.c.key, table.c.value, table.c.revision).where(
                        table.c.kind == kind.value, table.c.key.in_(batch), table.c.value.is_not(None)
                    )
                )
                found.update({row.key: _entry(row) for row in rows})
        return found

    def revisions(self, kind: Kind, keys: Collection[str]) -> Mapping[str, int]:
        """The revisions of the entries of these keys that there are."""
        table = schema.entries
        found: dict[str, int] = {}
        with self._database.reading() as conn:
            for batch in batches(keys):
                rows = conn.execute(
                    select(table.c.key, table.c.revision).where(
                        table.c.kind == kind.value, table.c.key.in_(batch), table.c.value.is_not(None)
                    )
                )
                found.update({row.key: row.revision for row in rows})
        return found

    def manifests(self, digests: Collection[Digest]) -> Mapping[Digest, Manifest]:
        """The stored manifests of these digests."""
        table = schema.manifests
        found: dict[Digest, Manifest] = {}
        with self._database.reading() as conn:
            for batch in batches(digests):
                columns = (table.c.digest, table.c.media_type, table.c.content)
                for row in conn.execute(select(*columns).where(table.c.digest.in_(batch))):
                    read = manifest_rows.read(row)
                    if read is not None:
                        found[read.digest] = read
        return found

    def position(self, reader: str) -> str:
        """What a reader noted last; empty where it never did."""
        table = schema.notes
        with self._database.reading() as conn:
            return conn.execute(select(table.c.position).where(table.c.reader == reader)).scalar() or ""

    def note(self, reader: str, position: str) -> None:
        """Note how far a reader has come."""
        with self._database.writing() as conn:
            insert = postgresql.insert if self._database.kind == "postgresql" else sqlite.insert
            row = insert(schema.notes).values(reader=reader, position=position)
            conn.execute(row.on_conflict_do_update(index_elements=["reader"], set_={"position": position}))


def _stamp(conn: Connection, revision: int) -> str:
    """The stamp of a revision; empty where it has none, or none any more."""
    table = schema.revisions
    return conn.execute(select(table.c.stamp).where(table.c.revision == revision)).scalar() or ""


def _entry(row: Row[str, str, bytes | None, int]) -> Entry:
    kind, key, value, revision = row
    return Entry(kind=Kind(kind), key=key, value=value, revision=revision)
