"""The documents that older policies read as a bundle, for an OPA that fetches them itself.

A bundle is a gzipped tarball. Its ``.manifest`` names a revision and the roots that the bundle owns, so that policies
and other bundles may own all others (https://www.openpolicyagent.org/docs/management-bundles#bundle-file-format).

All documents stand in one ``data.json``. OPA makes keys of a tarball's folders: it parts them at each slash, and drops
dots in front. So no folder can stand for a repository's name, which is one key with slashes in it, and what is a key of
JSON cannot become anything else. OPA also reads it sooner: 100,000 documents in 1.6 s, in a file each in 2.1 s.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from ...analysis import facts as published
from ...analysis.documents import DOCUMENTED, Layout, children, entangled, home, manifest_document
from ...domain.facts import Changes, Kind
from ...ports.facts import FactsError
from . import replica_file
from .replica_file import KINDS

STATE_ROOT: Final = ("image_enforcer", "facts")
"""Where the bundle says which facts it was made of: ``{"epoch", "revision", "as_of"}``."""
FASTEST: Final = 1
"""How much is done to compress. Six would make a tenth less of it in twice the time."""
_PLACES: Final = (
    "CREATE TEMP TABLE place (path TEXT PRIMARY KEY, kind INTEGER NOT NULL, key TEXT NOT NULL) WITHOUT ROWID"
)
_LISTED: Final = "SELECT kind, key FROM fact WHERE kind IN (?, ?, ?)"
# What is said to be crossed is read in the order in which it stands here (https://sqlite.org/lang_select.html).
_IN_ORDER: Final = "SELECT path, kind, value FROM place CROSS JOIN fact USING (kind, key) ORDER BY path"
_MANIFESTS: Final = "SELECT key, value FROM fact WHERE kind = ? AND key IN (SELECT value FROM json_each(?))"


def make(file: BinaryIO, batches: Iterable[Changes], as_of: datetime, layout: Layout) -> str:
    """Write a bundle of all changes from the first on; its ETag, quoted.

    ``as_of`` is when these were last known to be all. The same documents as of the same time are the same bytes, and
    have the same ETag. Raises :class:`FactsError`, and :class:`OSError` where there is no room.
    """
    roots = owned(layout)
    with tempfile.TemporaryDirectory(prefix="bundle-") as folder:
        place, data = Path(folder) / "facts.db", Path(folder) / "data.json"
        revision = 0

        def documented() -> Iterator[Changes]:
            nonlocal revision
            for changes in batches:
                entries = tuple([e for e in changes.entries if e.kind in DOCUMENTED])
                revision = max(revision, *(e.revision for e in entries), 0)
                yield replace(changes, entries=entries)

        epoch, _ = replica_file.make(place, documented(), as_of)
        with data.open("wb") as out:
            content = _write(place, layout, out)
        state = {"epoch": epoch, "revision": revision, "as_of": as_of.isoformat()}
        files = {
            ".manifest": _encoded({"revision": f"{epoch}:{revision}", "roots": roots}),
            f"{'/'.join(STATE_ROOT)}/data.json": _encoded(state),
        }
        with data.open("rb") as source:
            _pack(file, files, source, data.stat().st_size)
    told = hashlib.sha256(b"\n".join([*files.values(), content]))
    return f'"{epoch}:{revision}:{told.hexdigest()[:16]}"'


def owned(layout: Layout) -> list[str]:
    """The roots of a bundle. Raises :class:`FactsError` where OPA would take none that has them."""
    roots = [*layout.roots, STATE_ROOT]
    names = ["/".join(root) for root in roots]
    for name in names:
        if "%" in name:
            raise FactsError(f"{name}: OPA takes no root with a percent sign; see layer_root and clair_root")
    if (found := entangled(roots)) is not None:
        text = f"{found[0]} and {found[1]} are not apart, as the roots of a bundle are"
        raise FactsError(f"{text}; see layer_root and clair_root")
    return names


def _write(place: Path, layout: Layout, out: BinaryIO) -> bytes:
    """Write all documents of a replica as one object; the digest of what was written."""
    try:
        with closing(sqlite3.connect(replica_file.uri(place, "ro"), uri=True, isolation_level=None)) as db:
            db.execute("PRAGMA temp_store = FILE")
            db.execute(_PLACES)
            db.execute("BEGIN")
            kinds = [KINDS.index(kind) for kind in (Kind.TAG, Kind.HELD, Kind.LAYER)]
            homes = {home(key)[0] for kind, key in db.execute(_LISTED, kinds) if KINDS[kind] is not Kind.LAYER}
            layout = replace(layout, repositories=layout.repositories | homes)
            listed = db.execute(_LISTED, kinds)
            db.executemany(
                "INSERT OR IGNORE INTO place VALUES (?, ?, ?)",
                ((json.dumps(_path(layout, KINDS[kind], key)), kind, key) for kind, key in listed),
            )
            tree = _Tree(out)
            for path, kind, value in db.execute(_IN_ORDER):
                document = _document(db, layout, KINDS[kind], value)
                if document is not None:
                    tree.put(tuple(json.loads(path)), document)
            return tree.end()
    except sqlite3.Error as e:
        raise FactsError(f"no bundle can be made: {e}; see that there is room for temporary files") from None
    except published.BadFact as e:
        raise FactsError(f"no bundle can be made: {e}; see that only workers of this version write the store") from None


def _path(layout: Layout, kind: Kind, key: str) -> tuple[str, ...]:
    return layout.layer(key) if kind is Kind.LAYER else layout.image(*home(key))


def _document(db: sqlite3.Connection, layout: Layout, kind: Kind, value: bytes) -> bytes | None:
    """The document of a tag, a held image or a layer; None where there is none."""
    fact = published.read(kind, value)
    if kind is Kind.LAYER:
        return value
    digest = fact["digest"]
    found = _manifests(db, [digest] if digest else [])
    wanted = [child for manifest in found.values() for child in children(manifest, layout.nodes)]
    return manifest_document(digest, {**found, **_manifests(db, wanted)}, layout.nodes)


def _manifests(db: sqlite3.Connection, digests: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    rows = db.execute(_MANIFESTS, (KINDS.index(Kind.MANIFEST), json.dumps(list(digests)))) if digests else ()
    return {key: published.read(Kind.MANIFEST, value) for key, value in rows}


class _Tree:
    """Writes one JSON object, document by document, without holding it.

    Documents come ordered by their paths as JSON text, so that all of an object come together, and what lies deeper
    comes first: ``,`` is before ``]``. What would lie around another document, or in its place, is left out.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self._last: tuple[str, ...] = ()
        self._write(b"{")

    def put(self, path: tuple[str, ...], document: bytes) -> None:
        """Write a document at a path."""
        if self._last[: len(path)] == path:
            return
        objects, before = path[:-1], self._last[:-1]
        shared = 0
        while shared < min(len(objects), len(before)) and objects[shared] == before[shared]:
            shared += 1
        self._write(b"}" * (len(before) - shared) + b"," * bool(self._last))
        for step in objects[shared:]:
            self._write(_encoded(step) + b":{")
        self._write(_encoded(path[-1]) + b":" + document)
        self._last = path

    def end(self) -> bytes:
        """Close what is open; the digest of all that was written."""
        self._write(b"}" * (len(self._last[:-1]) + 1))
        return self._digest.digest()

    def _write(self, text: bytes) -> None:
        self._out.write(text)
        self._digest.update(text)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _pack(file: BinaryIO, files: Mapping[str, bytes], data: BinaryIO, size: int) -> None:
    """Write the tarball. Times and owners stay as they are by default, so that equal content is equal bytes."""
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=FASTEST, fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, content in files.items():
            _add(tar, name, io.BytesIO(content), len(content))
        _add(tar, "data.json", data, size)


def _add(tar: tarfile.TarFile, name: str, content: BinaryIO, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, content)
