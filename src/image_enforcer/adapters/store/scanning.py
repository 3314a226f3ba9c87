"""Which images are to be scanned, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, delete, func, literal, or_, select, update

from ...domain.digest import Digest
from ...domain.manifest import ImageManifest
from ...domain.reference import Repository
from ...domain.report import Report
from ...domain.watched import Trouble
from ...ports.store import Claim, ClaimLost, ScanResult, ScanWork
from . import layer_parts, manifest_rows, reach, scan_rows, schema
from .bulk import batches, bulk_load
from .columns import Moment, narrow
from .database import Database
from .publication import Publication
from .scan_rows import FAILED, SCANNED, UNSCANNABLE

_TOGETHER = 500
"""Images that are published anew in one transaction where another scanner's word is to count."""
_UNREADABLE = timedelta(hours=1)
"""How long an image is left alone whose manifest cannot be read any more."""
_NO_TROUBLE = dict.fromkeys(("trouble_code", "trouble_text", "trouble_at"))


class SqlScanning:
    """:class:`~image_enforcer.ports.store.Scanning` in a database."""

    def __init__(self, database: Database, new_token: Callable[[], str], granularity: timedelta) -> None:
        self._database = database
        self._new_token = new_token
        self._granularity = granularity

    def claim_scans(
        self, scanner: str, version: str, owner: str, now: datetime, lease: timedelta, most: int
    ) -> Sequence[ScanWork]:
        """Take images that are due, those first that this scanner has never seen, last those of another version."""
        table = schema.scans
        with self._database.writing() as conn:
            _introduce(conn, scanner, now)
            # Each is a range of an index, in its order, so that a few are found fast among many. "Is not" is no range.
            later = table.c.next_at > now
            rows: list[Row[Any]] = []
            for due, order in (
                (table.c.next_at <= now, table.c.next_at),
                (later & (table.c.version < version), table.c.version),
                (later & (table.c.version > version), table.c.version),
            ):
                if len(rows) < most:
                    rows += _take(conn, scanner, now, most - len(rows), due, order)
            homes = _homes(conn, [row.digest for row in rows])
            images = _images(conn, [row.digest for row in rows])
            for row in rows:
                if row.digest not in images:
                    _put_off(conn, row, version, now)
            rows = [row for row in rows if row.digest in images]
            works, taken = [], []
            for row in rows:
                # A claim that ran out without a word counts as a failure: the image may be what its owner died of.
                attempts = row.attempts + (row.lease_token is not None)
                claim = Claim(owner=owner, until=now + lease, token=self._new_token())
                indexed = row.report is not None and row.indexed == version
                works.append(
                    ScanWork(
                        manifest=images[row.digest],
                        home=homes[row.digest],
                        attempts=attempts,
                        indexed=indexed,
                        claim=claim,
                    )
                )
                taken.append({"d": row.digest, "token": claim.token, "tries": attempts})
            if taken:
                conn.execute(
                    update(table)
                    .where(table.c.digest == bindparam("d"), table.c.scanner == scanner)
                    .values(
                        lease_owner=owner, lease_until=now + lease, lease_token=bindparam("token"),
                        attempts=bindparam("tries"), hinted=None,
                    ),
                    taken,
                )  # fmt: skip
            return works

    def scan_again(self, scanner: str, now: datetime, spared: Collection[str]) -> int:
        """Let images be due now whose last scan failed; those that somebody is at are tried again anyway."""
        table = schema.scans
        with self._database.writing() as conn:
            Publication(conn, now)  # so that nobody else changes many rows of scans in another order
            failed = (table.c.scanner == scanner) & table.c.wanted & (table.c.next_at > now)
            failed &= scan_rows.failed() & table.c.trouble_code.not_in(spared) & table.c.lease_token.is_(None)
            return conn.execute(update(table).where(failed).values(next_at=now)).rowcount

    def extend_scans(self, works: Collection[ScanWork], until: datetime) -> None:
        """Let claims hold until another time."""
        table = schema.scans
        tokens = {work.claim.token for work in works}
        with self._database.writing() as conn:
            for batch in batches(work.manifest.digest for work in works):
                # A row that is locked is being given back, or else is extended the next time.
                ours = (
                    select(table.c.digest, table.c.lease_token)
                    .where(table.c.digest.in_(batch), table.c.lease_token.is_not(None))
                    .with_for_update(skip_locked=True)
                )
                found = [row.lease_token for row in conn.execute(ours) if row.lease_token in tokens]
                held = table.c.digest.in_(batch) & table.c.lease_token.in_(found)
                conn.execute(update(table).where(held).values(lease_until=until))

    def scan_first(self, digests: Collection[Digest], now: datetime) -> int:
        """Before those that have never been seen either."""
        table = schema.scans
        count = 0
        with self._database.writing() as conn:
            Publication(conn, now)  # so that nobody else changes many rows of scans in another order
            for batch in batches(reach.below(conn, digests)):
                never = table.c.wanted & (table.c.version == "") & table.c.digest.in_(batch)
                count += conn.execute(update(table).where(never).values(next_at=scan_rows.FIRST)).rowcount
        return count

    def record_scan(self, work: ScanWork, result: ScanResult) -> int:
        """Record a result, publish what changed by it, and give the claim back."""
        if result.digest != work.manifest.digest:
            raise ValueError(f"a scan of {result.digest} is no result of one of {work.manifest.digest}")
        table = schema.scans
        with self._database.writing() as conn:
            publication = Publication(conn, result.at)
            ours = (table.c.digest == result.digest) & (table.c.scanner == result.scanner)
            row = conn.execute(select(table).where(ours).with_for_update()).first()
            if row is None or row.lease_token != work.claim.token:
                raise ClaimLost(f"the scan of {result.digest} came too late: it is scanned again when it is due")
            before = scan_rows.counting(conn, [result.digest]).get(result.digest)
            values = _outcome(row, result)
            new_report = "report" in values and values["report"] != row.report
            due = result.next_at if row.hinted is None else min(result.next_at, row.hinted)
            conn.execute(
                update(table)
                .where(ours)
                .values(
                    values | {"version": result.scanner_version, "next_at": due, "hinted": None, "lease_owner": None,
                              "lease_token": None, "lease_until": None}
                )
            )  # fmt: skip
            if new_report:
                _write_findings(conn, result)
            reached = conn.execute(
                select(schema.manifests.c.reached).where(schema.manifests.c.digest == result.digest)
            ).scalar_one()
            after = scan_rows.counting(conn, [result.digest])[result.digest].scanner
            if result.report is not None or result.final:
                parts: Mapping[str, bytes] = {str(layer): text for layer, text in (result.parts or {}).items()}
                counts = reached and after == result.scanner
                layer_parts.record(conn, publication, result.digest, result.scanner, parts, counts=counts)
            if reached and before is not None and before.scanner != after:
                layer_parts.turn(conn, publication, {result.digest: after})
            if reached:
                now = conn.execute(select(table).where(ours)).one()
                other = before is not None and before.scanner != after
                if other or self._worth_telling(row, now):
                    scan_rows.publish(conn, publication, [result.digest])
            return publication.write(self._new_token)

    def use(self, scanner: str, now: datetime) -> int:
        """Let this scanner's word count. What is published is gone through in parts, since it may be much: whoever dies
        meanwhile leaves the rest to who comes next."""
        table = schema.scanners
        with self._database.writing() as conn:
            _introduce(conn, scanner, now)
            ours = conn.execute(select(table).where(table.c.name == scanner)).one()
            if ours.used and ours.settled:
                return Publication(conn, now).before
            conn.execute(update(table).values(used=table.c.name == scanner, settled=False))
        last = ""
        while True:
            with self._database.writing() as conn:
                publication = Publication(conn, now)
                if scan_rows.used(conn) != scanner:
                    return publication.before  # somebody else has said otherwise by now
                digests = _of_several(conn, last)
                layer_parts.turn(conn, publication, scan_rows.publish(conn, publication, digests))
                if len(digests) < _TOGETHER:
                    conn.execute(update(table).where(table.c.name == scanner).values(settled=True))
                    return publication.write(self._new_token)
                last = digests[-1]
                publication.write(self._new_token)

    def report(self, digest: Digest, scanner: str) -> Report | None:
        """The last report on an image."""
        table = schema.scans
        with self._database.reading() as conn:
            row = conn.execute(select(table).where(table.c.digest == digest, table.c.scanner == scanner)).first()
            return scan_rows.read(row) if row is not None else None

    def images(self, scanner: str, after: str, most: int) -> Sequence[ImageManifest]:
        """Images that a scanner is asked about, in the order of their digests."""
        table = schema.scans
        which = (table.c.scanner == scanner) & table.c.wanted & (table.c.digest > after)
        with self._database.reading() as conn:
            found = conn.execute(select(table.c.digest).where(which).order_by(table.c.digest).limit(most))
            digests = found.scalars().all()
            images = _images(conn, digests)
        return [images[digest] for digest in digests if digest in images]

    def due_now(self, scanner: str, digests: Collection[Digest] | None, now: datetime) -> int:
        """Due now; a scan that is under way does not count as the one that was asked for."""
        table = schema.scans
        count = 0
        with self._database.writing() as conn:
            Publication(conn, now)  # so that nobody else changes many rows of scans in another order
            for batch in [None] if digests is None else batches(digests):
                which = (table.c.scanner == scanner) & table.c.wanted
                if batch is not None:
                    which &= table.c.digest.in_(batch)
                count += conn.execute(select(func.count()).select_from(table).where(which)).scalar_one()
                busy = table.c.lease_token.is_not(None)
                moment = literal(now, Moment())
                conn.execute(
                    update(table)
                    .where(which, or_(table.c.next_at > now, busy))
                    .values(
                        next_at=case((table.c.next_at > now, moment), else_=table.c.next_at),
                        hinted=case((busy, moment), else_=None),
                    )
                )
        return count

    def _worth_telling(self, old: Row[Any], new: Row[Any]) -> bool:
        """Whether something else changed than times, or those by enough."""
        same = ("state", "since", "version", "report", "trouble_code", "trouble_text")
        if any(getattr(old, name) != getattr(new, name) for name in same) or old.published_at is None:
            return True
        published_at: datetime = old.published_at
        passed = scan_rows.told_at(new) - published_at
        return passed < timedelta(0) or passed >= self._granularity  # before: some clock was wrong then


