"""Handing content on: links to it here, for a scanner that cannot fetch it from the registry itself.

A link is a capability: whoever has it may read one blob of one repository until it expires, and nothing else. It holds
all that is needed to find the blob, under an HMAC (RFC 2104, SHA-256) with a key that only we have, so that nobody can
have us fetch what was not handed out, and several processes with the same key take each other's links.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol

from ..analysis import digest as digests
from ..domain.manifest import Descriptor
from ..domain.reference import Repository
from ..ports.registry import Location

PREFIX: Final = "/v1/blobs/"
LASTS: Final = 3600.0
"""Seconds for which a link is good: longer than a scan may take, with some that waits for its turn."""
MEDIA_TYPE: Final = "application/octet-stream"
"""What content is said to be. Clair v4 looks for itself how such is compressed, and refuses words it does not know."""
_PATH: Final = re.compile(
    re.escape(PREFIX) + r"([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{43})/([a-z0-9]{1,32}:[0-9a-f]{1,256})", re.ASCII
)


class Expired(ValueError):
    """A link that was good."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Content that a link leads to."""

    repository: Repository
    content: Descriptor


class Links:
    """Makes links and reads them. ``url`` is where this process is reached; ``clock`` gives seconds since the epoch."""

    def __init__(self, url: str, key: bytes, clock: Callable[[], float]) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._clock = clock

    def make(self, repository: Repository, content: Descriptor) -> str:
        """The address of a blob. The digest ends it, as Clair v1 wants."""
        until = int(self._clock() + LASTS)
        said = json.dumps([until, content.size, repository.registry, repository.path]).encode()
        return f"{self._url}{PREFIX}{_text(said)}.{_text(self._seal(said, content.digest))}/{content.digest}"

    def read(self, path: str) -> Blob | None:
        """What a path leads to; None where it was not made here. Raises :class:`Expired`."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        try:
            said, seal = _bytes(found[1]), _bytes(found[2])
        except binascii.Error:
            return None
        if not hmac.compare_digest(seal, self._seal(said, found[3])):
            return None
        until, size, registry, name = json.loads(said)
        if self._clock() >= until:
            raise Expired
        content = Descriptor(media_type=MEDIA_TYPE, digest=digests.parse(found[3]), size=size)
        return Blob(Repository(registry=registry, path=name), content)

    def _seal(self, said: bytes, digest: str) -> bytes:
        return hmac.digest(self._key, b"image-enforcer blob\n" + digest.encode() + b"\n" + said, "sha256")


class Locating(Protocol):
    """Who knows where content can be fetched."""

    async def location(self, repository: Repository, content: Descriptor) -> Location:
        """Where a scanner can fetch content itself; raises a :class:`RegistryError`."""


class Handing:
    """Content of ``registries`` is fetched here, that of others from the registry itself."""

    def __init__(self, registry: Locating, links: Links, registries: Collection[str]) -> None:
        self._registry = registry
        self._links = links
        self._registries = frozenset(registries)

    async def location(self, repository: Repository, content: Descriptor) -> Location:
        """A link, for which nobody is asked; or what the registry's client says."""
        if repository.registry in self._registries:
            return Location(url=self._links.make(repository, content))
        return await self._registry.location(repository, content)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
