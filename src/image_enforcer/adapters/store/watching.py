"""Which repositories are followed, and what their tags point to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, or_, select, update

from ...analysis.platforms import runs_on
from ...domain.digest import Digest
from ...domain.facts import Kind
from ...domain.manifest import ImageIndex, ImageManifest, LegacyManifest, Manifest, Platform
from ...domain.reference import Repository
from ...domain.watched import Look, Tag, TagLook, Trouble, Watched
from ...ports.store import Claim, ClaimLost, LookWork
from . import published, reach, schema, tag_rows
from .bulk import batches, bulk_load
from .database import Database
from .publication import Publication
from .scan_rows import trouble_of

_LONGEST_PAUSE: Final = timedelta(hours=1)
"""How much later a repository is due again at most whose looks nobody outlives."""
_FREE = dict.fromkeys(("lease_owner", "lease_token", "lease_until", "hinted"))


class SqlWatching:
    """:class:`~image_enforcer.ports.store.Watching` in a database."""

    def __init__(self, database: Database, new_token: Callable[[], str]) -> None:
        self._database = database
        self._new_token = new_token

    def watch(
        self, repositories: Collection[Repository], now: datetime, stays: Callable[[Repository], bool] | None = None
    ) -> Sequence[Repository]:
        """Follow these, and what is followed and stays, and no others; those that are not followed any more."""
        table = schema.repositories
        with self._database.writing() as conn:
            publication = Publication(conn, now)
            known = {
                Repository(registry=row.registry, path=row.path): row.id
                for row in conn.execute(select(table.c.id, table.c.registry, table.c.path))
            }
            wanted = set(repositories)
            fresh = sorted(wanted - known.keys())
            if fresh:
                conn.execute(
                    table.insert(),
                    [{"registry": r.registry, "path": r.path, "next_look": now, "failures": 0} for r in fresh],
                )
            for repository in fresh:
                publication.put(Kind.REPOSITORY, str(repository), published.repository(None, 0, None))
            touched: set[str] = set()
            dropped = sorted(r for r in known.keys() - wanted if stays is None or not stays(r))
            for repository in dropped:
                touched |= _forget(conn, publication, repository, known[repository])
            reach.settle(conn, publication, touched, now)
            publication.write(self._new_token)
            return dropped

    def watched(self) -> Sequence[Watched]:
        """All that are followed, in order."""
        table = schema.repositories
        with self._database.reading() as conn:
            return [_watched(row) for row in conn.execute(select(table).order_by(table.c.registry, table.c.path))]

    def follow(self, repository: Repository, now: datetime, most: int) -> bool:
        """Follow this one too."""
        table = schema.repositories
        with self._database.writing() as conn:
            publication = Publication(conn, now)
            if conn.execute(select(table.c.id).where(_is(repository))).first() is not None:
                return True
            if conn.execute(select(func.count()).select_from(table)).scalar_one() >= most:
                return False
            conn.execute(
                table.insert().values(registry=repository.registry, path=repository.path, next_look=now, failures=0)
            )
            publication.put(Kind.REPOSITORY, str(repository), published.repository(None, 0, None))
            publication.write(self._new_token)
            return True

    def hint(self, repository: Repository, now: datetime) -> bool:
        """Due now; a look that is under way does not count as the one that was asked for."""
        table = schema.repositories
        with self._database.writing() as conn:
            row = conn.execute(select(table).where(_is(repository)).with_for_update()).first()
            if row is None:
                return False
            values = {"next_look": min(row.next_look, now), "hinted": _hinted(row, now)}
            conn.execute(update(table).where(table.c.id == row.id).values(values))
            return True

    def look_now(self, now: datetime, spared: str) -> Sequence[Watched]:
        """Let all be due now, but for those that are to be left alone."""
        table, tag = schema.repositories, schema.tags
        tagged = exists().where(tag.c.repository == table.c.id, tag.c.trouble_code == spared)
        with self._database.writing() as conn:
            rows = conn.execute(
                select(table, or_(table.c.trouble_code == spared, tagged).label("spared"))
                .where(table.c.next_look > now, or_(table.c.lease_until.is_(None), table.c.lease_until <= now))
                .order_by(table.c.registry, table.c.path)
                .with_for_update(of=table)
            ).all()
            for batch in batches(row.id for row in rows if not row.spared):
                conn.execute(update(table).where(table.c.id.in_(batch)).values(next_look=now))
            return [_watched(row) for row in rows if row.spared]

    def claim_looks(
        self, owner: str, now: datetime, lease: timedelta, most: int, spared: Collection[str] = ()
    ) -> Sequence[LookWork]:
        """Take repositories that are due, the longest first."""
        table = schema.repositories
        with self._database.writing() as conn:
            rows = conn.execute(
                select(table)
                .where(table.c.next_look <= now, or_(table.c.lease_until.is_(None), table.c.lease_until <= now))
                .where(table.c.registry.not_in(sorted(spared)))
                .order_by(table.c.next_look, table.c.id)
                .limit(most)
                .with_for_update(skip_locked=True)
            ).all()
            works, taken = [], []
            for row in rows:
                # A claim that ran out without a word counts as a failure: the look may be what its owner died of.
                watched = _watched(row)
                if row.lease_token is not None:
                    watched = replace(watched, failures=row.failures + 1, trouble=_died(now))
                claim = Claim(owner=owner, until=now + lease, token=self._new_token())
                works.append(LookWork(watched=watched, claim=claim))
                again = row.next_look
                if watched.failures:
                    again = now + max(lease, min(lease * 2 ** min(watched.failures, 10), _LONGEST_PAUSE))
                cells = tag_rows.trouble_cells(watched.trouble) | {
                    "row": row.id, "token": claim.token, "tries": watched.failures, "again": again
                }  # fmt: skip
                taken.append({f"{name}_": cell for name, cell in cells.items()})
            if taken:
                values: dict[str, Any] = {name: bindparam(f"{name}_") for name in tag_rows.trouble_cells(None)}
                conn.execute(
                    update(table)
                    .where(table.c.id == bindparam("row_"))
                    .values(
                        lease_owner=owner, lease_until=now + lease, lease_token=bindparam("token_"), hinted=None,
                        failures=bindparam("tries_"), next_look=bindparam("again_"), **values,
                    ),
                    taken,
                )  # fmt: skip
            return works

    def extend_looks(self, works: Collection[LookWork], until: datetime) -> None:
        """Let claims hold until another time."""
        table = schema.repositories
        with self._database.writing() as conn:
            for batch in batches(work.claim.token for work in works):
                # A row that is locked is being given back, or else is extended the next time.
                ours = select(table.c.id).where(table.c.lease_token.in_(batch)).with_for_update(skip_locked=True)
                found = conn.execute(ours).scalars().all()
                conn.execute(update(table).where(table.c.id.in_(found)).values(lease_until=until))

    def release_looks(self, works: Collection[LookWork], now: datetime) -> None:
        """Give claims back without a word."""
        table = schema.repositories
        with self._database.writing() as conn:
            for batch in batches(work.claim.token for work in works):
                ours = select(table.c.id).where(table.c.lease_token.in_(batch)).with_for_update(skip_locked=True)
                found = conn.execute(ours).scalars().all()
                conn.execute(update(table).where(table.c.id.in_(found)).values(**_FREE, next_look=now))

    def tags(self, repository: Repository) -> Mapping[str, Tag]:
        """What is known of a repository's tags, by name; those that could never be resolved are not among them."""
        tag, table = schema.tags, schema.repositories
        with self._database.reading() as conn:
            found = conn.execute(
                select(tag)
                .join(table, table.c.id == tag.c.repository)
                .where(_is(repository), tag.c.digest.is_not(None))
                .order_by(tag.c.name)
            )
            return {row.name: tag_rows.read(row) for row in found}

    def weight(self, repository: Repository) -> int:
        """The bytes of all stored manifests that a repository's tags reach."""
        home, table, manifest = schema.homes, schema.repositories, schema.manifests
        bytes_of = func.coalesce(func.sum(func.length(manifest.c.content)), 0)
        with self._database.reading() as conn:
            found = conn.execute(
                select(bytes_of)
                .join(home, home.c.digest == manifest.c.digest)
                .join(table, table.c.id == home.c.repository)
                .where(_is(repository))
            )
            return int(found.scalar_one())

    def missing(self, digests: Collection[Digest], nodes: tuple[Platform, ...] = ()) -> frozenset[Digest]:
        """Those of which no manifest is stored, or one of schema 1, which another registry may have made up; and
        indexes that list what nodes may run and what is not stored."""
        with self._database.reading() as conn:
            return frozenset(digests) - (_stored(conn, digests) - _incomplete(conn, digests, nodes))

    def record_manifests(self, work: LookWork, manifests: Collection[Manifest], at: datetime) -> int:
        """Record what a look that is under way has fetched, and publish what tags reach of it; the newest revision."""
        with self._database.writing() as conn:
            publication = Publication(conn, at)
            _claimed(conn, work)
            reach.settle(conn, publication, _store(conn, manifests), at)
            return publication.write(self._new_token)

    def record_look(self, work: LookWork, look: Look, next_look: datetime) -> int:
        """Record what a look found, publish what changed by it, and give the claim back; the newest revision."""
        if look.repository != work.watched.repository:
            raise ValueError(f"a look at {look.repository} is no result of one at {work.watched.repository}")
        with self._database.writing() as conn:
            publication = Publication(conn, look.at)
            row = _claimed(conn, work)
            values = {"looked_at": look.at, "failures": 0} | tag_rows.trouble_cells(None)
            _give_back(conn, row, next_look, values)
            publication.put(Kind.REPOSITORY, str(look.repository), published.repository(look.at, 0, None))
            touched = tag_rows.record(conn, publication, row.id, look, row.hinted)
            touched |= _store(conn, look.manifests)
            reach.settle(conn, publication, touched, look.at)
            return publication.write(self._new_token)

    def record_tag(self, look: TagLook) -> int | None:
        """Record what one tag points to. A look that is under way may have listed the tags before this: it leaves this
        tag alone and is followed by another one, where there was something new."""
        table = schema.repositories
        with self._database.writing() as conn:
            publication = Publication(conn, look.at)
            row = conn.execute(select(table).where(_is(look.repository)).with_for_update()).first()
            if row is None:
                return None
            touched = tag_rows.record_one(conn, publication, row.id, look)
            touched |= _store(conn, look.manifests)
            reach.settle(conn, publication, touched, look.at)
            revision = publication.write(self._new_token)
            if revision != publication.before:
                conn.execute(update(table).where(table.c.id == row.id).values(hinted=_hinted(row, look.at)))
            return revision

    def record_trouble(self, work: LookWork, trouble: Trouble, next_look: datetime) -> int:
        """Record that a look failed: what is known stays and grows old."""
        with self._database.writing() as conn:
            publication = Publication(conn, trouble.at)
            row = _claimed(conn, work)
            failures = row.failures + 1
            _give_back(conn, row, next_look, {"failures": failures} | tag_rows.trouble_cells(trouble))
            publication.put(
                Kind.REPOSITORY,
                str(work.watched.repository),
                published.repository(row.looked_at, failures, trouble),
            )
            return publication.write(self._new_token)


