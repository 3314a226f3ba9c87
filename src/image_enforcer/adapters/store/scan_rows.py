"""The rows of scans: one for each image and scanner, before there is a result and after."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, bindparam, select, update

from ...domain.facts import Kind
from ...domain.report import Report
from ...domain.watched import Trouble
from . import published, schema
from .bulk import batches, bulk_load
from .columns import EPOCH
from .publication import Publication

SCANNED = "scanned"
UNSCANNABLE = "unscannable"
FAILED = "failed"
_STATES = (FAILED, UNSCANNABLE, SCANNED)
"""From what says least to what says most."""


def want(conn: Connection, digests: Collection[str], *, wanted: bool) -> None:
    """Say of images whether they are to be scanned; those that never were have rows made for them."""
    table = schema.scans
    known: set[tuple[str, str]] = set()
    for batch in batches(digests):
        conn.execute(update(table).where(table.c.digest.in_(batch)).values(wanted=wanted))
        if wanted:
            rows = conn.execute(select(table.c.digest, table.c.scanner).where(table.c.digest.in_(batch)))
            known |= {(row.digest, row.scanner) for row in rows}
    if wanted and digests:
        for scanner in conn.execute(select(schema.scanners.c.name).order_by(schema.scanners.c.name)).scalars().all():
            start(conn, scanner, [digest for digest in sorted(digests) if (digest, scanner) not in known])


def start(conn: Connection, scanner: str, digests: Sequence[str]) -> None:
    """Make the rows of images that a scanner has never been told of: due before all that have been."""
    empty = dict.fromkeys(schema.scans.c.keys())
    row = empty | {"wanted": True, "version": "", "indexed": "", "state": "", "attempts": 0, "next_at": EPOCH}
    bulk_load(conn, schema.scans, [row | {"digest": digest, "scanner": scanner} for digest in digests])


def publish(conn: Connection, publication: Publication, digests: Collection[str]) -> None:
    """Publish the scans of these images. Where several scanners looked, that which says most, and of these the last."""
    table = schema.scans
    for batch in batches(digests):
        best: dict[str, Row[Any]] = {}
        for row in conn.execute(select(table).where(table.c.digest.in_(batch), table.c.state != "")):
            if row.digest not in best or _weight(row) > _weight(best[row.digest]):
                best[row.digest] = row
        for digest, row in best.items():
            report = read(row)
            version = report.scanner_version if report is not None else row.version
            publication.put(
                Kind.SCAN,
                digest,
                published.scan(
                    row.scanner, version, row.state, row.since, row.confirmed_at, report, trouble_of(row)
                ),
            )  # fmt: skip
        if best:
            conn.execute(
                update(table)
                .where(table.c.digest == bindparam("d"), table.c.scanner == bindparam("s"))
                .values(published_at=bindparam("at")),
                [{"d": digest, "s": row.scanner, "at": told_at(row)} for digest, row in best.items()],
            )


def told_at(row: Row[Any]) -> datetime:
    """The newest time that a row's entry holds."""
    at: datetime = row.confirmed_at
    return at if row.trouble_at is None else max(at, row.trouble_at)


def trouble_of(row: Row[Any]) -> Trouble | None:
    """The trouble in a row of scans, tags or repositories."""
    if row.trouble_code is None:
        return None
    return Trouble(code=row.trouble_code, text=row.trouble_text, at=row.trouble_at)


def write(report: Report) -> bytes:
    """A report as it is stored: the same bytes for the same contents, whenever they were said."""
    return zlib.compress(msgspec.json.encode(replace(report, made_at=EPOCH)))


_REPORT: Final = msgspec.json.Decoder(Report)
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""


def read(row: Row[Any]) -> Report | None:
    """The report in a row."""
    if row.report is None:
        return None
    return replace(_REPORT.decode(zlib.decompress(row.report)), made_at=row.confirmed_at)


def _weight(row: Row[Any]) -> tuple[int, datetime, str]:
    return _STATES.index(row.state), row.confirmed_at, row.scanner
