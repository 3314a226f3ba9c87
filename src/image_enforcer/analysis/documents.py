"""The documents that older policies read, ``data.docker.layers`` and ``data.clair.layers``, made of published facts.

Their paths name no registry, so they stand for one. Images of others, and tags whose path would run into that of
another repository, have a root of their own, where the registry and the repository are one step each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from ..domain.facts import Kind
from ..domain.manifest import Platform
from ..domain.reference import Repository
from . import facts, platforms

DOCUMENTED: Final = frozenset({Kind.TAG, Kind.HELD, Kind.MANIFEST, Kind.LAYER})
"""The kinds of facts that documents are made of."""
DOCKER_ROOT: Final = ("docker", "layers")
CLAIR_ROOT: Final = ("clair", "layers")
OTHER_ROOT: Final = ("docker", "registries")
FIELDS: Final = frozenset({
    "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations", "digest",
    "size", "platform", "urls", "name", "tag", "architecture", "fsLayers", "history", "signatures",
})  # fmt: skip
"""Names in manifests, of every form. A tag or a step of a path that is called so would make what lies above it look
like the manifest of a tag."""
_FORM: Final = "3"
"""Another for each way to put documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where documents are put. ``repositories`` are all that are followed."""

    registry: str
    """The one registry that ``docker_root`` stands for."""
    repositories: frozenset[Repository] = field(default_factory=frozenset)
    nodes: tuple[Platform, ...] = ()
    """The platforms that images may run on; without any, all that they have."""
    docker_root: tuple[str, ...] = DOCKER_ROOT
    clair_root: tuple[str, ...] = CLAIR_ROOT
    other_root: tuple[str, ...] = OTHER_ROOT
    _taken: frozenset[str] = field(init=False, repr=False, compare=False)
    """The paths of the registry's repositories, and the beginnings of their paths."""

    def __post_init__(self) -> None:
        paths = (r.path.split("/") for r in self.repositories if r.registry == self.registry and _plain(r.path))
        taken = frozenset("/".join(steps[:n]) for steps in paths for n in range(1, len(steps) + 1))
        object.__setattr__(self, "_taken", taken)

    @property
    def name(self) -> str:
        """Another for each layout: where it changes, everything is put anew. Of the repositories those count alone that
        lie in the way of another's tags: one more that does not moves nothing."""
        paths = {r.path for r in self.repositories if r.registry == self.registry}
        parts = [_FORM, self.registry, *map("/".join, (self.docker_root, self.clair_root, self.other_root))]
        parts += [*map(str, self.nodes), ""] if self.nodes else []
        parts += sorted(path for path in self._taken if path.rpartition("/")[0] in paths)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def roots(self) -> tuple[tuple[str, ...], ...]:
        """What all documents are below."""
        return self.docker_root, self.clair_root, self.other_root

    def image(self, repository: Repository, version: str) -> tuple[str, ...]:
        """Where the manifest of a tag or a digest is put."""
        plain = repository.registry == self.registry and _plain(f"{repository.path}/{version}")
        if plain and not self._runs_into(repository, version):
            return (*self.docker_root, *repository.path.split("/"), version)
        return (*self.other_root, repository.registry, repository.path, version)

    def layer(self, digest: str) -> tuple[str, ...]:
        """Where a layer's document is put."""
        return (*self.clair_root, digest)

    def _runs_into(self, repository: Repository, version: str) -> bool:
        """Whether another repository lies where this version's document would: ``a:b`` beside ``a/b``."""
        return f"{repository.path}/{version}" in self._taken


def _plain(path: str) -> bool:
    """Whether no step of a path but the first is called like a part of a manifest: what lies above it would look like
    one, with whatever somebody calls their repositories and tags."""
    return not FIELDS & set(path.split("/")[1:])


def entangled(roots: Sequence[tuple[str, ...]]) -> tuple[str, str] | None:
    """Two roots of which one is the other, or lies in it, as paths; None where all are apart."""
    for one, other in combinations(roots, 2):
        shared = min(len(one), len(other))
        if one[:shared] == other[:shared]:
            return "/".join(one), "/".join(other)
    return None


def home(key: str) -> tuple[Repository, str]:
    """The repository and the tag or the digest of an entry's key. A tag has no colon, a registry may have one."""
    name, pinned, version = key.rpartition("@")
    if not pinned:
        name, _, version = key.rpartition(":")
    registry, _, path = name.partition("/")
    return Repository(registry=registry, path=path), version


def manifest_document(
    digest: str, manifests: Mapping[str, Mapping[str, Any]], nodes: tuple[Platform, ...] = ()
) -> bytes | None:
    """A manifest as JSON text in the form of Docker's schema 2; None where it is not known.

    ``manifests`` are published facts by digest, ``nodes`` the platforms that images may run on (without any, all). An
    index lists the layers of all its images that may run: without one of them it lists none, so that a policy refuses
    it as not known. The same holds for what is no image that can run, and for an image that has no layers.
    """
    found = manifests.get(digest)
    if found is None:
        return None
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": found["media_type"]}
    match found["kind"]:
        case "image":
            document["config"] = _described(found["config"])
            if _runs(found):
                document["layers"] = [_described(layer) for layer in found["layers"]]
        case "index":
            listed = _listed(found, nodes)
            document["manifests"] = [_described(c) for c in listed]
            images = [manifests.get(c["digest"]) for c in listed]
            if images and all(image is not None and _runs(image) for image in images):
                layers = {layer["digest"]: layer for image in images if image for layer in image["layers"]}
                document["layers"] = [_described(layer) for layer in layers.values()]
        case _:
            document["schemaVersion"] = 1
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _runs(manifest: Mapping[str, Any]) -> bool:
    """Whether it is an image that a node could run, of which the layers say something."""
    return manifest["kind"] == "image" and bool(manifest["runnable"]) and bool(manifest["layers"])


def _described(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    made = {"digest": descriptor["digest"], "mediaType": descriptor.get("media_type", "")}
    if "size" in descriptor:
        made["size"] = descriptor["size"]
    if descriptor.get("platform"):
        made["platform"] = descriptor["platform"]
    return made


def children(manifest: Mapping[str, Any], nodes: tuple[Platform, ...] = ()) -> tuple[str, ...]:
    """The digests of the images that an index lists for nodes; nothing for an image."""
    return tuple([c["digest"] for c in _listed(manifest, nodes)])


def _listed(manifest: Mapping[str, Any], nodes: tuple[Platform, ...]) -> list[Mapping[str, Any]]:
    return [
        c
        for c in manifest.get("children", ())
        if not facts.is_statement(c) and platforms.runs_on(facts.platform(c), nodes)
    ]
