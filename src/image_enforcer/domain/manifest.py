"""What a registry says an image is made of.

A manifest that exists has been verified: its digest is that of the bytes that were read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from .digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Platform:
    """What an image runs on, in Go's names."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @property
    def unknown(self) -> bool:
        """Whether it says that nothing runs it."""
        return self.os == self.architecture == "unknown"

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """Content that is somewhere else: what it is, what it is called by, and how many bytes it has."""

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    """Where content that registries do not hold (foreign layers) is said to be."""
    artifact_type: str = ""
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageManifest:
    """One image for one platform: a configuration and layers, the base first."""

    digest: Digest
    media_type: str
    content: bytes = field(repr=False)
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""
    subject: Descriptor | None = None

    @property
    def runnable(self) -> bool:
        """Whether it is an image, and no chart, signature or attestation that is kept beside images."""
        return not self.artifact_type and self.config.media_type in CONFIGURATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """One name for images of several platforms."""

    digest: Digest
    media_type: str
    content: bytes = field(repr=False)
    children: tuple[Descriptor, ...]
    subject: Descriptor | None = None

    @property
    def platforms(self) -> tuple[Descriptor, ...]:
        """The children that some node may run: attestations stand among them under an unknown platform.

        Unknown is that of which neither the system nor the architecture is said, as BuildKit writes it.
        """
        return tuple([c for c in self.children if c.platform is None or not c.platform.unknown])


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyManifest:
    """Docker's schema 1, which says too little to be judged: its layers have no sizes, its digest no settled bytes."""

    digest: Digest
    media_type: str
    content: bytes = field(repr=False)


Manifest: TypeAlias = ImageManifest | ImageIndex | LegacyManifest

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+json"
SIGNED_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
CONFIGURATIONS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
"""Media types of the configurations that make a manifest an image that can run."""
