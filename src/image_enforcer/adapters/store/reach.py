"""What tags reach: the manifests that are published, those that could run, and where each can be had.

A digest is reached by the tags that point to it and by the indexes that list it, which are content and so form no
circle. Only what a change can have touched is worked out again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from ...domain.facts import Kind
from . import layer_parts, manifest_rows, published, scan_rows, schema
from .bulk import batches, bulk_load
from .publication import Publication


def settle(conn: Connection, publication: Publication, touched: Collection[str], at: datetime) -> None:
    """Work out again what reaches these digests and all below them, and publish or withdraw what follows from it.

    ``touched`` are what tags point to or pointed to that changed, and manifests that are new.
    """
    affected = below(conn, touched)
    if not affected:
        return
    homes, runs = _reaching(conn, affected)
    _write_homes(conn, publication, affected, homes)
    table = schema.manifests
    changed: list[dict[str, Any]] = []
    on: list[str] = []
    off: list[str] = []
    wanted: list[str] = []
    unwanted: list[str] = []
    for batch in batches(affected):
        columns = (table.c.digest, table.c.runnable, table.c.reached, table.c.runs, table.c.unreached_since)
        for row in conn.execute(select(*columns).where(table.c.digest.in_(batch))):
            reached, runs_now = bool(homes[row.digest]), row.digest in runs
            since = None if reached else row.unreached_since or at
            if (reached, runs_now, since) != (row.reached, row.runs, row.unreached_since):
                changed.append({"key": row.digest, "reached_": reached, "runs_": runs_now, "since_": since})
            if reached != row.reached:
                (on if reached else off).append(row.digest)
            if row.runnable and runs_now != row.runs:
                (wanted if runs_now else unwanted).append(row.digest)
    if changed:
        conn.execute(
            update(table)
            .where(table.c.digest == bindparam("key"))
            .values(reached=bindparam("reached_"), runs=bindparam("runs_"), unreached_since=bindparam("since_")),
            changed,
        )
    scan_rows.want(conn, wanted, wanted=True)
    scan_rows.want(conn, unwanted, wanted=False)
    _withdraw(conn, publication, off)
    _publish(conn, publication, on)


def below(conn: Connection, digests: Iterable[str]) -> set[str]:
    """These and what is listed by those of them that are indexes, and so on."""
    table = schema.children
    found: set[str] = set()
    frontier = set(digests)
    while frontier:
        found |= frontier
        listed: set[str] = set()
        for batch in batches(frontier):
            listed |= set(conn.execute(select(table.c.digest).where(table.c.parent.in_(batch)).distinct()).scalars())
        frontier = listed - found
    return found


def _reaching(conn: Connection, affected: set[str]) -> tuple[dict[str, set[int]], set[str]]:
    """The repositories from which each is reached, and those digests that could run."""
    homes: dict[str, set[int]] = defaultdict(set)
    runs: set[str] = set()
    edges: dict[tuple[str, str], bool] = {}
    for batch in batches(affected):
        tag = schema.tags
        for row in conn.execute(select(tag.c.digest, tag.c.repository).where(tag.c.digest.in_(batch))):
            homes[row.digest].add(row.repository)
            runs.add(row.digest)
        child = schema.children
        listed = select(child.c.parent, child.c.digest, child.c.runs).where(child.c.digest.in_(batch))
        for parent, digest, counts in conn.execute(listed):
            edges[parent, digest] = counts or edges.get((parent, digest), False)
    for batch in batches({parent for parent, _ in edges} - affected):
        home, manifests = schema.homes, schema.manifests
        for row in conn.execute(select(home.c.digest, home.c.repository).where(home.c.digest.in_(batch))):
            homes[row.digest].add(row.repository)
        runs |= set(
            conn.execute(select(manifests.c.digest).where(manifests.c.digest.in_(batch), manifests.c.runs)).scalars()
        )
    moved = True
    while moved:  # as often as indexes lie within indexes
        moved = False
        for (parent, child_digest), counts in edges.items():
            if not homes[parent] <= homes[child_digest]:
                homes[child_digest] |= homes[parent]
                moved = True
            if counts and parent in runs and child_digest not in runs:
                runs.add(child_digest)
                moved = True
    return homes, runs


def forget_homes(conn: Connection, publication: Publication, repository: str, key: int) -> None:
    """Withdraw what a repository holds, before it is deleted."""
    table = schema.homes
    for digest in conn.execute(select(table.c.digest).where(table.c.repository == key)).scalars():
        publication.put(Kind.HELD, f"{repository}@{digest}", None)


def _write_homes(conn: Connection, publication: Publication, affected: set[str], homes: dict[str, set[int]]) -> None:
    table, places = schema.homes, schema.repositories
    old: set[tuple[int, str]] = set()
    for batch in batches(affected):
        rows = conn.execute(select(table.c.repository, table.c.digest).where(table.c.digest.in_(batch)))
        old |= {(row.repository, row.digest) for row in rows}
    new = {(repository, digest) for digest in affected for repository in homes[digest]}
    if gone := sorted(old - new):
        conn.execute(
            delete(table).where(table.c.repository == bindparam("r"), table.c.digest == bindparam("d")),
            [{"r": repository, "d": digest} for repository, digest in gone],
        )
    bulk_load(conn, table, [{"repository": repository, "digest": digest} for repository, digest in sorted(new - old)])
    names: dict[int, str] = {}
    for batch in batches({str(repository) for repository, _ in old ^ new}):
        columns = (places.c.id, places.c.registry, places.c.path)
        for row in conn.execute(select(*columns).where(places.c.id.in_(map(int, batch)))):
            names[row.id] = f"{row.registry}/{row.path}"
    for repository, digest in old ^ new:
        if repository in names:
            value = published.held(digest) if (repository, digest) in new else None
            publication.put(Kind.HELD, f"{names[repository]}@{digest}", value)


def _publish(conn: Connection, publication: Publication, digests: Collection[str]) -> None:
    table = schema.manifests
    for batch in batches(digests):
        columns = (table.c.digest, table.c.media_type, table.c.content)
        for row in conn.execute(select(*columns).where(table.c.digest.in_(batch))):
            read = manifest_rows.read(row)
            publication.put(Kind.MANIFEST, row.digest, None if read is None else published.manifest(read))
    layer_parts.turn(conn, publication, scan_rows.publish(conn, publication, digests))


def _withdraw(conn: Connection, publication: Publication, digests: Collection[str]) -> None:
    for digest in digests:
        publication.put(Kind.MANIFEST, digest, None)
        publication.put(Kind.SCAN, digest, None)
    layer_parts.turn(conn, publication, dict.fromkeys(digests, ""))
