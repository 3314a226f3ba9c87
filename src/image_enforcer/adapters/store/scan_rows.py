"""The rows of scans: one for each image and scanner, before there is a result and after."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, bindparam, select, update

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
UNREADABLE: Final = "unreadable-report"
_UNREADABLE_TEXT: Final = "the report that is stored cannot be read by this version: the scanner is asked for it again"
FIRST: Final = EPOCH - timedelta(days=1)
"""When images are due for which somebody waits: before all that have never been scanned."""


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


def failed() -> ColumnElement[bool]:
    """Which rows are of scans that failed, where trying again may help."""
    return schema.scans.c.trouble_code.is_not(None) & (schema.scans.c.state != UNSCANNABLE)


def start(conn: Connection, scanner: str, digests: Sequence[str]) -> None:
    """Make the rows of images that a scanner has never been told of: due before all that have been."""
    empty = dict.fromkeys(schema.scans.c.keys())
    row = empty | {"wanted": True, "version": "", "indexed": "", "state": "", "attempts": 0, "next_at": EPOCH}
    bulk_load(conn, schema.scans, [row | {"digest": digest, "scanner": scanner} for digest in digests])


def used(conn: Connection) -> str:
    """The scanner whose word counts; empty where nobody has said yet."""
    return conn.execute(select(schema.scanners.c.name).where(schema.scanners.c.used)).scalar() or ""


def counting(conn: Connection, digests: Collection[str]) -> dict[str, Row[Any]]:
    """The row of each of these images that counts, where a scanner has said anything.

    That of the scanner in use, once it has come to an end with the image. Until then another's report, the last one:
    a clean report of a scanner that is used no more never hides what the one in use has found.
    """
    table = schema.scans
    ours = used(conn)
    best: dict[str, Row[Any]] = {}
    for batch in batches(digests):
        for row in conn.execute(select(table).where(table.c.digest.in_(batch), table.c.state != "")):
            if row.digest not in best or _weight(row, ours) > _weight(best[row.digest], ours):
                best[row.digest] = row
    return best


def publish(conn: Connection, publication: Publication, digests: Collection[str]) -> Mapping[str, str]:
    """Publish what counts of the scans of these images; whose word that is, by image."""
    table = schema.scans
    best = counting(conn, digests)
    for digest, row in best.items():
        report, state, trouble = read(row), row.state, trouble_of(row)
        if report is None and row.report is not None:
            state, trouble = FAILED, Trouble(code=UNREADABLE, text=_UNREADABLE_TEXT, at=row.confirmed_at)
        version = report.scanner_version if report is not None else row.version
        told = (row.scanner, version, state, row.since, row.confirmed_at, report, trouble)
        publication.put(Kind.SCAN, digest, published.scan(*told))
    if best:
        conn.execute(
            update(table)
            .where(table.c.digest == bindparam("d"), table.c.scanner == bindparam("s"))
            .values(published_at=bindparam("at")),
            [{"d": digest, "s": row.scanner, "at": told_at(row)} for digest, row in best.items()],
        )
    return {digest: row.scanner for digest, row in best.items()}


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
    """The report in a row; None where there is none, or where it cannot be read any more: a newer version stored it, or
    its bytes are no more what they were. The scanner is asked for it again when it is due."""
    if row.report is None:
        return None
    try:
        report = _REPORT.decode(zlib.decompress(row.report))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return replace(report, made_at=row.confirmed_at)


def _weight(row: Row[Any], ours: str) -> tuple[bool, bool, bool, datetime, str]:
    ended = row.state in (SCANNED, UNSCANNABLE)
    is_ours = row.scanner == ours
    return is_ours and ended, row.state == SCANNED, is_ours, row.confirmed_at, row.scanner
