"""What ails the scanner as a whole, noted in the store for whoever asks how things stand."""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from ..domain.watched import Trouble
from ..ports.store import Publishing

AGAIN: Final = 20
"""Words after which it is looked what stands there now."""
MOST: Final = 500
"""Characters of a text that are kept."""
_TROUBLE: Final = msgspec.json.Decoder(Trouble)
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""


class Ailing:
    """One worker's word about one scanner. It is noted when it changes, since it is asked for at every step."""

    def __init__(self, store: Publishing, scanner: str) -> None:
        self._store = store
        self._scanner = scanner
        self._code: str | None = None
        """What was noted last; None before this worker has looked."""
        self._asked = 0

    async def note(self, trouble: Trouble | None) -> None:
        """The scanner cannot be asked, or answers (None); raises a :class:`StoreError`."""
        # Others that work on the store note too, and may have gone since.
        self._asked += 1
        if self._code is None or self._asked % AGAIN == 0:
            before = await asyncio.to_thread(noted, self._store, self._scanner)
            self._code = before.code if before is not None else ""
        code = trouble.code if trouble is not None else ""
        if code != self._code:
            position = "" if trouble is None else _written(trouble)
            await asyncio.to_thread(self._store.note, _reader(self._scanner), position)
            self._code = code


def noted(store: Publishing, scanner: str) -> Trouble | None:
    """Why a scanner could not be asked when a worker last tried, and since when; None where it could. Raises a
    :class:`StoreError`."""
    position = store.position(_reader(scanner))
    if not position:
        return None
    return _TROUBLE.decode(position)


def _written(trouble: Trouble) -> str:
    kept = Trouble(code=trouble.code, text=trouble.text[:MOST], at=trouble.at)
    return msgspec.json.encode(kept).decode()


def _reader(scanner: str) -> str:
    return f"scanner {scanner}"
