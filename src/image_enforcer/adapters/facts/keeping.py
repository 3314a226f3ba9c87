"""Who keeps a replica: one process at a time, of however many that were told to. The others read what that one keeps.

The lock is a file beside the replica (``flock``), so it ends with the process that has it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from ...analysis import text
from ...ports.facts import FactsError

_MARK: Final = b"image-enforcer pull "
"""How the text in a lock file begins: a file of somebody else with that name is never written to."""
MAX_MARK: Final = 4096


class KeptElsewhere(FactsError):
    """Another process keeps the same file like another worker's facts."""


class Keeper:
    """The right to keep the replica at ``place`` like the worker's at ``url``."""

    def __init__(self, place: Path, url: str) -> None:
        self._path = place.with_name(f"{place.name}.lock")
        self._place = place
        self._mark = _MARK + url.encode()[: MAX_MARK - len(_MARK)]
        self._file: int | None = None

    def take(self) -> bool:
        """Whether this process keeps the file from now on; False while another one does.

        Raises :class:`KeptElsewhere` where that one has another worker's address, and a :class:`FactsError` where
        there can be no lock.
        """
        if self._file is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as e:
            raise FactsError(f"{self._path}: {e.strerror or e}; see that it may be written") from None
        with ExitStack() as undo:
            undo.callback(os.close, file)
            if not self._locked(file):
                return False
            undo.pop_all()
        self._file = file
        return True

    def release(self) -> None:
        """Leave the file to others."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.ftruncate(file, 0)
            os.close(file)

    def _locked(self, file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._compare(self._read(file))
            return False
        except OSError as e:
            why = f"{self._path}: no lock: {e.strerror or e}; name a file on a file system of this machine"
            raise FactsError(why) from None
        found = self._read(file)
        if found and not found.startswith(_MARK):
            raise FactsError(f"{self._path}: this is no lock of ours; name another file than {self._place}")
        with suppress(OSError):  # without room for a mark, others do not know whose facts these are, and that is all
            os.ftruncate(file, 0)
            os.pwrite(file, self._mark, 0)
        return True

    def _read(self, file: int) -> bytes:
        try:
            return os.pread(file, MAX_MARK, 0)
        except OSError as e:
            raise FactsError(f"{self._path}: {e.strerror or e}; name another file than {self._place}") from None

    def _compare(self, found: bytes) -> None:
        if not found.startswith(_MARK) or found == self._mark:
            return  # one that has just taken it has not written yet
        whose = text.name(found[len(_MARK) :].decode("utf-8", "replace"), 200)
        why = f"{self._place}: another process keeps it like the facts of {whose}; name a file for each worker"
        raise KeptElsewhere(why)
