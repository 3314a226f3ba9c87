"""Digests of content: parsed, made and checked.

Source: OCI image specification, descriptor.md (digests); Kubernetes registers sha384 and sha512 beside sha256.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from ..domain.digest import Digest

PATTERN: Final = r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
_DIGEST: Final = re.compile(PATTERN, re.ASCII)
MAX_SHOWN: Final = 160


class BadDigest(ValueError):
    """Text that is no digest, or content that has another one."""


def parse(text: object) -> Digest:
    """A digest from text; raises :class:`BadDigest`, whatever it is given."""
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise BadDigest(f"{str(text)[:MAX_SHOWN]!r} is not a sha256, sha384 or sha512 digest in lower case")
    return Digest(text)


def of(content: bytes, algorithm: str = "sha256") -> Digest:
    """The digest of content."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")


class Check:
    """Takes content piece by piece and says whether it is what a digest promises."""

    def __init__(self, expected: Digest) -> None:
        self.expected = expected
        self._algorithm = expected.partition(":")[0]
        self._hash = hashlib.new(self._algorithm)

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._hash.update(piece)

    @property
    def found(self) -> Digest:
        """The digest of what has been added."""
        return Digest(f"{self._algorithm}:{self._hash.hexdigest()}")

    @property
    def holds(self) -> bool:
        """Whether what has been added is the whole of what was promised."""
        return self.found == self.expected
