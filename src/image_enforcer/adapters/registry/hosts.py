"""What is said of each registry: where its interface is, whom to trust there, and how much to ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ...analysis import addresses
from ...analysis.reference import DEFAULT_REGISTRY
from ...ports.registry import Forbidden

HUB_API: Final = "registry-1.docker.io"
"""Where Docker Hub's interface is; its name is none of its hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one registry may cost, and how long it may take."""

    connect: float = 10.0
    """Seconds until there is a connection."""
    document: float = 30.0
    """Seconds for a manifest, a page of tags, a token."""
    idle: float = 30.0
    """Seconds between two pieces of a layer."""
    slowest: int = 32 << 10
    """Bytes a second, on average after the first ``idle`` seconds, below which a layer is given up."""
    page: int = 8 << 20
    """Bytes of a page of tags."""
    pages: int = 10_000
    tags: int = 1_000_000
    """Tags of one repository."""
    redirects: int = 5
    tries: int = 3
    """How often what may be tried again is tried."""
    patience: float = 20.0
    """Seconds that one request waits before it is tried again; what a registry asks for beyond is the caller's."""
    rate: float = 100.0
    """Requests a second at most; it finds out itself how many a registry takes."""
    at_once: int = 16
    """Requests at a time."""
    reserve: float = 0.25
    """The share of both that is kept for what somebody waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """A place that has copies of a registry's content. It gets its own credentials, never the registry's."""

    url: str
    proxy: bool = False
    """Whether it is told which registry is meant, by ``ns=``, since it stands before several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One registry. Whoever names it in the settings vouches for its address, which may then be a private one."""

    name: str
    """As images are written: ``docker.io``, ``registry.corp:5000``."""
    url: str = ""
    """Scheme, host and port of its interface, where they do not follow from the name."""
    mirrors: tuple[Mirror, ...] = ()
    """Asked before it, in this order."""
    ca_file: str = ""
    """Authorities to trust beside the system's (PEM)."""
    skip_verify: bool = False
    """Take any certificate. Anybody on the way can then lie about what tags point to."""
    private_redirects: frozenset[str] = frozenset()
    """Hosts with private addresses that it may redirect to, or get tokens from."""
    limits: Limits = field(default_factory=Limits)
    settled: bool = True
    """Whether it was named in the settings; what images name is chosen by others."""

    @property
    def base(self) -> str:
        """Where ``/v2/`` is. Plain HTTP only where it was asked for, or on this machine."""
        if self.url:
            return self.url.rstrip("/")
        if self.name == DEFAULT_REGISTRY:
            return f"https://{HUB_API}"
        return f"{'http' if _local(self.name) else 'https'}://{self.name}"

    @property
    def vouched(self) -> frozenset[str]:
        """Hosts that the settings speak of, with this registry."""
        return self.private_redirects | {host_of(self.base)}

    @property
    def private(self) -> frozenset[str]:
        """Hosts to which this registry may lead though their addresses are private."""
        return self.vouched if self.settled else frozenset()


def _local(name: str) -> bool:
    host = host_of(f"//{name}")
    address = addresses.literal(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def host_of(url: str) -> str:
    """The host of an address, in lower case; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def place_of(url: str) -> str:
    """Scheme, host and port of an address: what credentials belong to."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The registries that were named, and whether others may be spoken to."""

    named: Mapping[str, Host] = field(default_factory=dict)
    others: bool = True
    """Whether registries that nobody named may be asked, at public addresses."""

    def of(self, name: str) -> Host:
        """What is said of a registry; raises :class:`Forbidden`. Names of hosts have no case."""
        found = self.named.get(name) or self.named.get(name.lower())
        if found is not None:
            return found
        if not self.others:
            raise Forbidden(f"{name} is not among the registries that may be asked; name it in the settings")
        return Host(name=name.lower(), settled=False)
