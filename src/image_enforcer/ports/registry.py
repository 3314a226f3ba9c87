"""A registry of images: asked what a tag points to, what tags there are, and for content, which it gives verified."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from ..domain.digest import Digest
from ..domain.errors import EnforcerError
from ..domain.manifest import Descriptor, Manifest
from ..domain.reference import Repository


class RegistryError(EnforcerError):
    """Root of what goes wrong with registries. ``code`` is the reason's name in facts, logs and metrics."""

    code = "registry-error"


class NotFound(RegistryError):
    """The registry says that it has no such repository, tag or content."""

    code = "not-found"


class NotAuthorised(RegistryError):
    """The registry wants other credentials, or none will do."""

    code = "not-authorised"


class RateLimited(RegistryError):
    """The registry wants to be left alone for a while; ``retry_after`` are the seconds that it named, or we chose."""

    code = "rate-limited"

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Unreachable(RegistryError):
    """No connection, no answer in time, or an answer that says that the server is out of order."""

    code = "unreachable"


class Lying(RegistryError):
    """What came is not what was promised: another digest or size, a broken document, pages that never end."""

    code = "lying"


class Unsupported(RegistryError):
    """Content of a kind that cannot be judged here."""

    code = "unsupported"


class Forbidden(RegistryError):
    """We do not go there: an address or a host that the settings do not allow."""

    code = "forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where somebody else can fetch content, and with which headers, while they are valid."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


class Registry(Protocol):
    """All registries there are, by host. Every method raises a :class:`RegistryError` and nothing else.

    ``urgent`` marks what somebody waits for: it may use the share of the rate that the background leaves alone.
    """

    async def head(self, repository: Repository, reference: str, *, urgent: bool = False) -> Descriptor:
        """What a tag or a digest points to, for the cost of one HEAD."""

    async def manifest(self, repository: Repository, reference: str, *, urgent: bool = False) -> Manifest:
        """The manifest behind a tag or a digest, verified."""

    def tags(self, repository: Repository) -> AsyncIterator[tuple[str, ...]]:
        """The tags, a page at a time, as the registry orders them."""

    def blob(self, repository: Repository, content: Descriptor, start: int = 0) -> AsyncGenerator[bytes]:
        """Content in pieces, from a byte on. It is the caller's only once the last piece has come without an error;
        what is read from the start is verified by digest and size, what is not by size alone. To be closed by whoever
        stops before."""

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """What refers to a manifest: signatures, attestations, bills of material."""

    async def location(self, repository: Repository, content: Descriptor) -> Location:
        """Where a scanner can fetch content itself."""

    async def close(self) -> None:
        """Give connections up."""
