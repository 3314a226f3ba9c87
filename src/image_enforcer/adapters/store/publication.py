"""What one transaction changes of the published facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ...domain.facts import Kind
from . import schema
from .bulk import batches, bulk_load

HISTORY: Final = 100_000
"""Revisions whose stamps are kept. A reader that is further behind is told everything anew."""


class Publication:
    """Collects entries and writes those that differ, all with one new revision.

    Making one takes the row of the revision for the rest of the transaction: whoever publishes does so alone. So no two
    transactions work out what is published from states that do not know of each other, and revisions become visible in
    their order: a reader that has seen one has seen all before it.
    """

    def __init__(self, conn: Connection, at: datetime) -> None:
        self._conn = conn
        self._at = at
        self._values: dict[tuple[Kind, str], bytes | None] = {}
        self.before: int = conn.execute(select(schema.meta.c.revision).with_for_update()).scalar_one()

    def put(self, kind: Kind, key: str, value: bytes | None) -> None:
        """Say what is to be published under a key; None withdraws it. What is said last holds."""
        self._values[kind, key] = value

    def write(self, new_stamp: Callable[[], str]) -> int:
        """Write what differs; the newest revision, a new one only where something does. It gets a stamp of its own."""
        table = schema.entries
        by_kind: dict[Kind, dict[str, bytes | None]] = defaultdict(dict)
        for (kind, key), value in self._values.items():
            by_kind[kind][key] = value
        revision = self.before + 1
        fresh, changed = [], []
        for kind, values in by_kind.items():
            known = self._known(kind, values)
            for key in sorted(values):
                value = values[key]
                if known.get(key) == value:
                    continue
                row = {
                    "kind": kind.value, "key": key, "value": value, "revision": revision,
                    "gone_at": None if value is not None else self._at,
                }  # fmt: skip
                if key in known:
                    changed.append({f"the_{name}": cell for name, cell in row.items()})
                else:
                    fresh.append(row)
        if not fresh and not changed:
            return self.before
        bulk_load(self._conn, table, fresh)
        if changed:
            self._conn.execute(
                update(table)
                .where(table.c.kind == bindparam("the_kind"), table.c.key == bindparam("the_key"))
                .values({name: bindparam(f"the_{name}") for name in ("value", "revision", "gone_at")}),
                changed,
            )
        stamps = schema.revisions
        self._conn.execute(update(schema.meta).values(revision=revision))
        self._conn.execute(insert(stamps).values(revision=revision, stamp=new_stamp()))
        self._conn.execute(delete(stamps).where(stamps.c.revision <= revision - HISTORY))
        return revision

    def _known(self, kind: Kind, keys: Mapping[str, object]) -> Mapping[str, bytes | None]:
        """What stands under these keys; a key that is missing here never stood there."""
        table = schema.entries
        known: dict[str, bytes | None] = {}
        for batch in batches(keys):
            found = self._conn.execute(
                select(table.c.key, table.c.value).where(table.c.kind == kind.value, table.c.key.in_(batch))
            )
            known.update({row.key: row.value for row in found})
        return known
