"""What the statements of the store need of a database, and what each of the two does in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection, exc

from ...ports.store import StoreError, StoreUnreachable


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


_DriverError = TypeVar("_DriverError", bound=Exception)


@contextmanager
def translated(
    place: str, driver: type[_DriverError], meaning: Callable[[str, _DriverError], StoreError | None]
) -> Iterator[None]:
    """What goes wrong leaves as a :class:`StoreError`. ``driver`` is the root of a driver's errors; ``meaning`` gives
    what one of them means at a place, None where it is a mistake of ours."""
    try:
        yield
    except exc.TimeoutError as e:
        raise StoreUnreachable(f"the store {place} has too much to do: try again later") from e
    except exc.DBAPIError as e:
        if isinstance(e.orig, driver) and (said := meaning(place, e.orig)) is not None:
            raise said from e
        raise
    except driver as e:
        if (said := meaning(place, e)) is not None:
            raise said from e
        raise
