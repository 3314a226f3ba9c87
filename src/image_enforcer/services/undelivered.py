"""Which sinks could not be brought up to the store, noted there for whoever asks how things stand."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import msgspec

from ..domain.watched import Trouble
from ..ports.store import Publishing

AGAIN: Final = 20
"""Words after which it is looked what stands there now: another worker may have noted something."""
MOST: Final = 500
"""Characters of a text that are kept."""
READER: Final = "sinks in trouble"
_TROUBLES: Final = msgspec.json.Decoder(dict[str, Trouble])
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""


class Undelivered:
    """One worker's word about its sinks. It is noted when it changes, since they are delivered to all the time."""

    def __init__(self, store: Publishing, sinks: Collection[str]) -> None:
        """``sinks`` are the names of all that this worker has."""
        self._store = store
        self._sinks = frozenset(sinks)
        self._noted: Mapping[str, Trouble] = {}
        self._asked = 0
        self._turn = asyncio.Lock()

    async def note(self, found: Mapping[str, Trouble | None]) -> None:
        """What ails sinks that did not get everything, and which ones nothing ails.

        Of other sinks stays what was noted; nothing ails what is no sink any more.

        Raises a :class:`StoreError`.
        """
        async with self._turn:  # sinks are delivered to side by side
            if self._asked and not self._sinks:
                return  # whoever has none says so once, and leaves the word to others
            if self._asked % AGAIN == 0:
                self._noted = await asyncio.to_thread(noted, self._store)
            self._asked += 1
            told = {name: trouble for name, trouble in self._noted.items() if name in self._sinks}
            for name, trouble in found.items():
                if trouble is None:
                    told.pop(name, None)
                else:
                    told[name] = self._since(name, trouble)
            if told != self._noted:
                await asyncio.to_thread(self._store.note, READER, msgspec.json.encode(told).decode())
                self._noted = told

    def _since(self, name: str, trouble: Trouble) -> Trouble:
        before = self._noted.get(name)
        at = trouble.at if before is None or before.code != trouble.code else before.at
        return replace(trouble, text=trouble.text[:MOST], at=at)


def noted(store: Publishing) -> Mapping[str, Trouble]:
    """What ails each sink that did not get everything when a worker last tried, and since when; raises a
    :class:`StoreError`."""
    position = store.position(READER)
    return _TROUBLES.decode(position) if position else {}
