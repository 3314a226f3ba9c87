"""The rows of tags: what each points to, or why nobody knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from ...domain.digest import Digest
from ...domain.facts import Kind
from ...domain.watched import Look, Tag, TagLook, Trouble
from ...ports.store import TagTroubles
from . import published, schema
from .bulk import batches, bulk_load
from .publication import Publication
from .scan_rows import trouble_of

MOST_TROUBLES: Final = 20
"""Kinds of trouble with tags that are told."""
MOST_NAMED: Final = 5
"""Tags that are named for each kind."""
_LONGEST: Final = timedelta(hours=1)
"""How much later than the beginning of asking about a tag something else may have been seen of it, and be believed."""


def troubles(conn: Connection) -> tuple[TagTroubles, ...]:
    """Why tags are in trouble, with some of them for each reason, in the order of what is followed."""
    code = schema.tags.c.trouble_code
    counted = (
        select(code, func.count().label("tags"))
        .where(code.is_not(None))
        .group_by(code)
        .order_by(func.count().desc(), code)
        .limit(MOST_TROUBLES)
    )
    return tuple([_troubles(conn, row.trouble_code, row.tags) for row in conn.execute(counted).all()])


def _troubles(conn: Connection, code: str, count: int) -> TagTroubles:
    table, home = schema.tags, schema.repositories
    # In the order of the key, which is not sorted first: a registry that wants to be left alone leaves all in trouble.
    rows = conn.execute(
        select(table.c.name, table.c.trouble_text, home.c.registry, home.c.path)
        .join(home, home.c.id == table.c.repository)
        .where(table.c.trouble_code == code)
        .order_by(table.c.repository, table.c.name)
        .limit(MOST_NAMED)
    ).all()
    named = tuple(f"{row.registry}/{row.path}:{row.name}" for row in rows)
    return TagTroubles(code=code, count=count, tags=named, text=rows[0].trouble_text)


def read(row: Row[Any]) -> Tag:
    """The tag in a row; one that was resolved."""
    return Tag(name=row.name, digest=Digest(row.digest), since=row.since, seen_at=row.seen_at)


def trouble_cells(trouble: Trouble | None) -> dict[str, Any]:
    """A trouble as the columns that hold it, in a row of tags or repositories."""
    if trouble is None:
        return {"trouble_code": None, "trouble_text": None, "trouble_at": None}
    return {"trouble_code": trouble.code, "trouble_text": trouble.text, "trouble_at": trouble.at}


def record_one(conn: Connection, publication: Publication, repository: int, look: TagLook) -> set[str]:
    """Write what became of one tag, unless it was seen later; the digests that it came to or went from."""
    there = look.digest is not None
    found = Look(
        repository=look.repository, at=look.at, listed=frozenset([look.tag] if there else ()),
        tags=() if look.digest is None else ((look.tag, look.digest),),
        troubles=((look.tag, look.trouble),) if there and look.trouble is not None else (),
    )  # fmt: skip
    return record(conn, publication, repository, found, look.at + _LONGEST, alone=look.tag)


def record(
    conn: Connection, publication: Publication, repository: int, look: Look, until: datetime | None,
    *, alone: str | None = None,
) -> set[str]:  # fmt: skip
    """Write what became of each tag, or of one alone; the digests that tags came to or went from.

    What was seen of a tag after this look began, and not after ``until``, stays. With None nothing was. The bound keeps
    a time that some clock was wrong about from holding a tag for ever.
    """
    table = schema.tags
    ours = table.c.repository == repository
    which = ours if alone is None else ours & (table.c.name == alone)
    old = {row.name: row for row in conn.execute(select(table).where(which))}
    told = dict(look.troubles)
    exist = look.listed | dict(look.tags).keys() | told.keys()
    newer = set() if until is None else _seen_later(conn, look, until, old, exist - old.keys())
    resolved = {name: digest for name, digest in look.tags if name not in newer}
    troubles = {name: trouble for name, trouble in told.items() if name not in resolved and name not in newer}
    asked_at = None if alone is None else look.at
    touched: set[str] = set()
    fresh, changed, seen = [], [], []

    def write(name: str, known: Tag | None, trouble: Trouble | None) -> None:
        before = trouble_of(old[name]) if name in old else None
        if before is not None and trouble is not None and (before.code, before.text) == (trouble.code, trouble.text):
            trouble = before  # the same trouble still: nothing that readers have to be told
        cells = {
            "digest": known and known.digest, "since": known and known.since, "seen_at": known and known.seen_at
        } | trouble_cells(trouble)  # fmt: skip
        if name in old:
            changed.append({"row": name} | {f"{column}_": cell for column, cell in cells.items()})
        else:
            fresh.append({"repository": repository, "name": name} | cells)
        publication.put(Kind.TAG, f"{look.repository}:{name}", published.tag(known, trouble, asked_at))

    for name, digest in resolved.items():
        row = old.get(name)
        if row is not None and row.digest == digest:
            if row.trouble_code is None and name not in told and alone is None:
                seen.append(name)
            else:
                write(name, Tag(name=name, digest=digest, since=row.since, seen_at=look.at), told.get(name))
            continue
        # What it points to may be known all the same when its manifest could not be had: that is its trouble then.
        write(name, Tag(name=name, digest=digest, since=look.at, seen_at=look.at), told.get(name))
        touched |= {digest} if row is None or row.digest is None else {digest, row.digest}
    for name, trouble in troubles.items():
        row = old.get(name)
        write(name, read(row) if row is not None and row.digest is not None else None, trouble)
    gone = [row for name, row in old.items() if name not in exist and name not in newer]
    for row in gone:
        publication.put(Kind.TAG, f"{look.repository}:{row.name}", None)
        touched |= {row.digest} if row.digest is not None else set()

    for batch in batches(seen):
        conn.execute(update(table).where(ours, table.c.name.in_(batch)).values(seen_at=look.at))
    for batch in batches([row.name for row in gone]):
        conn.execute(delete(table).where(ours, table.c.name.in_(batch)))
    if changed:
        cells = [column for column in changed[0] if column != "row"]
        values: dict[str, Any] = {column.removesuffix("_"): bindparam(column) for column in cells}
        conn.execute(update(table).where(ours, table.c.name == bindparam("row")).values(values), changed)
    bulk_load(conn, table, fresh)
    return touched


def _seen_later(
    conn: Connection, look: Look, until: datetime, old: Mapping[str, Row[Any]], fresh: Collection[str]
) -> set[str]:
    """The tags of which something was seen after a look began: those in rows, and fresh ones that were then gone."""
    newer = {name for name, row in old.items() if row.seen_at is not None and look.at < row.seen_at <= until}
    table, names = schema.entries, {f"{look.repository}:{name}": name for name in fresh}
    gone = (table.c.kind == Kind.TAG.value) & (table.c.gone_at > look.at) & (table.c.gone_at <= until)
    for batch in batches(names):
        found = conn.execute(select(table.c.key).where(gone, table.c.key.in_(batch)))
        newer |= {names[key] for key in found.scalars()}
    return newer
