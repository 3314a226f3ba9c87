"""Images for the fakes of Clair: what stands in their layers, and what is known to be wrong with it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from image_enforcer.analysis import digest
from image_enforcer.domain.digest import Digest
from image_enforcer.ports.scanner import Layer, Subject


@dataclass(frozen=True)
class Installed:
    """A package that dpkg would list, and the source that it is built from."""

    name: str
    version: str
    source: str

    @property
    def key(self) -> str:
        """An identifier as Clair gives: a number as a text."""
        return str(int(hashlib.sha256(f"{self.name} {self.version}".encode()).hexdigest()[:6], 16))


@dataclass(frozen=True)
class Content:
    """A layer."""

    system: str = ""
    """``debian:12``, where it holds the os-release."""
    packages: tuple[Installed, ...] = ()
    broken: bool = False
    """Whether it is no archive at all."""
    private: bool = False
    """Whether its registry wants credentials."""


@dataclass(frozen=True)
class Flaw:
    """A vulnerability in everything that is built from a source."""

    name: str
    source: str
    severity: str = "High"
    fixed_in: str = ""


@dataclass
class World:
    """All layers that can be fetched, and all flaws that are known."""

    layers: dict[Digest, Content] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, name: str, content: Content) -> Digest:
        """A layer that registries have."""
        named = digest.of(name.encode())
        self.layers[named] = content
        return named


BASE = Content(
    "debian:12",
    (Installed("libc6", "2.36-9", "glibc"), Installed("libc-bin", "2.36-9", "glibc"), Installed("tar", "1.34", "tar")),
)
CURL = Content(packages=(Installed("curl", "7.88.1-10", "curl"), Installed("libcurl4", "7.88.1-10", "curl")))
FLAWS = (
    Flaw("CVE-2026-0001", "glibc", "High", "2.36-10"),
    Flaw("CVE-2026-0002", "curl", "Low"),
    Flaw("CVE-2026-0003", "curl", "Critical", "7.88.1-11"),
    Flaw("CVE-2026-0004", "openssl", "Critical"),
)


def subject(name: str, layers: Sequence[Digest], *, foreign: Sequence[Digest] = (), token: str = "") -> Subject:
    """An image of so many layers."""
    headers = (("Authorization", f"Bearer {token}"),) if token else ()
    return Subject(
        digest=digest.of(name.encode()),
        layers=tuple(
            [
                Layer(
                    digest=layer, size=1, media_type="application/vnd.oci.image.layer.v1.tar+gzip",
                    url=f"http://registry.invalid/v2/{name}/blobs/{layer}", headers=headers, foreign=layer in foreign,
                )
                for layer in layers
            ]
        ),
    )  # fmt: skip
