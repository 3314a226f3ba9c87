"""The policy files that paths name, in the order in which ``opa fmt`` goes through them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

ENDING: Final = ".rego"


class Unwalkable(Exception):
    """A path that cannot be gone through; the message is OPA's."""


def policies(path: str) -> Iterator[str]:
    """A policy file, or all below a directory; links to directories are not followed. Raises :class:`Unwalkable`."""
    path = without_scheme(path)
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError) as e:
        raise Unwalkable(_told("lstat", path, e)) from None
    todo = [(path, is_folder)]
    while todo:
        name, is_folder = todo.pop()
        if is_folder:
            todo.extend(reversed(_entries(name)))
        elif name.endswith(ENDING):
            yield name


def _entries(folder: str) -> list[tuple[str, bool]]:
    """What is in a directory, in order of the names, and whether it is one itself."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda e: os.fsencode(e.name))
            return [(os.path.normpath(f"{folder}/{e.name}"), e.is_dir(follow_symlinks=False)) for e in entries]
    except OSError as e:
        raise Unwalkable(_told("open", folder, e)) from None


def without_scheme(path: str) -> str:
    """A path that may have been given as a URL. Raises :class:`Unwalkable`."""
    if "://" not in path:
        return path
    parts = urlsplit(path)
    if parts.scheme != "file":
        raise Unwalkable(f"unsupported URL scheme: {path}")
    return parts.path


def _told(action: str, path: str, error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"{action} {path}: {(error.strerror or str(error)).lower()}"
    return f"{action} {path!r}: invalid argument"
