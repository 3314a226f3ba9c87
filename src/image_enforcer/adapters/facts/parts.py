"""Answers about what changed, as they come from a worker, kept until all of them are there.

A revision may come in several. Until the last one is there, nothing of it may be used: so they wait, in memory while
they are few and in a file without a name beside the replica when they are more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final

import msgspec

from ...analysis import text
from ...domain.facts import Changes, Entry, Kind
from .session import WorkerLying

IN_MEMORY: Final = 1 << 20
"""Bytes of answers that wait in memory."""

Number = Annotated[int, msgspec.Meta(ge=0, le=1 << 62)]
"""A revision. Larger ones fit into no file."""


class _Entry(msgspec.Struct, frozen=True):
    kind: Kind
    key: str
    value: msgspec.Raw
    revision: Number


class _Changes(msgspec.Struct, frozen=True):
    epoch: str
    since: Number
    began: Number
    revision: Number
    newest: Number
    entries: tuple[_Entry, ...]
    after: str = ""
    rest: str = ""
    stamp: str = ""


class Parts(AbstractContextManager["Parts"]):
    """Answers in their order, of the worker at ``url``. ``folder`` is where they wait if they are many."""

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder), prefix="parts-")  # noqa: SIM115
        self._sizes: list[int] = []
        self.size = 0
        self.entries = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, body: bytes) -> Changes:
        """Keep one more; what it says. Raises :class:`WorkerLying` for what is no answer, and :class:`OSError`."""
        found = self._decoded(body)
        self._file.write(body)
        self._sizes.append(len(body))
        self.size += len(body)
        self.entries += len(found.entries)
        return found

    def read(self) -> Iterator[Changes]:
        """All of them, one at a time. Raises :class:`OSError`."""
        self._file.seek(0)
        for size in self._sizes:
            yield self._decoded(self._file.read(size))

    def _decoded(self, body: bytes) -> Changes:
        try:
            read = msgspec.json.decode(body, type=_Changes)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
            raise WorkerLying(f"{self._url} sends what are no changes: {text.name(str(e), 200)}") from None
        return Changes(
            epoch=read.epoch, since=read.since, began=read.began, revision=read.revision, newest=read.newest,
            after=read.after, rest=read.rest, stamp=read.stamp, entries=tuple([_entry(e) for e in read.entries]),
        )  # fmt: skip


def _entry(read: _Entry) -> Entry:
    return Entry(kind=read.kind, key=read.key, value=_value(read.value), revision=read.revision)


def _value(raw: msgspec.Raw) -> bytes | None:
    value = bytes(raw)
    return None if value == b"null" else value
