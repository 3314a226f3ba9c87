"""What content is called by: the hash of its bytes."""

from __future__ import annotations

from typing import NewType

Digest = NewType("Digest", str)
"""``algorithm:hex``, sha256, sha384 or sha512 in lower case; made by ``analysis/digest`` alone."""
