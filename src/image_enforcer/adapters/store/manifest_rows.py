"""The rows of manifests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from ...analysis import manifest
from ...domain.digest import Digest
from ...domain.manifest import Manifest


def read(row: Row[Any, Any, Any]) -> Manifest | None:
    """The manifest in a row; None where it cannot be read any more: a version that was less strict stored it."""
    try:
        return manifest.stored(row.content, row.media_type, Digest(row.digest))
    except (manifest.BadManifest, manifest.UnsupportedManifest):
        return None
