"""Replacing a file's text as a whole: whoever reads it, and whatever is killed, finds the old text or the new one."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


def replace_text(path: str, text: str) -> None:
    """Give a file another text. It keeps its mode and, where that is allowed, its owner; of a link, the target changes.

    Raises :class:`OSError`.
    """
    target = Path(path).resolve(strict=True)
    about = target.stat()
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", path)
    handle, beside = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
            file.flush()
            with contextlib.suppress(PermissionError):
                os.fchown(handle, about.st_uid, about.st_gid)
            os.fchmod(handle, stat.S_IMODE(about.st_mode))
            os.fsync(handle)
        Path(beside).replace(target)
    finally:
        Path(beside).unlink(missing_ok=True)  # there only where something went wrong
    _sync(target.parent)


def _sync(folder: Path) -> None:
    """Make the new name last; some file systems cannot be asked to."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
