"""Noticing changed files.

Directories are watched, never files: so replaced files, swapped links (ConfigMaps) and files that go and come back
are seen. An event is only a reason to look; what counts is whether any file that would be loaded looks different now.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

from . import files
from .errors import Fault, LoadError
from .loader import split_prefix

DEBOUNCE_MS: Final = 100
"""How long events are gathered before the files are looked at."""

WAKE_MS: Final = 250
"""How often a quiet watch looks whether it shall stop."""

READINGS: Final = 5
"""How often files are read that change meanwhile, before that is an error."""

POLL_SECONDS: Final = 1.0
"""How often the files are looked at where the system gives no events."""


def watch(
    paths: Sequence[str], changed: Callable[[], None], stop: threading.Event, started: threading.Event | None = None,
    *, ignore: Sequence[str] = (), report: Callable[[str], None] | None = None, since: Look | None = None,
) -> None:  # fmt: skip
    """Call ``changed`` after files that the arguments name have changed, until ``stop`` is set. Blocks.

    ``since`` is how the files looked before they were loaded, see :func:`now`: without it, what changed while they
    were loaded is not noticed.

    ``started`` is set once changes are seen. Where the system gives no events (the limit of inotify is reached), the
    files are looked at every second instead, and ``report`` is told so.
    """
    arguments = [split_prefix(p)[1] for p in paths]
    seen = look(arguments, ignore) if since is None else since
    begun = started or threading.Event()
    while not stop.is_set():
        try:
            seen = _until_moved(arguments, ignore, seen, changed, stop, begun)
        except OSError as e:
            if report is not None:
                reason = (e.strerror or str(e)).lower()
                report(f"the system reports no changes ({reason}); looking at the files every second instead")
            break
    begun.set()
    while not stop.wait(POLL_SECONDS):
        seen = _compare(arguments, ignore, seen, changed)


def _until_moved(
    arguments: Sequence[str], ignore: Sequence[str], seen: Look, changed: Callable[[], None], stop: threading.Event,
    started: threading.Event,
) -> Look:  # fmt: skip
    """Watch the directories that there are now, until there are others. Raises :class:`OSError` without events."""
    import watchfiles

    watched = directories(arguments, ignore)
    try:
        events = watchfiles.watch(
            *watched, watch_filter=None, debounce=DEBOUNCE_MS, step=50, stop_event=stop, rust_timeout=WAKE_MS,
            yield_on_timeout=True, recursive=False, ignore_permission_denied=True,
        )  # fmt: skip
        fresh = True  # what changed before the watch stood is seen by looking once
        for found in events:
            started.set()
            if fresh or found:
                seen = _compare(arguments, ignore, seen, changed)
                # One that went and came back may have its old inode again, but the watch was on the one that went.
                if directories(arguments, ignore) != watched or any(path in watched for _, path in found):
                    break
            fresh = False
    except FileNotFoundError:
        stop.wait(0.05)  # a directory went meanwhile
    except RuntimeError as e:
        raise OSError(str(e)) from e
    return seen


def _compare(arguments: Sequence[str], ignore: Sequence[str], seen: Look, changed: Callable[[], None]) -> Look:
    found = look(arguments, ignore)
    if found != seen:
        changed()
    return found


Look = frozenset[tuple[object, ...]]


def now(paths: Sequence[str], ignore: Sequence[str] = ()) -> Look:
    """How the files that arguments name look now; for :func:`watch`, taken before they are loaded."""
    return look([split_prefix(p)[1] for p in paths], ignore)


Read = TypeVar("Read")


def at_one_moment(paths: Sequence[str], read: Callable[[], Read], ignore: Sequence[str] = ()) -> Read:
    """What ``read`` makes of the files that arguments name, none of which changed while it read them.

    Else some files of the old and some of the new state of a directory could be loaded together (the links of a
    ConfigMap are swapped while they are read, say), and such a mixture may allow what neither state allows. Where files
    changed, all are read again; what ``read`` raises counts only where none did. Raises :class:`LoadError` where they
    change each time.
    """
    before = now(paths, ignore)
    for _ in range(READINGS):
        try:
            found = read()
        except LoadError:
            if now(paths, ignore) == before:
                raise
        else:
            if now(paths, ignore) == before:
                return found
        before = now(paths, ignore)
    hint = "swap them as a whole: write the new ones elsewhere, then rename"
    raise LoadError([Fault(f"the files changed while they were read, {READINGS} times in a row", hint)])


def look(arguments: Sequence[str], ignore: Sequence[str] = ()) -> Look:
    """How the files that would be loaded look now: what tells a changed file from one that is the same."""
    return frozenset(_looks(arguments, ignore))


def _looks(arguments: Sequence[str], ignore: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for argument in arguments:
        for entry in files.tree(argument, ignore) if Path(argument).is_dir() else [files.Found(argument)]:
            if isinstance(entry, files.Unreadable):
                yield (entry.text,)
                continue
            try:
                about = Path(entry.path).stat()
            except (OSError, ValueError) as e:
                yield (entry.path, str(e))
            else:
                yield entry.path, about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns


def directories(arguments: Sequence[str], ignore: Sequence[str] = ()) -> dict[str, int]:
    """The directories whose changes may change what the arguments name, each with its inode: another one is another."""
    found: set[str] = set()
    for argument in arguments:
        found.add(_existing(Path(argument).absolute().parent))
        if Path(argument).is_dir():
            found.update(os.path.realpath(f) for f in files.folders(argument, ignore))
            names = [e.path for e in files.tree(argument, ignore) if isinstance(e, files.Found)]
        else:
            names = [argument]
        found.update(_existing(Path(n).resolve().parent) for n in names if Path(n).is_symlink())
    inodes: dict[str, int] = {}
    for folder in sorted(found):
        with contextlib.suppress(OSError):
            inodes[folder] = Path(folder).stat().st_ino
    return inodes


def _existing(folder: Path) -> str:
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return os.path.realpath(folder)
