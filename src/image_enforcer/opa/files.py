"""Reading files that anybody may have put there: what an argument names, and the text of one file.

Nothing here waits or grows without bound: pipes and devices are refused, links that lead back are found, sizes and
counts are limited. What cannot be read becomes a :class:`Fault` with the path and the next step.
"""

from __future__ import annotations

import codecs
import errno
import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ..rego.records import record

MAX_FILE: Final = 512 << 20
"""Bytes of a single file beyond which it is refused."""

MAX_TOTAL: Final = 2 << 30
"""Bytes of all files of one load together."""

MAX_ENTRIES: Final = 500_000
"""Names that the directories of one argument may hold; links can make few directories look like many."""

MAX_DEPTH: Final = 200
"""How many directories may stand inside each other."""

READ: Final = (".rego", ".json", ".yaml", ".yml")
"""Endings of the files that are read in directories; others are passed over."""


class Unreadable(Exception):
    """A file or directory that cannot be read: ``text`` says why, ``hint`` what to do about it."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint


@record(frozen=True, slots=True)
class Found:
    """A file of a directory and the names of the subdirectories that lead to it."""

    path: str
    steps: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class Folder:
    """A directory, one way to get there."""

    path: str


def tree(root: str, ignore: Sequence[str] = (), most: int = MAX_ENTRIES) -> Iterator[Found | Unreadable]:
    """The files to read below a directory, in order of their names, and what stood in the way.

    Links to directories are followed, as OPA does, save those whose names begin with two dots: a mounted ConfigMap
    keeps its files in such directories and links to each of them from outside. At most ``most`` names are looked at.
    """
    left = [most]
    for entry in _below(root, (), (), ignore, left):
        if not isinstance(entry, Folder):
            yield entry
    if left[0] < 0:
        yield Unreadable(f"{root}: more than {most} names below it", "name the directories that hold policies and data")


def folders(root: str, ignore: Sequence[str] = ()) -> Iterator[str]:
    """The directory and those below it, as :func:`tree` goes through them."""
    for entry in _below(root, (), (), ignore, [MAX_ENTRIES]):
        if isinstance(entry, Folder):
            yield entry.path


def _below(
    folder: str, steps: tuple[str, ...], above: tuple[tuple[int, int], ...], ignore: Sequence[str], left: list[int]
) -> Iterator[Found | Folder | Unreadable]:
    try:
        about = Path(folder).stat()
        with os.scandir(folder) as entries:
            names = sorted(entries, key=lambda e: e.name)
    except OSError as e:
        yield unreadable(folder, e)
        return
    here = (about.st_dev, about.st_ino)
    if here in above:
        yield Unreadable(
            f"stat {folder}: too many levels of symbolic links",
            f"the link leads back to a directory that holds it; remove it or add --ignore {Path(folder).name}",
        )
        return
    if len(steps) >= MAX_DEPTH:
        yield Unreadable(f"{folder}: more than {MAX_DEPTH} directories inside each other", "move the files further up")
        return
    yield Folder(folder)
    for entry in names:
        left[0] -= 1
        if left[0] < 0:
            return
        if ignored(entry.name, ignore):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError as e:
            yield unreadable(plain(entry.path), e)
            continue
        if not is_folder:
            if entry.name.endswith(READ):
                yield Found(plain(entry.path), steps)
        elif not entry.name.startswith(".."):
            yield from _below(plain(entry.path), (*steps, entry.name), (*above, here), ignore, left)


def plain(path: str) -> str:
    """A path as it is told: without a leading ``./``."""
    return path[2:].lstrip("/") or path if path.startswith("./") else path


def ignored(name: str, ignore: Sequence[str]) -> bool:
    """Whether a name is one of those to leave out."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in ignore)


def read(path: str, room: int = MAX_TOTAL) -> str:
    """The text of a regular file, without a byte order mark; ``room`` is how many bytes it may still have.

    Raises :class:`Unreadable`.
    """
    return _decoded(path, _bytes(path, room))


def read_bytes(path: str, room: int = MAX_TOTAL) -> bytes:
    """A regular file as it is. Raises :class:`Unreadable`."""
    return _bytes(path, room)


def read_encoded(path: str, room: int = MAX_TOTAL) -> bytes:
    """The text of a regular file as it is encoded: large ones take up their size once. Raises as :func:`read`."""
    raw = _bytes(path, room)
    if not raw.isascii():
        _decoded(path, raw)
        raw = raw.removeprefix(codecs.BOM_UTF8)
    return raw


def _decoded(path: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line, column = place(raw, e.start)
        raise Unreadable(f"{path}: not UTF-8 text (line {line}, column {column})", "save the file in UTF-8") from None


def _bytes(path: str, room: int) -> bytes:
    try:
        # Without O_NONBLOCK opening a pipe waits for a writer; on regular files it changes nothing.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as e:
        raise unreadable(path, e) from None
    try:
        about = os.fstat(handle)
        if stat.S_ISDIR(about.st_mode):
            raise Unreadable(f"{path}: is a directory")
        if not stat.S_ISREG(about.st_mode):
            hint = "save what it gives in a file first"
            raise Unreadable(f"{path}: not a regular file but {_kind(about.st_mode)}", hint)
        most = min(room, MAX_FILE)
        raw = b"" if about.st_size > most else _all(handle, most)
    except OSError as e:
        raise unreadable(path, e) from None
    finally:
        os.close(handle)
    if max(about.st_size, len(raw)) <= most:
        return raw
    if most == MAX_FILE:
        raise Unreadable(f"{path}: larger than {MAX_FILE >> 20} MiB", "split it into several files")
    raise Unreadable(f"{path}: with this file there would be more than {MAX_TOTAL >> 20} MiB", "load less")


def _all(handle: int, most: int) -> bytes:
    """What can be read, up to one byte more than ``most``: the file may have grown since it was looked at."""
    with os.fdopen(handle, "rb", closefd=False) as file:
        return file.read(most + 1)


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def unreadable(path: str, error: OSError | ValueError) -> Unreadable:
    """An error of the operating system in OPA's words, with a next step."""
    if not isinstance(error, OSError):
        return Unreadable(f"stat {path!r}: invalid argument", "check the path: no file can have this name")
    text = f"stat {path}: {(error.strerror or str(error)).lower()}"
    match error.errno:
        case errno.ENOENT if Path(path).is_symlink():
            return Unreadable(text, f"it is a link to {Path(path).readlink()}, which does not exist; mend or remove it")
        case errno.ENOENT if ":" in path:
            return Unreadable(
                text, "what stands before a colon is where documents go; write ./ before a path that has one"
            )
        case errno.ENOENT:
            return Unreadable(text, "check the path")
        case errno.EACCES:
            return Unreadable(text, f"allow reading it: chmod a+rX {path}")
        case errno.ELOOP:
            return Unreadable(text, "the link leads to itself; mend or remove it")
        case errno.ENXIO | errno.ENODEV:
            return Unreadable(f"{path}: not a regular file", "save what it gives in a file first")
    return Unreadable(text)


def place(text: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte offset; columns count bytes."""
    before = text[:offset]
    return before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1
