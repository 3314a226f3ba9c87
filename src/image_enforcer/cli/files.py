"""Writing files: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Put a file in place at once, over one that is there; raises :class:`OSError`, and then leaves nothing behind.

    What is there and no regular file (a pipe, a device) is written to.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    whole = path.parent / f".image-enforcer.{os.getpid()}.tmp"
    try:
        whole.write_bytes(content)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)
