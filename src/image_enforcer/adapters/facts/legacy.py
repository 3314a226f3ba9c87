"""``data.docker.layers`` and ``data.clair.layers`` as older policies read them, looked up as they are asked for.

The paths below ``docker.layers`` name no registry and stand for one. A mapping that raises :class:`KeyError` has no
such document; one that raises :class:`OSError` cannot tell, which ends the evaluation.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ...analysis import facts as published
from ...analysis.documents import FIELDS, children, manifest_document
from ...domain.facts import Kind
from ...domain.manifest import Platform
from ...ports.facts import Facts, FactsError


class _Readable:
    """Facts whose failures are those of files: what an engine knows of mappings is that they may raise those."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def read(self, kind: Kind, keys: Collection[str]) -> dict[str, Any]:
        """The facts of these keys, decoded."""
        try:
            found = self._facts.find(kind, keys) if keys else {}
        except FactsError as e:
            raise OSError(str(e)) from None
        try:
            return {key: published.read(kind, value) for key, value in found.items()}
        except published.BadFact as e:
            raise OSError(str(e)) from None

    def keys(self, kind: Kind, start: str, most: int | None = None) -> Sequence[str]:
        """The keys that begin so."""
        try:
            return self._facts.keys(kind, start, most)
        except FactsError as e:
            raise OSError(str(e)) from None


class DockerLayers(Mapping[str, Any]):
    """The manifests of one registry's repositories, below a part of their paths."""

    def __init__(
        self, facts: Facts, registry: str, nodes: tuple[Platform, ...] = (), path: tuple[str, ...] = ()
    ) -> None:
        """``nodes`` are the platforms that images may run on; without any, all that they have."""
        self._facts = facts
        self._nodes = nodes
        self._readable = _Readable(facts)
        self._registry = registry
        self._path = path

    def __getitem__(self, key: object) -> Any:
        if not isinstance(key, str) or "/" in key or not key or (self._path and key in FIELDS):
            raise KeyError(key)
        found = self._version(key) if self._path else None
        if found is not None:
            return json.loads(found)
        below = DockerLayers(self._facts, self._registry, self._nodes, (*self._path, key))
        if not below.followed() and not self._readable.keys(Kind.REPOSITORY, f"{below.name()}/", 1):
            raise KeyError(key)
        return below

    def __iter__(self) -> Iterator[str]:
        start = f"{self.name()}/"
        below = self._readable.keys(Kind.REPOSITORY, start)
        names = {key.removeprefix(start).partition("/")[0] for key in below}
        if self._path:
            start = f"{self.name()}:"
            tags = self._readable.read(Kind.TAG, self._readable.keys(Kind.TAG, start))
            there = self._readable.read(Kind.MANIFEST, {tag["digest"] for tag in tags.values() if tag.get("digest")})
            names |= {key.removeprefix(start) for key, tag in tags.items() if tag.get("digest") in there}
            start = f"{self.name()}@"
            names |= {key.removeprefix(start) for key in self._readable.keys(Kind.HELD, start)}
            names -= FIELDS
        return iter(sorted(names))

    def to_value(self) -> dict[str, Any]:
        """All of it. What goes while it is read is not there."""
        found: dict[str, Any] = {}
        for key in self:
            with contextlib.suppress(KeyError):
                below = self[key]
                found[key] = below.to_value() if isinstance(below, DockerLayers) else below
        return found

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def name(self) -> str:
        """The registry with the part of the path."""
        return "/".join((self._registry, *self._path))

    def followed(self) -> bool:
        """Whether there is a repository of just this path."""
        return bool(self._readable.read(Kind.REPOSITORY, [self.name()]))

    def _version(self, version: str) -> bytes | None:
        """The manifest of a tag, or of a digest that the repository holds."""
        if ":" in version:
            return self._manifest(version) if self._readable.read(Kind.HELD, [f"{self.name()}@{version}"]) else None
        tags = self._readable.read(Kind.TAG, [f"{self.name()}:{version}"])
        digest = next((tag.get("digest") for tag in tags.values()), None)
        return self._manifest(digest) if digest else None

    def _manifest(self, digest: str) -> bytes | None:
        manifests = self._readable.read(Kind.MANIFEST, [digest])
        wanted = [child for manifest in manifests.values() for child in children(manifest, self._nodes)]
        return manifest_document(digest, manifests | self._readable.read(Kind.MANIFEST, wanted), self._nodes)


class ClairLayers(Mapping[str, Any]):
    """The layers' documents, by digest."""

    def __init__(self, facts: Facts) -> None:
        self._readable = _Readable(facts)

    def __getitem__(self, key: object) -> Any:
        found = self._readable.read(Kind.LAYER, [key]) if isinstance(key, str) else {}
        if not found:
            raise KeyError(key)
        return next(iter(found.values()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._readable.keys(Kind.LAYER, ""))

    def __len__(self) -> int:
        return len(self._readable.keys(Kind.LAYER, ""))

    def to_value(self) -> dict[str, Any]:
        """All of it."""
        return self._readable.read(Kind.LAYER, self._readable.keys(Kind.LAYER, ""))
