"""What the reports on images say about their layers, and the one document of each layer that is published of it.

A base layer is shared by thousands of images that say the same about it. So texts are kept once, by their hash, and a
layer's document is made anew only when the set of texts behind it becomes another.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from sqlalchemy import Connection, delete, exists, func, literal, select, union_all, update

from ...domain.facts import Kind
from . import published, schema
from .bulk import batches, bulk_load
from .publication import Publication

Pair: TypeAlias = tuple[str, str]
"""A layer, and the hash of a text about it."""
_TOGETHER = 50


def record(
    conn: Connection, publication: Publication, image: str, scanner: str, parts: Mapping[str, bytes], *, counts: bool
) -> None:
    """Make these all that a scanner says about the layers of an image, and say whether its word counts."""
    table = schema.layer_parts
    ours = (table.c.image == image) & (table.c.scanner == scanner)
    old = {row.layer: row.hash for row in conn.execute(select(table.c.layer, table.c.hash).where(ours))}
    new = {layer: hashlib.sha256(text).hexdigest() for layer, text in parts.items()}
    if old == new:
        return
    differ = {layer for layer in old.keys() | new.keys() if old.get(layer) != new.get(layer)}
    pairs = {(layer, found[layer]) for found in (old, new) for layer in differ if layer in found}
    before = _standing(conn, pairs)
    for batch in batches(differ & old.keys()):
        conn.execute(delete(table).where(ours, table.c.layer.in_(batch)))
    _keep(conn, {new[layer]: parts[layer] for layer in differ & new.keys()})
    bulk_load(
        conn,
        table,
        [
            {"layer": layer, "image": image, "scanner": scanner, "hash": new[layer], "published": counts,
             "recorded": publication.before + 1}
            for layer in sorted(differ & new.keys())
        ],
    )  # fmt: skip
    _publish(conn, publication, before ^ _standing(conn, pairs))


def turn(conn: Connection, publication: Publication, counting: Mapping[str, str]) -> None:
    """Let what one scanner says about the layers of these images count, and nothing else; empty: nothing at all."""
    table = schema.layer_parts
    pairs: set[Pair] = set()
    for batch in batches(counting):
        found = conn.execute(select(table.c.layer, table.c.hash).where(table.c.image.in_(batch)).distinct())
        pairs |= {(row.layer, row.hash) for row in found}
    if not pairs:
        return
    before = _standing(conn, pairs)
    images: dict[str, list[str]] = defaultdict(list)
    for image, scanner in counting.items():
        images[scanner].append(image)
    for scanner in sorted(images):
        for batch in batches(images[scanner]):
            conn.execute(update(table).where(table.c.image.in_(batch)).values(published=table.c.scanner == scanner))
    _publish(conn, publication, before ^ _standing(conn, pairs))


def forget_unused(conn: Connection, most: int) -> int:
    """Delete texts that nobody says any more; how many."""
    table = schema.layer_parts
    used = exists().where(table.c.hash == schema.parts.c.hash)
    unused = select(schema.parts.c.hash).where(~used).limit(most)
    return conn.execute(delete(schema.parts).where(schema.parts.c.hash.in_(unused))).rowcount


def _keep(conn: Connection, texts: Mapping[str, bytes]) -> None:
    known: set[str] = set()
    for batch in batches(texts):
        known |= set(conn.execute(select(schema.parts.c.hash).where(schema.parts.c.hash.in_(batch))).scalars())
    bulk_load(conn, schema.parts, [{"hash": h, "content": texts[h]} for h in sorted(texts.keys() - known)])


def _standing(conn: Connection, pairs: Iterable[Pair]) -> set[Pair]:
    """Those of these texts that count for their layers: one look into the index each, however many images say so."""
    table = schema.layer_parts
    ordered = sorted(pairs)
    standing: set[Pair] = set()
    for start in range(0, len(ordered), _TOGETHER):
        questions = [
            select(literal(layer).label("layer"), literal(text).label("hash")).where(
                exists().where(table.c.layer == layer, table.c.hash == text, table.c.published)
            )
            for layer, text in ordered[start : start + _TOGETHER]
        ]
        standing |= {(row.layer, row.hash) for row in conn.execute(union_all(*questions))}
    return standing


def _publish(conn: Connection, publication: Publication, changed: Iterable[Pair]) -> None:
    table, parts = schema.layer_parts, schema.parts
    for layer in sorted({layer for layer, _ in changed}):
        last = (
            select(table.c.hash, func.max(table.c.recorded).label("recorded"))
            .where(table.c.layer == layer, table.c.published)
            .group_by(table.c.hash)
            .subquery()
        )
        texts = conn.execute(
            select(parts.c.content).join(last, last.c.hash == parts.c.hash).order_by(last.c.recorded, parts.c.hash)
        ).scalars()
        found = texts.all()
        publication.put(Kind.LAYER, layer, published.layer(layer, found) if found else None)