def _is(repository: Repository) -> Any:
    table = schema.repositories
    return (table.c.registry == repository.registry) & (table.c.path == repository.path)


def _watched(row: Row[Any]) -> Watched:
    return Watched(
        repository=Repository(registry=row.registry, path=row.path), next_look=row.next_look,
        looked_at=row.looked_at, failures=row.failures, trouble=trouble_of(row),
    )  # fmt: skip


def _died(now: datetime) -> Trouble:
    text = "whoever looked at it last did not live to the end of that: see how that worker died"
    return Trouble(code="look-died", text=text, at=now)


def _claimed(conn: Connection, work: LookWork) -> Row[Any]:
    """The row of a repository, if it still belongs to who claimed it."""
    query = select(schema.repositories).where(_is(work.watched.repository)).with_for_update()
    row = conn.execute(query).first()
    if row is None or row.lease_token != work.claim.token:
        raise ClaimLost(f"the look at {work.watched.repository} came too late: it is looked at again when it is due")
    return row


def _hinted(row: Row[Any], at: datetime) -> datetime | None:
    """When something was last said of a repository during the look that is under way; None where there is none."""
    if row.lease_token is None:
        return None
    return at if row.hinted is None else max(at, row.hinted)


def _give_back(conn: Connection, row: Row[Any], next_look: datetime, values: Mapping[str, Any]) -> None:
    due = next_look if row.hinted is None else min(next_look, row.hinted)
    table = schema.repositories
    conn.execute(update(table).where(table.c.id == row.id).values(**_FREE, next_look=due, **values))


