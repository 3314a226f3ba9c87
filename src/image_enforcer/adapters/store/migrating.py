"""Bringing a database to the schema of this version, once, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, insert, inspect, select, table

from ...ports.store import StoreUnusable
from . import schema

FOLDER: Final = Path(__file__).with_name("migrations")
_version: Final = table("alembic_version", column("version_num"))
_OURS: Final = frozenset({schema.meta.name, schema.repositories.name, schema.entries.name})
"""Tables that every revision of ours has: others keep their revision in a table of the same name."""
_alone: Final = threading.Lock()
"""Alembic keeps what it is at in module-level proxies, so that one thread of a process can use it at a time."""


def version(conn: Connection) -> str:
    """The revision of the tables, empty where there are none."""
    if not inspect(conn).has_table(_version.name):
        return ""
    return conn.execute(select(_version.c.version_num)).scalar() or ""


def migrate(conn: Connection, new_epoch: Callable[[], str]) -> None:
    """Make the tables, or change them to what this version wants. The caller sees to it that nobody else does so.

    Raises :class:`StoreUnusable` where a later version has changed them already, since that cannot be undone here, and
    where the tables that there are are somebody else's.
    """
    found = _recognised(conn)
    if found != schema.REVISION:
        config = configuration()
        config.attributes["connection"] = conn
        with _alone:
            command.upgrade(config, "head")
    if conn.execute(select(schema.meta.c.id)).first() is None:
        conn.execute(insert(schema.meta).values(id=1, epoch=new_epoch(), revision=0, floor=0))
    newest = conn.execute(select(schema.meta.c.revision)).scalar_one()
    stamps = schema.revisions
    if conn.execute(select(stamps.c.stamp).where(stamps.c.revision == newest)).first() is None:
        conn.execute(insert(stamps).values(revision=newest, stamp=new_epoch()))


def check(conn: Connection, place: str) -> None:
    """See that the tables are what this version wants, and change nothing; raises :class:`StoreUnusable`."""
    found = _recognised(conn)
    if not found:
        raise missing(place)
    if found != schema.REVISION:
        raise StoreUnusable(
            f"the store {place} is of an earlier version (schema {found}, this one has {schema.REVISION}): bring it up "
            "to date with image-enforcer db migrate, or by starting the worker"
        )


def missing(place: str) -> StoreUnusable:
    """What is said where there is no store to be read."""
    return StoreUnusable(f"there is no store at {place}: sync or worker makes one; name another with --store")


def _recognised(conn: Connection) -> str:
    """The revision of the tables, empty where there are none; raises :class:`StoreUnusable` for others' tables."""
    found, tables = version(conn), set(inspect(conn).get_table_names())
    if not tables >= _OURS and tables - {_version.name}:
        raise StoreUnusable(
            "this is a database of something else, which has tables and none of ours: make one for the store alone"
        )
    if found and found != schema.REVISION and found not in _known():
        raise StoreUnusable(
            f"the store's tables are of revision {found!r}, which this version does not know: a later version of "
            "image-enforcer made them; use that version, or a store of its own"
        )
    return found


def _known() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}


def configuration() -> Config:
    """What Alembic has to know; no file says it."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
