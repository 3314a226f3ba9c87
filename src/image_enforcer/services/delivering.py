"""Delivering facts to a running OPA: the documents that older policies read, kept like the store's.

A sink has no memory of its own: how far it has come stands in the store, and beside it, in the sink itself, a mark. A
sink without the mark has been started anew, and gets everything again. The mark is written after what it stands for, so
that whoever dies in between sends some of it twice and nothing never.

What a sink was given that nobody tells of any more (by a store that was replaced, or in places that were changed) would
stay there as if it still held. So before everything is sent anew, the places of the documents are emptied.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Protocol

import msgspec

from ..analysis.documents import Layout, children, home, manifest_document
from ..domain.facts import Entry, Kind
from ..domain.manifest import Platform
from ..ports.sink import Sink, SinkError, SinkRefused
from ..ports.store import Publishing, Watching

BATCH: Final = 500
"""Changes that are read at a time."""
AT_ONCE: Final = 8
MARK: Final = ("image_enforcer", "sync")
"""Where a sink says how far it has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one delivery sent."""

    put: int = 0
    deleted: int = 0
    whole: bool = False
    """Whether the sink had lost everything, or never had it."""
    refused: tuple[tuple[str, str], ...] = ()
    """Documents that the sink does not take, and why. They are tried again with the next delivery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """How far a sink has come, in which store, with the documents in which places."""

    layout: str = ""
    epoch: str = ""
    revision: int = 0
    began: int = 0
    stamp: str = ""

    @classmethod
    def read(cls, document: Any) -> _Position | None:
        """The position in a document from somewhere else; None where it is none."""
        try:
            return msgspec.convert(document, cls)
        except msgspec.ValidationError:
            return None

    def same(self, other: _Position) -> bool:
        """Whether revisions of both compare."""
        return (self.layout, self.epoch) == (other.layout, other.epoch)


@dataclass(slots=True)
class _Progress:
    """A delivery under way."""

    position: _Position
    owed: dict[str, bool]
    """Keys of tags and layers, ``kind key``, that are behind the position all the same: whether the sink refused them;
    else not all of their manifests are known yet."""
    put: int = 0
    deleted: int = 0
    whole: bool = False
    refused: dict[str, str] = field(default_factory=dict)


class _Store(Publishing, Watching, Protocol):
    """What is delivered, and of what."""


