"""What the product can be told, parsed once into frozen values; each field says what it means."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final

ENTRY_POINT: Final = ("io", "k8s", "image_policy", "verify")
"""The document that answers a review, as the path below ``data``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySource:
    """Where policies and data come from, and how long one answer may take."""

    policies: tuple[str, ...]
    """Files and directories with policies, or the one address of an OPA server."""
    data: tuple[str, ...] = ()
    """Files and directories with base documents."""
    seconds: float = 2.0
    """How long one evaluation may take."""

    @property
    def remote(self) -> str:
        """The address of the OPA server that decides; empty where policies are files."""
        return self.policies[0] if self.policies and "://" in self.policies[0] else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen. ``port`` 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def everywhere(self) -> bool:
        """Whether it stands for all addresses of this machine, and so is none that others could ask."""
        try:
            return not self.host or ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The server's certificate, and the authorities whose clients may ask."""

    cert_file: str
    key_file: str
    client_ca_file: str = ""
    """Without one, clients need no certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What requests may cost, whoever sends them."""

    body: int = 1 << 20
    """Bytes of one review. The API server's own requests are at most 3 MiB, a review is a small part of one."""
    quick: int = 16 << 10
    """Bytes of a review that is collected where it is read. Larger ones are counted among ``buffered``."""
    buffered: int = 8 << 20
    """Bytes of all reviews that are being received."""
    connections: int = 1024
    """Connections open at a time; more are closed at once."""
    threads: int = 1
    """Evaluations side by side that take longer than ``inline``. More than one are no faster, since one interpreter
    runs them, and each may take its memory."""
    inline: float = 0.005
    """Seconds that an evaluation may hold up the others before it continues beside them."""
    receive: float = 10.0
    """Seconds for a request to arrive whole, header and body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """All of ``serve``."""

    source: PolicySource
    addr: Address
    admin_addr: Address
    tls: Tls | None = None
    token_file: str = ""
    """A file with bearer tokens, one a line; reviews without one of them are refused."""
    exempt: frozenset[str] = frozenset()
    """Namespaces in which what cannot be judged is allowed, with a mark. A policy's denial holds there too."""
    audit: frozenset[str] = frozenset()
    """Like ``exempt``, but meant to end: the mark says ``audit``."""
    watch: bool = False
    log_level: str = "info"
    decision_log: bool = True
    lame_duck: float = 0.5
    """Seconds between the wish to stop and refusing connections, in which requests under way still arrive."""
    grace: float = 10.0
    """Seconds that accepted requests have after that."""
    bounds: Bounds = field(default_factory=Bounds)
    ask: float = 0.0
    """Seconds that a review may wait for the worker to find out about its images; 0: it is not asked."""
    pull: tuple[str, ...] = ()
    """The command that keeps the file with facts like a worker's; empty where there is none, or others see to it."""
    facts: str = ""
    """What facts are decided by, for the log: a worker's address, or a file."""

    @property
    def authenticated(self) -> bool:
        """Whether it is known who sends reviews, or that it is somebody on this machine."""
        return bool(self.token_file or (self.tls is not None and self.tls.client_ca_file)) or self.addr.loopback
