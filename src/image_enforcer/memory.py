"""Memory of a process that runs for long: what was loaded is not searched again, what was used is given back."""

from __future__ import annotations

import ctypes
import gc
from typing import Final

_ARENA_MAX: Final = -8
_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
_PIECE: Final = 256 << 10
"""Bytes from which a block is given back to the system as soon as it is free."""


def give_back() -> None:
    """Make the C library give memory back after an evaluation that needed much of it.

    glibc keeps a heap for each thread and raises its thresholds with what it sees; since one interpreter computes in
    one thread at a time, that gains nothing here and holds many MiB for good. Other C libraries have no such settings.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _PIECE), (_TRIM_THRESHOLD, _PIECE)):
            mallopt(setting, value)


def settle() -> None:
    """Take what was loaded out of garbage collection, whose passes would else stop every answer for its size.

    What was loaded before is let go of first: policies are cycles, which nothing else would free.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
