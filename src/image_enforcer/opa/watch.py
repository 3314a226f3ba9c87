"""Noticing changed files: directories are watched, so that replaced files and swapped links (ConfigMaps) are seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from .loader import same_files


def watch(
    paths: Sequence[str], changed: Callable[[], None], stop: threading.Event, started: threading.Event | None = None
) -> None:
    """Call ``changed`` after files below the arguments have changed, until ``stop`` is set. Blocks."""
    import watchfiles

    folders = [f for f in same_files(paths)]
    for changes in watchfiles.watch(
        *folders,
        stop_event=stop,
        debounce=200,
        step=50,
        rust_timeout=200,
        yield_on_timeout=True,
        recursive=True,
        raise_interrupt=False,
    ):
        if started is not None:
            started.set()
        if changes:
            changed()