def _forget(conn: Connection, publication: Publication, repository: Repository, key: int) -> set[str]:
    """Delete a repository; what its tags pointed to."""
    table = schema.tags
    found = conn.execute(select(table.c.name, table.c.digest).where(table.c.repository == key)).all()
    for row in found:
        publication.put(Kind.TAG, f"{repository}:{row.name}", None)
    publication.put(Kind.REPOSITORY, str(repository), None)
    reach.forget_homes(conn, publication, str(repository), key)
    conn.execute(delete(schema.repositories).where(schema.repositories.c.id == key))
    return {row.digest for row in found if row.digest is not None}


def _stored(conn: Connection, digests: Collection[str], *, legacy: bool = False) -> set[Digest]:
    """Those whose bytes are stored and are what the digest says; or those that Docker's schema 1 stands for."""
    table = schema.manifests
    kind = table.c.kind == "legacy" if legacy else table.c.kind != "legacy"
    found: set[Digest] = set()
    for batch in batches(digests):
        rows = conn.execute(select(table.c.digest).where(table.c.digest.in_(batch), kind))
        found |= {Digest(digest) for digest in rows.scalars()}
    return found


def _incomplete(conn: Connection, digests: Collection[str], nodes: tuple[Platform, ...]) -> set[Digest]:
    """Indexes of which an image that nodes may run is not stored: other nodes were meant when they were."""
    child, table = schema.children, schema.manifests
    columns = (child.c.parent, child.c.os, child.c.architecture, child.c.variant)
    found: set[Digest] = set()
    for batch in batches(digests):
        absent = ~exists().where(table.c.digest == child.c.digest)
        for row in conn.execute(select(*columns).where(child.c.parent.in_(batch), child.c.runs, absent)):
            platform = None
            if row.os is not None:
                platform = Platform(os=row.os, architecture=row.architecture or "", variant=row.variant or "")
            if runs_on(platform, nodes):
                found.add(Digest(row.parent))
    return found


