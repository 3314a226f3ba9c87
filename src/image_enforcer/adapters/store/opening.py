"""A store from its address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from ...analysis import text
from ...ports.store import Store, StoreUnusable
from .database import Database
from .keeping import SqlKeeping
from .postgresql import Postgresql, check_options
from .publishing import SqlPublishing
from .scanning import SqlScanning
from .sending import SqlSending
from .sqlite import Sqlite
from .watching import SqlWatching


class SqlStore(SqlWatching, SqlScanning, SqlPublishing, SqlSending, SqlKeeping):
    """The store in a database; see :class:`~image_enforcer.ports.store.Store`."""

    def __init__(self, database: Database, new_token: Callable[[], str], granularity: timedelta) -> None:
        SqlWatching.__init__(self, database, new_token)
        SqlScanning.__init__(self, database, new_token, granularity)
        SqlPublishing.__init__(self, database)
        SqlSending.__init__(self, database, new_token)
        SqlKeeping.__init__(self, database)


def open_store(
    url: str,
    *,
    create: bool = True,
    granularity: timedelta = timedelta(hours=1),
    new_token: Callable[[], str] = lambda: secrets.token_hex(16),
) -> Store:
    """Open a store, and make or change its tables where that is needed: with ``create`` alone. Without, it is there to
    be read, and has to be of this version.

    ``url`` is ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or ``postgresql://user:password@host/database``.
    A scan that says the same again is published again only when what is published is older than ``granularity``.
    ``new_token`` makes the names of claims and of the store itself. Raises a
    :class:`~image_enforcer.ports.store.StoreError`, whose text never holds the password.
    """
    return SqlStore(_database(url, new_token, create), new_token, granularity)


def check_address(url: str) -> None:
    """Raises a :class:`~image_enforcer.ports.store.StoreError` for what can be the address of no store; asks nobody."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        check_options(parsed)


def _database(url: str, new_token: Callable[[], str], create: bool) -> Database:
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        return Sqlite(Path(parsed.database or ""), new_token, create=create)
    return Postgresql(parsed, new_token, create=create)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    match parsed and parsed.get_backend_name():
        case "sqlite" if parsed is not None and parsed.database and parsed.database != ":memory:":
            return parsed
        case "postgresql" | "postgres" if parsed is not None:
            return parsed
    shown = text.name(url.rpartition("@")[2].partition("?")[0], 100)  # without what may be a password
    raise StoreUnusable(
        f"{shown!r} is no address of a store: write sqlite:///path/to/file or postgresql://user@host/database "
        "(--store, or store in the settings)"
    )
