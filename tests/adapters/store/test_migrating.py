"""Every way to the tables ends at the same ones."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from image_enforcer.adapters.store import migrating, schema
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.adapters.store.sqlite import APPLICATION_ID
from image_enforcer.ports.store import StoreUnusable

REVISIONS = [str(script.revision) for script in ScriptDirectory.from_config(migrating.configuration()).walk_revisions()]


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives the address of another empty database each time."""
    if request.param == "sqlite":
        numbers = iter(range(100))
        return lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.db'}"
    new_database: Callable[[], str] = request.getfixturevalue("server").new_database
    return new_database


def engine(address: str) -> Engine:
    return create_engine(address.replace("postgresql://", "postgresql+psycopg://"))


def tables(address: str) -> dict[str, Any]:
    """What the database itself says that it has."""
    found: dict[str, Any] = {}
    made = engine(address)
    with made.connect() as conn:
        looking = inspect(conn)
        for name in looking.get_table_names():
            if name == "alembic_version":
                continue
            columns = {
                column["name"]: (str(column["type"]), column["nullable"], str(column["default"]))
                for column in looking.get_columns(name)
            }
            found[name] = (
                columns,
                looking.get_pk_constraint(name),
                sorted(map(repr, looking.get_foreign_keys(name))),
                sorted(map(repr, looking.get_unique_constraints(name))),
                sorted(map(repr, looking.get_indexes(name))),
            )
    made.dispose()
    return found


def create_all(address: str) -> dict[str, Any]:
    made = engine(address)
    schema.METADATA.create_all(made)
    made.dispose()
    return tables(address)


def test_the_newest_revision_is_the_one_that_the_schema_names() -> None:
    assert ScriptDirectory.from_config(migrating.configuration()).get_heads() == [schema.REVISION]


def test_the_migrations_make_what_the_schema_says(fresh: Callable[[], str]) -> None:
    address = fresh()
    open_store(address).close()
    assert tables(address) == create_all(fresh())
    made = engine(address)
    with made.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), schema.METADATA) == []
    made.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_version_becomes_the_newest(fresh: Callable[[], str], revision: str) -> None:
    address = fresh()
    made = engine(address)
    with made.begin() as conn:
        if made.dialect.name == "sqlite":
            conn.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))
        config = migrating.configuration()
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
    made.dispose()
    store = open_store(address)
    assert store.info().schema == schema.REVISION
    assert store.info().epoch
    told = store.changes(0, 1)
    assert told.stamp
    store.close()
    again = open_store(address)
    assert again.changes(0, 1) == told
    again.close()
    assert tables(address) == create_all(fresh())


def test_a_later_version_is_refused(fresh: Callable[[], str]) -> None:
    address = fresh()
    open_store(address).close()
    made = engine(address)
    with made.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    made.dispose()
    with pytest.raises(StoreUnusable, match="a later version"):
        open_store(address)


def test_threads_and_processes_that_start_at_once_migrate_once(fresh: Callable[[], str], root: Path) -> None:
    address = fresh()
    code = (
        "import sys; sys.path.insert(0, 'src'); from image_enforcer.adapters.store.opening import open_store; "
        "print(open_store(sys.argv[1]).info().epoch)"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code, address], stdout=subprocess.PIPE, text=True, cwd=root)
        for _ in range(2)
    ]

    def epoch(_: int) -> str:
        store = open_store(address)
        found = store.info().epoch
        store.close()
        return found

    with ThreadPoolExecutor(4) as threads:
        epochs = set(threads.map(epoch, range(4)))
    for other in others:
        said, _ = other.communicate(timeout=60)
        epochs.add(said.strip())
    assert len(epochs) == 1
