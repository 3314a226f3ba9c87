"""The bundle of the facts' documents, kept until they change, and what OPA's requests for it ask.

Many OPAs ask again and again, and a bundle is whole: so one is made at a time, for whoever asks first after a change,
and all get that one. What changes when a repository is looked at and nothing new is found is in no document, and makes
no bundle.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import re
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO, Final

from ..analysis.documents import DOCUMENTED
from ..domain.facts import Changes
from ..ports.store import Publishing

PATH: Final = "/v1/facts/bundle.tar.gz"
MOST: Final = 5000
"""Entries that are read at a time."""
PIECE: Final = 256 << 10
REST: Final = 4.0
"""For how many times as long as a bundle took to be made none is made again, however much changes."""

Make = Callable[[BinaryIO, Iterator[Changes], datetime], str]
"""Writes a bundle of all changes from the first on, as of a time, to a file; its ETag."""


def everything(store: Publishing) -> Iterator[Changes]:
    """All changes from the first on."""
    since, began, rest, stamp = 0, 0, "", ""
    while True:
        found = store.changes(since, MOST, began, rest, stamp)
        yield found
        since, began, rest, stamp = found.revision, found.began, found.rest, found.stamp
        if since >= found.newest:
            return


class Bundle:
    """One bundle, in a file without a name that goes with the last who reads it."""

    def __init__(self, file: BinaryIO, etag: str) -> None:
        self.etag = etag
        self.size = os.fstat(file.fileno()).st_size
        self._file = file
        weakref.finalize(self, file.close)

    def pieces(self) -> Iterator[bytes]:
        """Its bytes. Any number may read at once."""
        at = 0
        while piece := os.pread(self._file.fileno(), PIECE, at):
            yield piece
            at += len(piece)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A bundle, the position that its documents are of, and the time that it gives."""

    bundle: Bundle
    position: Changes
    as_of: datetime


class Bundles:
    """The newest bundle of a store. ``rest`` is :data:`REST`."""

    def __init__(self, store: Publishing, make: Make, now: Callable[[], datetime], rest: float = REST) -> None:
        self._store = store
        self._make = make
        self._now = now
        self._rest = rest
        self._lock = asyncio.Lock()
        self._kept: _Kept | None = None
        self._looked = self._until = -math.inf

    async def newest(self) -> Bundle:
        """The bundle of the documents as they are now, or were a moment ago.

        Raises an :class:`EnforcerError` where the facts cannot be read or put in a bundle, and :class:`OSError`.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._lock:
            before = self._kept
            # Others may have waited for the same: who asked before the last look began need not look again.
            if before is not None and (self._looked >= asked or loop.time() < self._until):
                return before.bundle
            began = loop.time()
            kept = self._kept = await asyncio.to_thread(self._current, before)
            self._looked = began
            if before is None or kept.bundle is not before.bundle:
                ended = loop.time()
                self._until = ended + self._rest * (ended - began)
            return kept.bundle

    def _current(self, kept: _Kept | None) -> _Kept:
        # To the hour: a time alone that goes on would have every OPA fetch and load everything again.
        as_of = self._now().replace(minute=0, second=0, microsecond=0)
        if kept is not None and kept.as_of == as_of:
            position = self._followed(kept.position)
            if position is not None:
                return replace(kept, position=position)
        return self._made(as_of)

    def _followed(self, position: Changes) -> Changes | None:
        """How far the store has come by now; None where documents may be others than at this position."""
        while True:
            found = self._store.changes(position.revision, MOST, position.began, position.rest, position.stamp)
            if (found.epoch, found.since, found.after) != (position.epoch, position.revision, position.rest):
                return None
            if any(entry.kind in DOCUMENTED for entry in found.entries):
                return None
            position = replace(found, entries=())
            if found.revision >= found.newest:
                return position

    def _made(self, as_of: datetime) -> _Kept:
        position: Changes | None = None

        def noted() -> Iterator[Changes]:
            nonlocal position
            for changes in everything(self._store):
                position = replace(changes, entries=())
                yield changes

        with contextlib.ExitStack() as undone:
            file = undone.enter_context(tempfile.TemporaryFile(prefix="bundle-"))
            etag = self._make(file, noted(), as_of)
            file.flush()
            undone.pop_all()  # it is open for as long as somebody reads
        assert position is not None
        return _Kept(bundle=Bundle(file, etag), position=position, as_of=as_of)


def holds(headers: Iterable[tuple[bytes, bytes]], etag: str) -> bool:
    """Whether one who sends these headers has what the ETag stands for (RFC 9110, 13.1.2). OPA may name several."""
    named = [tag.strip() for name, value in headers if name == b"if-none-match" for tag in value.split(b",")]
    return any(tag == b"*" or tag.removeprefix(b"W/") == etag.encode() for tag in named)


def patience(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """For how many seconds one who sends these headers would wait for a change; None where they do not say.

    OPA sends ``Prefer: modes=snapshot,delta;wait=10``, which is read as RFC 7240 has ``wait``, whatever parts it.
    """
    for name, value in headers:
        if name == b"prefer":
            found = re.search(rb'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?:[,;]|$)', value, re.IGNORECASE)
            if found:
                return int(found[1])
    return None