def _put_off(conn: Connection, row: Row[Any], version: str, now: datetime) -> None:
    """Leave an image alone for a while whose manifest cannot be read any more."""
    table = schema.scans
    text = "the manifest that is stored cannot be read by this version: it is not scanned"
    conn.execute(
        update(table)
        .where(table.c.digest == row.digest, table.c.scanner == row.scanner)
        .values(
            version=version, next_at=now + _UNREADABLE, trouble_code="unreadable-manifest", trouble_text=text,
            trouble_at=now, attempts=row.attempts + 1,
        )
    )  # fmt: skip


def _introduce(conn: Connection, scanner: str, now: datetime) -> None:
    """Make the rows of a scanner that has never asked before."""
    known = select(schema.scanners).where(schema.scanners.c.name == scanner)
    if conn.execute(known).first() is not None:
        return
    Publication(conn, now)  # so that no image appears meanwhile
    if conn.execute(known).first() is not None:
        return
    first = not scan_rows.used(conn)
    conn.execute(schema.scanners.insert().values(name=scanner, used=first, settled=first))
    table = schema.manifests
    digests = conn.execute(select(table.c.digest).where(table.c.runnable, table.c.runs).order_by(table.c.digest))
    scan_rows.start(conn, scanner, digests.scalars().all())


