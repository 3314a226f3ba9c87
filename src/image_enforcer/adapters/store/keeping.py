"""Looking after a store."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update

from ...domain.digest import Digest
from ...ports.store import Backlog, Info, ScanTroubles
from . import layer_parts, migrating, scan_rows, schema, tag_rows
from .bulk import batches
from .database import Database
from .publication import Publication

MOST_TROUBLES: Final = 20
"""Kinds of trouble with scans that are told."""
_MANIFESTS: Final = 50
"""Manifests that are forgotten in one transaction, each with its scans."""
_FINDINGS: Final = 2000
"""Findings that may go with them, which take most of the time; those of one manifest go together."""
_TEXTS: Final = 500
_ENTRIES: Final = 2000


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

    def backlog(self, now: datetime) -> Backlog:
        """What is done and what is due, of one moment."""
        table, scans = schema.repositories, schema.scans
        with self._database.reading() as conn:
            places = conn.execute(
                select(
                    func.count().label("all"),
                    func.count().filter(table.c.failures > 0).label("failing"),
                    func.count().filter(table.c.next_look <= now).label("due"),
                    func.count(table.c.looked_at).label("looked"),
                    func.min(table.c.looked_at).label("oldest"),
                    func.count().filter(table.c.lease_until > now).label("claimed"),
                )
            ).one()
            scanner = scan_rows.used(conn)
            ours = (scans.c.scanner == scanner) & scans.c.wanted
            images = conn.execute(
                select(
                    func.count().label("all"),
                    func.count().filter(scans.c.state == scan_rows.SCANNED).label("scanned"),
                    func.count().filter(scans.c.next_at <= now).label("due"),
                    func.count().filter(scans.c.lease_until > now).label("claimed"),
                    func.count().filter(scan_rows.failed()).label("failed"),
                    func.count().filter(scans.c.gaps > 0).label("incomplete"),
                    func.min(scans.c.digest).filter(scans.c.gaps > 0).label("incomplete_one"),
                ).where(ours)
            ).one()
            troubles = conn.execute(
                select(
                    scans.c.trouble_code,
                    func.count().label("images"),
                    func.min(scans.c.digest).label("digest"),
                )
                .where(ours, scans.c.trouble_code.is_not(None))
                .group_by(scans.c.trouble_code)
                .order_by(func.count().desc(), scans.c.trouble_code)
                .limit(MOST_TROUBLES)
            ).all()
            return Backlog(
                revision=conn.execute(select(schema.meta.c.revision)).scalar_one(), repositories=places.all,
                failing=places.failing, looks_due=places.due, tag_troubles=tag_rows.troubles(conn),
                oldest_look=places.oldest if places.looked == places.all else None, scanner=scanner,
                images=images.all, scanned=images.scanned, scans_due=images.due,
                incomplete=images.incomplete,
                incomplete_one=Digest(images.incomplete_one) if images.incomplete_one is not None else None,
                under_way=places.claimed + images.claimed, scans_failed=images.failed,
                scan_troubles=tuple([_troubles(conn, scanner, row) for row in troubles]),
            )  # fmt: skip

    def backup(self, to: Path) -> None:
        """Write a copy of it as one SQLite file, which is a store that can be opened."""
        self._database.backup(to)

    def doubt(self, now: datetime, looks: timedelta, scans: timedelta, lease: timedelta) -> int:
        """Let what is put off or claimed for longer than these from now be due and free."""
        count = 0
        repository, scan = schema.repositories, schema.scans
        with self._database.writing() as conn:
            Publication(conn, now)  # so that nobody else changes many rows of scans in another order
            for table, column, most in (
                (repository, repository.c.next_look, looks), (scan, scan.c.next_at, scans),
                (repository, repository.c.lease_until, lease), (scan, scan.c.lease_until, lease),
            ):  # fmt: skip
                count += conn.execute(update(table).where(column > now + most).values({column.name: now})).rowcount
        return count

    def crowded(self, most: int) -> datetime | None:
        """Since when the manifests that nothing points to are more than so many bytes."""
        table = schema.manifests
        size = func.length(table.c.content).label("size")
        newest = select(table.c.unreached_since, size).where(table.c.unreached_since.is_not(None))
        with self._database.reading() as conn:
            for row in conn.execute(newest.order_by(table.c.unreached_since.desc())).yield_per(_ENTRIES):
                most -= row.size
                if most < 0:
                    since: datetime = row.unreached_since
                    return since
        return None

    def prune(self, now: datetime, keep: timedelta, crowded: datetime | None = None) -> int:
        """Forget some of what nothing has pointed to for so long; how many manifests, texts about layers and gone
        entries. Texts come last, since no index says which of them nobody needs."""
        before = now - keep
        with self._database.writing() as conn:
            Publication(conn, now)
            manifests, all_of_them = _forget_unreached(conn, max(before, crowded or before))
            count = manifests + _forget_gone(conn, before)
            return count + layer_parts.forget_unused(conn, _TEXTS) if all_of_them else count

    def close(self) -> None:
        """Give connections up."""
        self._database.close()


def _troubles(conn: Connection, scanner: str, row: Row[Any]) -> ScanTroubles:
    scans = schema.scans
    one = (scans.c.digest == row.digest) & (scans.c.scanner == scanner)
    text = conn.execute(select(scans.c.trouble_text).where(one)).scalar_one()
    return ScanTroubles(code=row.trouble_code, count=row.images, digest=Digest(row.digest), text=text)


def _forget_unreached(conn: Connection, before: datetime) -> tuple[int, bool]:
    """Forget some manifests that nothing has pointed to since then; how many, and whether that was all."""
    table, findings = schema.manifests, schema.findings
    old = select(table.c.digest).where(table.c.unreached_since <= before).order_by(table.c.unreached_since)
    found = conn.execute(old.limit(_MANIFESTS)).scalars().all()
    counted = select(findings.c.digest, func.count().label("findings")).where(findings.c.digest.in_(found))
    weights = {row.digest: row.findings for row in conn.execute(counted.group_by(findings.c.digest))}
    some: list[str] = []
    for digest in found:
        if some and sum(weights.get(d, 0) for d in (*some, digest)) > _FINDINGS:
            break
        some.append(digest)
    conn.execute(delete(table).where(table.c.digest.in_(some)))
    return len(some), len(some) == len(found) < _MANIFESTS


def _forget_gone(conn: Connection, before: datetime) -> int:
    """Forget some entries that were gone by then."""
    table, meta = schema.entries, schema.meta
    gone = select(table.c.kind, table.c.key, table.c.revision).where(table.c.gone_at <= before)
    rows = conn.execute(gone.order_by(table.c.gone_at).limit(_ENTRIES)).all()
    if not rows:
        return 0
    # Whoever stands before them would never hear of them, and has to begin anew.
    newest = max(row.revision for row in rows)
    conn.execute(update(meta).where(meta.c.floor < newest).values(floor=newest))
    for kind in sorted({row.kind for row in rows}):
        for batch in batches(row.key for row in rows if row.kind == kind):
            conn.execute(delete(table).where(table.c.kind == kind, table.c.key.in_(batch)))
    return len(rows)
