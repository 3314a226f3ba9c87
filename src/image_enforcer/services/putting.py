"""Putting documents into a sink: what entries of the store come to there, in an order that never shows too little."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

from ..analysis.documents import Layout, children, home, manifest_document
from ..domain.facts import Entry, Kind
from ..domain.manifest import Platform
from ..ports.sink import SinkError, SinkRefused
from ..ports.store import ClaimLost, Publishing

AT_ONCE: Final = 8
_KINDS: Final = (Kind.TAG, Kind.HELD, Kind.LAYER)
"""What documents are about."""
_Work: TypeAlias = tuple[str, tuple[str, ...], bytes | None]
"""The key of what a document is about, its place, and its text; None where it goes."""


class Writing(Protocol):
    """Raises a :class:`SinkError`, or :class:`ClaimLost` where the sink is another worker's."""

    async def put(self, path: Sequence[str], document: bytes) -> None:
        """Set the document at a path."""

    async def delete(self, path: Sequence[str]) -> None:
        """See that there is none."""


@dataclass(slots=True)
class Sent:
    """What was sent, and what is to be sent yet."""

    owed: dict[str, bool]
    """Keys of tags and layers, ``kind key``, that are behind the position all the same: whether the sink refused them;
    else not all of their manifests are known yet."""
    put: int = 0
    deleted: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    ahead: dict[str, int] = field(default_factory=dict)
    """Layers whose documents were sent before their revision's turn, by digest: of which revision they are."""


class Putting:
    """Makes documents of entries, in the places that a layout says."""

    def __init__(self, store: Publishing, layout: Layout) -> None:
        self._store = store
        self._layout = layout

    async def ripe(self, owed: Mapping[str, bool]) -> bool:
        """Whether something that is owed may come to something else by now."""
        if any(owed.values()):
            return True
        entries = await self.owed(owed)
        manifests = await self._manifests(_digest(e) for e in entries)
        return any(not self._incomplete(entry, manifests) for entry in entries)

    async def owed(self, owed: Iterable[str]) -> Sequence[Entry]:
        """The entries of keys that are owed. What is gone meanwhile is told of by its own change."""
        entries: list[Entry] = []
        for kind in _KINDS:
            keys = [key for word, _, key in (text.partition(" ") for text in owed) if word == kind.value]
            found = await asyncio.to_thread(self._store.entries, kind, keys) if keys else {}
            gone = [Entry(kind=kind, key=key, value=None, revision=0) for key in keys if key not in found]
            entries += [*found.values(), *gone]
        return entries

    async def send(
        self, sink: Writing, entries: Sequence[Entry], sent: Sent, revision: int,
        owed: Mapping[str, bool] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """Send what entries stand for; of those that are owed, only what may come to something else by now.

        Up to ``revision`` everything has been sent. Findings that changed since then are sent with the first image
        that has them, although their turn may be long after that.
        """
        tags = [e for e in entries if e.kind in (Kind.TAG, Kind.HELD)]
        manifests = await self._manifests(_digest(e) for e in tags)
        work: list[_Work] = []
        for entry in tags:
            repository, version = home(entry.key)
            digest = _digest(entry)
            document = manifest_document(digest, manifests, self._layout.nodes) if digest else None
            name = f"{entry.kind} {entry.key}"
            # A manifest that is known later changes nothing about the tag, so nobody would say so.
            incomplete = self._incomplete(entry, manifests)
            if incomplete and owed.get(name) is False:
                continue
            sent.owed.pop(name, None)
            if incomplete:
                sent.owed[name] = False
            work.append((name, self._layout.image(repository, version), document))
        turns = {e.key: e for e in entries if e.kind is Kind.LAYER}
        # What is owed and gone has no revision, and was never sent ahead.
        due = [e for e in turns.values() if sent.ahead.pop(e.key, None) != e.revision]
        layers = [self._layer(entry, sent) for entry in due]

        async def one(name: str, path: tuple[str, ...], document: bytes | None) -> None:
            try:
                await (sink.delete(path) if document is None else sink.put(path, document))
            except SinkRefused as e:
                sent.owed[name] = True
                sent.refused[name] = str(e)
                return
            sent.put += document is not None
            sent.deleted += document is None

        async def all_of(group: Iterable[_Work]) -> None:
            await _side_by_side([partial(one, *told) for told in group])

        # A document that goes may lie where another one comes: what goes is first. Findings are there before what they
        # are about, and go after it.
        await all_of([told for told in work if told[2] is None])
        await all_of([told for told in layers if told[2] is not None])
        coming = [(name, path, document) for name, path, document in work if document is not None]
        async for early in self._early([document for _, _, document in coming], turns, sent, revision):
            await all_of([self._layer(entry, sent) for entry in early])
        await all_of(coming)
        await all_of([told for told in layers if told[2] is None])

    def _layer(self, entry: Entry, sent: Sent) -> _Work:
        """What there is to do about a layer, which is owed no more unless that is refused."""
        name = f"{entry.kind} {entry.key}"
        sent.owed.pop(name, None)
        return name, self._layout.layer(entry.key), entry.value

    async def _early(
        self, documents: Iterable[bytes], turns: Collection[str], sent: Sent, revision: int
    ) -> AsyncIterator[Sequence[Entry]]:
        """The findings of images' layers that were not sent as they are now, and whose turn has not come.

        A few at a time: those of all images of a batch may be far more than it is itself.
        """
        listed = {layer["digest"] for document in documents for layer in json.loads(document).get("layers", ())}
        wanted = listed.difference(turns)
        newest = await asyncio.to_thread(self._store.revisions, Kind.LAYER, wanted) if wanted else {}
        behind = sorted(key for key, at in newest.items() if at > revision and sent.ahead.get(key) != at)
        for start in range(0, len(behind), AT_ONCE):
            found = await asyncio.to_thread(self._store.entries, Kind.LAYER, behind[start : start + AT_ONCE])
            sent.ahead |= {e.key: e.revision for e in found.values()}
            yield list(found.values())

    def _incomplete(self, entry: Entry, manifests: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether an entry is a tag's whose manifest, or one that it lists for nodes, is not known."""
        digest = _digest(entry) if entry.kind is not Kind.LAYER else ""
        return bool(digest) and not _complete(digest, manifests, self._layout.nodes)

    async def _manifests(self, digests: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """The published manifests of these digests and of what they list."""
        found: dict[str, Mapping[str, Any]] = {}
        wanted: Collection[str] = {d for d in digests if d}
        for _ in range(2):
            entries = await asyncio.to_thread(self._store.entries, Kind.MANIFEST, wanted)
            read = {key: json.loads(e.value) for key, e in entries.items() if e.value is not None}
            found |= read
            wanted = {c for manifest in read.values() for c in children(manifest, self._layout.nodes)} - found.keys()
        return found


async def _side_by_side(work: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Do all of it, some at a time; the first failure is raised once the rest has been given up."""
    left = iter(work)
    failures: list[SinkError | ClaimLost] = []

    async def worker() -> None:
        for one in left:
            if failures:
                return
            try:
                await one()
            except (SinkError, ClaimLost) as e:
                failures.append(e)

    await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, len(work)))))
    if failures:
        raise failures[0]


def _complete(digest: str, manifests: Mapping[str, Mapping[str, Any]], nodes: tuple[Platform, ...]) -> bool:
    """Whether a manifest and all that it lists for nodes is known."""
    return digest in manifests and all(child in manifests for child in children(manifests[digest], nodes))


def _digest(entry: Entry) -> str:
    """What a tag points to; empty where there is no such tag, or nobody knows."""
    return "" if entry.value is None else json.loads(entry.value).get("digest") or ""
