"""Bearer tokens that may ask for reviews, from a file with one a line."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from ..domain.errors import EnforcerError


class BadTokens(EnforcerError):
    """A file of tokens that cannot be used."""


class Tokens:
    """The tokens in force. Only their digests are kept, so that comparing takes the same time for every wrong one."""

    def __init__(self, path: str) -> None:
        """Raises :class:`BadTokens`."""
        self._path = path
        self._digests = self._read()

    def _read(self) -> tuple[bytes, ...]:
        try:
            raw = Path(self._path).read_bytes()
        except OSError as e:
            raise BadTokens(f"{self._path}: {e.strerror}; name a readable file with one token a line") from None
        found = tuple(hashlib.sha256(line.strip()).digest() for line in raw.splitlines() if line.strip())
        if not found:
            raise BadTokens(f"{self._path}: holds no token; write one a line")
        return found

    def reload(self) -> str:
        """Read the file again; empty when it is in force, else why the old tokens stay."""
        try:
            self._digests = self._read()
        except BadTokens as e:
            return str(e)
        return ""

    def accept(self, header: bytes | None) -> bool:
        """Whether an ``Authorization`` header carries one of them."""
        if header is None or header[:7].lower() != b"bearer ":
            return False
        given = hashlib.sha256(header[7:].strip()).digest()
        matches = [hmac.compare_digest(given, known) for known in self._digests]
        return any(matches)