class Delivering:
    """Brings one sink up to the store."""

    def __init__(self, store: _Store, sink: Sink, layout: Layout) -> None:
        """``layout`` says where documents are put; which repositories are followed is the store's to say."""
        self._store = store
        self._sink = sink
        self._layout = layout
        self._reader = f"sink {sink.name}"

    @property
    def name(self) -> str:
        """The sink's name."""
        return self._sink.name

    async def deliver(self) -> Delivered:
        """Send what changed; raises a :class:`SinkError` or a :class:`StoreError`."""
        watched = await asyncio.to_thread(self._store.watched)
        self._layout = replace(self._layout, repositories=frozenset([w.repository for w in watched]))
        noted = _read(await asyncio.to_thread(self._store.position, self._reader))
        known = _Position.read(noted.get("position"))
        mark = _Position.read(_read(await self._sink.get(MARK)))
        progress = _Progress(_Position(), {})
        ours = known is not None and mark is not None and known.same(mark) and known.layout == self._layout.name
        if known is not None and mark is not None and ours and await self._had(mark):
            # A sink that was put back to an older state goes on from there.
            progress.position = min(known, mark, key=lambda p: p.revision)
            progress.owed = dict(noted.get("owed", {}))
        else:
            await self._empty(noted, progress)
        await self._bring_up(noted, progress)
        return Delivered(
            put=progress.put, deleted=progress.deleted, whole=progress.whole, refused=tuple(progress.refused.items())
        )

    async def _had(self, mark: _Position) -> bool:
        """Whether the store was once where a sink is. One that was put back to an older copy, with its notes, may not
        have been."""
        told = await asyncio.to_thread(self._store.changes, mark.revision, 1, mark.began, "", mark.stamp)
        return (told.epoch, told.since) == (mark.epoch, mark.revision)

    async def _bring_up(self, noted: Mapping[str, Any], progress: _Progress) -> None:
        owed = dict(progress.owed)
        stamp = progress.position.stamp
        rest = ""  # within a revision that comes in parts; the mark stays before it until all of it has been sent
        while True:
            asked = progress.position
            changes = await asyncio.to_thread(self._store.changes, asked.revision, BATCH, asked.began, rest, stamp)
            follows = (changes.since, changes.after) == (asked.revision, rest)
            if not follows or asked.epoch not in ("", changes.epoch):
                owed, rest, stamp = {}, "", ""
                await self._empty(noted, progress)
                continue
            await self._send(changes.entries, progress)
            rest, stamp = changes.rest, changes.stamp
            progress.position = _Position(
                layout=self._layout.name, epoch=changes.epoch, revision=changes.revision, began=changes.began,
                stamp=changes.stamp,
            )  # fmt: skip
            last = changes.revision >= changes.newest
            if last and owed:
                await self._send_owed(owed, progress)
            if not rest and (progress.position != asked or progress.owed != owed):
                await self._mark(progress, only_noted=progress.position == asked)
            if last:
                return

    async def _empty(self, noted: Mapping[str, Any], progress: _Progress) -> None:
        """Begin anew: the mark goes first, so that whoever dies here is known not to have come to the end."""
        roots = [*(tuple(root) for root in noted.get("roots", ())), *self._layout.roots]
        findings = {tuple(root) for root in noted.get("clair", ())} | {self._layout.clair_root}
        await self._sink.delete(MARK)
        # Findings go last: an image that is known without them would look clean meanwhile.
        for root in sorted(dict.fromkeys(roots), key=lambda root: (root in findings, root)):
            await self._sink.delete(root)
        progress.position, progress.owed, progress.whole = _Position(), {}, True

    async def _mark(self, progress: _Progress, *, only_noted: bool) -> None:
        position = asdict(progress.position)
        if not only_noted:
            await self._sink.put(MARK, json.dumps(position, sort_keys=True).encode())
        note = {
            "position": position, "owed": progress.owed, "roots": self._layout.roots,
            "clair": [self._layout.clair_root],
        }  # fmt: skip
        await asyncio.to_thread(self._store.note, self._reader, json.dumps(note, sort_keys=True))

    async def _send_owed(self, owed: Mapping[str, bool], progress: _Progress) -> None:
        """Try again what could not be sent before. What is gone meanwhile is told of by its own change."""
        for kind in (Kind.TAG, Kind.HELD, Kind.LAYER):
            keys = [key for word, _, key in (text.partition(" ") for text in owed) if word == kind.value]
            found = await asyncio.to_thread(self._store.entries, kind, keys) if keys else {}
            gone = [Entry(kind=kind, key=key, value=None, revision=0) for key in keys if key not in found]
            await self._send([*found.values(), *gone], progress, owed)

    async def _send(
        self, entries: Sequence[Entry], progress: _Progress, owed: Mapping[str, bool] = MappingProxyType({})
    ) -> None:
        """Send what entries stand for; of those that are owed, only what may come to something else by now."""
        tags = [e for e in entries if e.kind in (Kind.TAG, Kind.HELD)]
        manifests = await self._manifests(_digest(e) for e in tags)
        work: list[tuple[str, tuple[str, ...], bytes | None]] = []
        for entry in tags:
            repository, version = home(entry.key)
            digest = _digest(entry)
            document = manifest_document(digest, manifests, self._layout.nodes) if digest else None
            name = f"{entry.kind} {entry.key}"
            # A manifest that is known later changes nothing about the tag, so nobody would say so.
            incomplete = bool(digest) and not _complete(digest, manifests, self._layout.nodes)
            if incomplete and owed.get(name) is False:
                continue
            progress.owed.pop(name, None)
            if incomplete:
                progress.owed[name] = False
            work.append((name, self._layout.image(repository, version), document))
        layers: list[tuple[str, tuple[str, ...], bytes | None]] = []
        for entry in (e for e in entries if e.kind is Kind.LAYER):
            name = f"{entry.kind} {entry.key}"
            progress.owed.pop(name, None)
            layers.append((name, self._layout.layer(entry.key), entry.value))
        # A document that goes may lie where another one comes: what goes is first. Findings are there before what they
        # are about, and go after it.
        groups = [
            [told for told in work if told[2] is None], [told for told in layers if told[2] is not None],
            [told for told in work if told[2] is not None], [told for told in layers if told[2] is None],
        ]  # fmt: skip

        async def one(name: str, path: tuple[str, ...], document: bytes | None) -> None:
            try:
                await (self._sink.delete(path) if document is None else self._sink.put(path, document))
            except SinkRefused as e:
                progress.owed[name] = True
                progress.refused[name] = str(e)
                return
            progress.put += document is not None
            progress.deleted += document is None

        for group in groups:
            await _side_by_side([partial(one, *told) for told in group])

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
    failures: list[SinkError] = []

    async def worker() -> None:
        for one in left:
            if failures:
                return
            try:
                await one()
            except SinkError as e:
                failures.append(e)

    await asyncio.gather(*(worker() for _ in range(min(AT_ONCE, len(work)))))
    if failures:
        raise failures[0]


def _read(text: str | bytes | None) -> dict[str, Any]:
    """A document that somebody keeps for us; an empty one where it is none of ours."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _complete(digest: str, manifests: Mapping[str, Mapping[str, Any]], nodes: tuple[Platform, ...]) -> bool:
    """Whether a manifest and all that it lists for nodes is known."""
    return digest in manifests and all(child in manifests for child in children(manifests[digest], nodes))


def _digest(entry: Entry) -> str:
    """What a tag points to; empty where there is no such tag, or nobody knows."""
    return "" if entry.value is None else json.loads(entry.value).get("digest") or ""
