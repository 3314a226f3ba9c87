"""What the statements of the store need of a database, and what each of the two does in its own way."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection


class Database(Protocol):
    """Transactions, and what is asked about the whole.

    Whatever goes wrong in a transaction undoes it and leaves as a :class:`~image_enforcer.ports.store.StoreError`,
    unless it is a mistake of ours. Safe to use from several threads.
    """

    kind: str
    """``sqlite`` or ``postgresql``."""
    place: str
    """Where it is, without secrets."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that may write; committed and durable when it ends well."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, all of it from one state."""

    def size(self, conn: Connection) -> int:
        """Bytes that the database takes."""

    def backup(self, to: Path) -> None:
        """Write a copy of it as a new SQLite file, durable when this returns."""

    def close(self) -> None:
        """Give all connections up."""