def _store(conn: Connection, manifests: Collection[Manifest]) -> set[str]:
    """Store those manifests that are not yet; their digests.

    One of schema 1 gives way to what has the digest by right: else a registry could take the place of another's image.
    """
    known = _stored(conn, [found.digest for found in manifests])
    old = _stored(conn, [found.digest for found in manifests], legacy=True)
    new: dict[Digest, Manifest] = {}
    for found in sorted(manifests, key=lambda found: not isinstance(found, LegacyManifest)):
        if found.digest not in known and not (found.digest in old and isinstance(found, LegacyManifest)):
            new[found.digest] = found
    for batch in batches(old & new.keys()):
        conn.execute(delete(schema.manifests).where(schema.manifests.c.digest.in_(batch)))
    rows, children, layers = [], [], []
    for digest in sorted(new):
        found = new[digest]
        kind, runnable = "legacy", False
        if isinstance(found, ImageIndex):
            kind, running = "index", {id(child) for child in found.platforms}
            for position, child in enumerate(found.children):
                p = child.platform
                children.append({
                    "parent": digest, "position": position, "digest": child.digest, "media_type": child.media_type,
                    "size": child.size, "os": p and p.os, "architecture": p and p.architecture,
                    "variant": p and p.variant, "os_version": p and p.os_version,
                    "artifact_type": child.artifact_type, "runs": id(child) in running,
                })  # fmt: skip
        elif isinstance(found, ImageManifest):
            kind, runnable = "image", found.runnable
            layers += [
                {"manifest": digest, "position": position, "digest": layer.digest, "media_type": layer.media_type,
                 "size": layer.size}
                for position, layer in enumerate(found.layers)
            ]  # fmt: skip
        rows.append({
            "digest": digest, "media_type": found.media_type, "kind": kind, "content": found.content,
            "runnable": runnable, "reached": False, "runs": False, "unreached_since": None,
        })  # fmt: skip
    bulk_load(conn, schema.manifests, rows)
    bulk_load(conn, schema.children, children)
    bulk_load(conn, schema.layers, layers)
    return set(new)
