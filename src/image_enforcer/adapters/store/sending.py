"""Who writes to which sink, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ...ports.store import Claim, ClaimLost, SinkWork
from . import schema
from .database import Database

_FREE: Final = dict.fromkeys(("lease_owner", "lease_token", "lease_until"))
_LONGEST: Final = timedelta(hours=1)
"""No claim is for longer than this and some leases: one that is was made by a clock that was wrong."""


class SqlSending:
    """:class:`~image_enforcer.ports.store.Sending` in a database."""

    def __init__(self, database: Database, new_token: Callable[[], str]) -> None:
        self._database = database
        self._new_token = new_token

    def claim_sink(self, name: str, owner: str, now: datetime, lease: timedelta) -> SinkWork | None:
        """Take a sink, unless it is somebody's."""
        table = schema.notes
        with self._database.writing() as conn:
            row = _row(conn, name)
            if row is None:
                insert = postgresql.insert if self._database.kind == "postgresql" else sqlite.insert
                conn.execute(insert(table).values(reader=name, position="").on_conflict_do_nothing())
                row = _row(conn, name)
                assert row is not None, "nobody deletes notes"
            if row.lease_token is not None and now < row.lease_until <= now + _LONGEST + 4 * lease:
                return None
            claim = Claim(owner=owner, until=now + lease, token=self._new_token())
            values = {"lease_owner": owner, "lease_token": claim.token, "lease_until": claim.until}
            conn.execute(update(table).where(table.c.reader == name).values(values))
            return SinkWork(name=name, claim=claim, left=row.lease_token is not None)

    def extend_sink(self, work: SinkWork, until: datetime) -> None:
        """Let a claim hold until another time."""
        self._change(work, {"lease_until": until})

    def note_sent(self, work: SinkWork, position: str) -> None:
        """Note how far a sink has come, if it still belongs to who claimed it."""
        self._change(work, {"position": position})

    def give_back(self, work: SinkWork) -> None:
        """Let a sink be anybody's."""
        with self._database.writing() as conn:
            _update(conn, work, _FREE)

    def _change(self, work: SinkWork, values: dict[str, Any]) -> None:
        with self._database.writing() as conn:
            if not _update(conn, work, values):
                raise ClaimLost(f"the claim on {work.name} ran out: another worker writes to it")


def _row(conn: Connection, name: str) -> Row[Any] | None:
    return conn.execute(select(schema.notes).where(schema.notes.c.reader == name).with_for_update()).first()


def _update(conn: Connection, work: SinkWork, values: dict[str, Any]) -> bool:
    """Change the row that a claim is on; whether it was still that one's."""
    table = schema.notes
    ours = (table.c.reader == work.name) & (table.c.lease_token == work.claim.token)
    return conn.execute(update(table).where(ours).values(values)).rowcount > 0
