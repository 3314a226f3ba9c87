"""A store from its address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from ...ports.store import Store, StoreUnusable
from .database import Database
from .keeping import SqlKeeping
from .postgresql import Postgresql
from .publishing import SqlPublishing
from .scanning import SqlScanning
from .sqlite import Sqlite
from .watching import SqlWatching


class SqlStore(SqlWatching, SqlScanning, SqlPublishing, SqlKeeping):
    """The store in a database; see :class:`~image_enforcer.ports.store.Store`."""

    def __init__(self, database: Database, new_token: Callable[[], str], granularity: timedelta) -> None:
        SqlWatching.__init__(self, database, new_token)
        SqlScanning.__init__(self, database, new_token, granularity)
        SqlPublishing.__init__(self, database)
        SqlKeeping.__init__(self, database)


def open_store(
    url: str,
    *,
    granularity: timedelta = timedelta(hours=1),
    new_token: Callable[[], str] = lambda: secrets.token_hex(16),
) -> Store:
    """Open a store, and make or change its tables where that is needed.

    ``url`` is ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or ``postgresql://user:password@host/database``.
    A scan that says the same again is published again only when what is published is older than ``granularity``.
    ``new_token`` makes the names of claims and of the store itself. Raises a
    :class:`~image_enforcer.ports.store.StoreError`, whose text never holds the password.
    """
    return SqlStore(_database(url, new_token), new_token, granularity)


def _database(url: str, new_token: Callable[[], str]) -> Database:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    match parsed and parsed.get_backend_name():
        case "sqlite" if parsed is not None and parsed.database and parsed.database != ":memory:":
            return Sqlite(Path(parsed.database), new_token)
        case "postgresql" | "postgres" if parsed is not None:
            return Postgresql(parsed, new_token)
    raise StoreUnusable("the store's address is none: write sqlite:///path/to/file or postgresql://user@host/database")
