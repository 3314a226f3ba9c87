"""Compiled code kept on disk from one process to the next, by a digest of all that it was made from.

It is imported by commands that have no time: so no ``pathlib``, and what is needed of ``os`` by its own functions.

Code that is read is run, so it is read only where nobody else can have written it: the file, its folder and the
folder of the cache belong to this user and nobody else may write to them, no link is followed, and the file tells
what it is and whether it is whole. Whatever is wrong with the cache, there is no error: policies are compiled then.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import MAGIC_NUMBER

from .. import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
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
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            return import_module(name).sha256()
        except ImportError:
            continue
    raise ImportError("sha256")


def engine() -> bytes:
    """What tells this engine from any other: the version of Python's code, and the files of the language here."""
    parts = [MAGIC_NUMBER, sys.version.encode(), __version__.encode()]
    todo = [f"{__file__.rpartition('/opa/')[0]}/rego"]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if not entry.is_dir():
                    about = entry.stat()
                    parts.append(f"{entry.path}\0{about.st_mtime_ns}\0{about.st_size}".encode())
                elif entry.name != "__pycache__":
                    todo.append(entry.path)
    return digest(parts)


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
        raw = b""
        with suppress(OSError), self._folder() as folder:
            if folder is None:
                return None
            handle = os.open(name.hex(), os.O_RDONLY | os.O_NONBLOCK | _SAFE, dir_fd=folder)
            try:
                about = os.fstat(handle)
                if stat.S_ISREG(about.st_mode) and _own(about) and about.st_size <= LARGEST:
                    raw = _whole(handle, about.st_size)
            finally:
                os.close(handle)
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
        with suppress(OSError):
            os.makedirs(self._root, 0o700, exist_ok=True)
        with suppress(OSError):
            os.mkdir(f"{self._root}/{_FOLDER}", 0o700)
        with suppress(OSError), self._folder() as folder:
            if folder is not None:
                _make_room(folder)
                part = f".{name.hex()}.{os.getpid()}.{os.urandom(4).hex()}"
                try:
                    _write(folder, part, raw)
                    os.rename(part, name.hex(), src_dir_fd=folder, dst_dir_fd=folder)
                except OSError:
                    os.unlink(part, dir_fd=folder)
                    raise
                return True
        return False

    @contextmanager
    def _folder(self) -> Iterator[int | None]:
        """The folder of the files, open; None where others may write to it or put another in its place."""
        if self._root is None:
            yield None
            return
        root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | _SAFE)
        try:
            folder = os.open(_FOLDER, os.O_RDONLY | os.O_DIRECTORY | _SAFE, dir_fd=root)
            try:
                yield folder if _own(os.fstat(root)) and _own(os.fstat(folder)) else None
            finally:
                os.close(folder)
        finally:
            os.close(root)


def _own(about: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user, and nobody else may write to it."""
    return about.st_uid == os.geteuid() and not about.st_mode & 0o022


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
        with suppress(OSError):  # another process may be at it, too
            os.unlink(name, dir_fd=folder)


def _ours(name: str) -> bool:
    """Whether a name is one that the cache gives: a digest, or the name of a file that is being written."""
    of = name[1:].partition(".")[0] if name.startswith(".") else name
    return len(of) == 2 * _DIGEST and not of.strip("0123456789abcdef")


__all__ = ["CodeCache", "digest", "engine", "folder", "query_name"]
