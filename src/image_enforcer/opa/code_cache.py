"""Compiled code kept on disk from one process to the next, by a digest of all that it was made from.

It is imported by commands that have no time: so no ``pathlib`` or ``contextlib``, and what is needed of ``os``
by its own functions.

Code that is read is run, so it is read only where nobody else can have written it: the file, its folder and the
folder of the cache belong to this user and nobody else may write to them, no link is followed, and the file tells
what it is and whether it is whole. Whatever is wrong with the cache, there is no error: policies are compiled then.
"""

from __future__ import annotations

import os
import stat
import sys
from _frozen_importlib_external import MAGIC_NUMBER  # of importlib.util, which takes long to load

from .. import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

VARIABLE = "IMAGE_ENFORCER_CACHE"
"""The environment variable that names the folder by its whole path; ``off`` keeps nothing."""

MOST_FILES = 512
MOST_BYTES = 64 << 20
LARGEST = 8 << 20
_HEAD = b"image-enforcer code 1\n"
_DIGEST = 32
_FOLDER = "code"
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC


def folder(environ: Mapping[str, str]) -> str | None:
    """The folder of the cache, None where there is to be none."""
    named = environ.get(VARIABLE, "")
    if named:
        return named if named.startswith("/") else None
    base = environ.get("XDG_CACHE_HOME", "")
    if not base.startswith("/"):
        home = environ.get("HOME", "")
        if not home.startswith("/"):
            return None
        base = f"{home}/.cache"
    return f"{base}/image-enforcer"


def digest(parts: Iterable[bytes]) -> bytes:
    """A digest of parts, each with its length."""
    made = _sha256()
    for part in parts:
        made.update(b"%d:" % len(part))
        made.update(part)
    return bytes(made.digest())


def _sha256() -> Any:
    """From the module behind hashlib, by either name: hashlib loads OpenSSL, which takes longer than all else."""
    try:
        return __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256()
    except ImportError:
        return __import__("hashlib").sha256()


def engine() -> bytes:
    """What tells this engine from any other: the version of Python's code, and the files of the language here."""
    folders = [f"{__file__.rpartition('/opa/')[0]}/rego"]
    found: list[str] = []
    for folder in folders:  # which grow while they are gone through
        found.append(folder)
        with os.scandir(folder) as entries:
            names = sorted([(entry.name, entry) for entry in entries])
        for name, entry in names:
            if name.endswith(".py") or not entry.is_dir():
                about = entry.stat()
                found.append(f"{name}\0{about.st_mtime_ns}\0{about.st_size}")
            elif name != "__pycache__":
                folders.append(entry.path)
    return digest(
        [
            MAGIC_NUMBER,
            sys.version.encode(),
            __version__.encode(),
            "\0\0".join(found).encode("utf-8", "surrogateescape"),
        ]
    )


def query_name(modules: Mapping[str, str], query: str, *, strict: bool = False) -> bytes:
    """What the code of a query is kept under: policies by name and text, in their order, and the query."""
    parts = [engine(), query.encode("utf-8", "surrogatepass"), b"strict" if strict else b""]
    for name, text in modules.items():
        parts += [name.encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass")]
    return digest(parts)


class CodeCache:
    """One folder of it. ``None`` as the root keeps nothing."""

    def __init__(self, root: str | None) -> None:
        self._root = root

    @property
    def used(self) -> bool:
        """Whether anything may be kept."""
        return self._root is not None

    def read(self, name: bytes) -> bytes | None:
        """What was kept under a digest; None where nothing was, or where others may have written it."""
        try:
            folder = self._folder()
            if folder is None:
                return None
            try:
                raw = _read(folder, name.hex())
            finally:
                os.close(folder)
        except OSError:
            return None
        start = len(_HEAD) + len(name)
        kept = raw[start + _DIGEST :]
        if raw[:start] != _HEAD + name or raw[start : start + _DIGEST] != digest([name, kept]):
            return None
        return kept

    def write(self, name: bytes, kept: bytes) -> bool:
        """Keep something under a digest: all of it or nothing. Whether it was kept."""
        raw = _HEAD + name + digest([name, kept]) + kept
        if self._root is None or len(raw) > LARGEST:
            return False
        for make, place in ((os.makedirs, self._root), (os.mkdir, f"{self._root}/{_FOLDER}")):
            try:
                make(place, 0o700)
            except OSError:  # whether there is one now is found out by opening it
                continue
        try:
            folder = self._folder()
            if folder is None:
                return False
            try:
                _make_room(folder)
                _put(folder, name.hex(), raw)
            finally:
                os.close(folder)
        except OSError:
            return False
        return True

    def _folder(self) -> int | None:
        """The folder of the files, open; None where others may write to it or put another in its place."""
        if self._root is None:
            return None
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
        try:
            folder = os.open(_FOLDER, os.O_RDONLY | os.O_DIRECTORY | _SAFE, dir_fd=root)
            if _own(os.fstat(root)) and _own(os.fstat(folder)):
                return folder
            os.close(folder)
        finally:
            os.close(root)
        return None


def _own(about: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, and nobody else may write to it."""
    return about.st_uid == os.geteuid() and not about.st_mode & 0o022


def _read(folder: int, name: str) -> bytes:
    """What a file holds; nothing where others may have written it, or where it is too large."""
    handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _SAFE, dir_fd=folder)
    try:
        about = os.fstat(handle)
        if stat.S_ISREG(about.st_mode) and _own(about) and about.st_size <= LARGEST:
            return _whole(handle, about.st_size)
    finally:
        os.close(handle)
    return b""


def _put(folder: int, name: str, raw: bytes) -> None:
    """Write a file beside, then give it its name."""
    part = f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        _write(folder, part, raw)
        os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(part, dir_fd=folder)
        raise


def _whole(handle: int, size: int) -> bytes:
    pieces: list[bytes] = []
    while size > 0 and (piece := os.read(handle, size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _write(folder: int, part: str, raw: bytes) -> None:
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE, 0o600, dir_fd=folder)
    try:
        left = memoryview(raw)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


def _make_room(folder: int) -> None:
    """Remove the older half where there is too much, and what was left half written.

    Files of other names are somebody's own: the folder may be one that was there before.
    """
    found: list[tuple[float, int, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if _ours(entry.name):
                about = entry.stat(follow_symlinks=False)
                found.append((about.st_mtime, about.st_size, entry.name))
    if len(found) < MOST_FILES and sum(size for _, size, _ in found) < MOST_BYTES:
        return
    found.sort()
    for _, _, name in found[: len(found) // 2 + 1]:
        try:
            os.unlink(name, dir_fd=folder)
        except OSError:  # another process may be at it, too
            continue


def _ours(name: str) -> bool:
    """Whether a name is one that the cache gives: a digest, or the name of a file that is being written."""
    of = name[1:].partition(".")[0] if name.startswith(".") else name
    return len(of) == 2 * _DIGEST and not of.strip("0123456789abcdef")


__all__ = ["CodeCache", "digest", "engine", "folder", "query_name"]
