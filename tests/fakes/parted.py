"""A store whose answers hold one entry where a revision has several, and count how often that was so."""

from __future__ import annotations

from typing import Any

from image_enforcer.domain.facts import Changes
from image_enforcer.ports.store import Store


class Parted:
    """Everything else is the store's own."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.parts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def changes(self, since: int, most: int, began: int = 0, rest: str = "", stamp: str = "") -> Changes:
        """See :class:`~image_enforcer.ports.store.Publishing`."""
        found = self._store.changes(since, most, began, rest, stamp, size=1)
        self.parts += bool(found.rest)
        return found