def _of_several(conn: Connection, after: str) -> Sequence[str]:
    """Some images that are published, and that several scanners have said something about, in order."""
    table, manifests = schema.scans, schema.manifests
    return (
        conn.execute(
            select(table.c.digest)
            .join(manifests, manifests.c.digest == table.c.digest)
            .where(table.c.digest > after, table.c.state != "", manifests.c.reached)
            .group_by(table.c.digest)
            .having(func.count() > 1)
            .order_by(table.c.digest)
            .limit(_TOGETHER)
        )
        .scalars()
        .all()
    )


def _take(
    conn: Connection, scanner: str, now: datetime, most: int, due: ColumnElement[bool], order: ColumnElement[Any]
) -> list[Row[Any]]:
    table = schema.scans
    free = or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
    return list(
        conn.execute(
            select(table)
            .where(table.c.scanner == scanner, table.c.wanted, due, free)
            .order_by(order, table.c.digest)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
    )


def _images(conn: Connection, digests: Collection[str]) -> Mapping[str, ImageManifest]:
    table = schema.manifests
    images: dict[str, ImageManifest] = {}
    for batch in batches(digests):
        columns = (table.c.digest, table.c.media_type, table.c.content)
        for row in conn.execute(select(*columns).where(table.c.digest.in_(batch))):
            read = manifest_rows.read(row)
            if read is not None:
                assert isinstance(read, ImageManifest), "only images have rows among the scans"
                images[row.digest] = read
    return images


def _homes(conn: Connection, digests: Collection[str]) -> Mapping[str, Repository]:
    """A repository for each digest that holds it, where one can be had without trouble."""
    home, table = schema.homes, schema.repositories
    homes: dict[str, Repository] = {}
    for batch in batches(digests):
        found = conn.execute(
            select(home.c.digest, table.c.registry, table.c.path)
            .join(table, table.c.id == home.c.repository)
            .where(home.c.digest.in_(batch))
            .order_by(table.c.failures, table.c.registry, table.c.path)
        )
        for row in found:
            homes.setdefault(row.digest, Repository(registry=row.registry, path=row.path))
    return homes


def _outcome(row: Row[Any], result: ScanResult) -> dict[str, Any]:
    """What a result makes of a row."""
    match result:
        case ScanResult(report=Report() as report, trouble=None):
            written = scan_rows.write(report)
            same = row.state == SCANNED and row.report == written
            return _NO_TROUBLE | {
                "state": SCANNED, "since": row.since if same else report.made_at, "confirmed_at": report.made_at,
                "report": written, "gaps": len(report.gaps), "indexed": result.scanner_version, "attempts": 0,
            }  # fmt: skip
        case ScanResult(report=None, trouble=Trouble() as trouble):
            told = {"trouble_code": trouble.code, "trouble_text": trouble.text, "trouble_at": trouble.at}
            told["attempts"] = row.attempts + 1
            if row.state == SCANNED and not result.final:
                return told
            if row.state == UNSCANNABLE and not result.final:
                return {"attempts": told["attempts"]}  # that asking again failed takes nothing back
            state = UNSCANNABLE if result.final else FAILED
            same = row.state == state and row.trouble_code == trouble.code
            since = row.since if same else trouble.at
            return told | {"state": state, "since": since, "confirmed_at": trouble.at, "report": None, "gaps": None}
        case _:
            raise ValueError("a scan has either a report or a trouble")


def _write_findings(conn: Connection, result: ScanResult) -> None:
    table = schema.findings
    conn.execute(delete(table).where(table.c.digest == result.digest, table.c.scanner == result.scanner))
    bulk_load(
        conn,
        table,
        [
            {
                "digest": result.digest, "scanner": result.scanner, "position": position,
                "vulnerability": narrow(found.vulnerability), "severity": int(found.severity),
                "package": narrow(found.package.name), "version": found.package.version,
                "namespace": found.package.namespace, "layer": found.package.layer, "fixed_in": found.fixed_in,
            }
            for position, found in enumerate(result.report.findings if result.report is not None else ())
        ],
    )  # fmt: skip
