"""Opening a store to read it: nothing is made or changed, and no right to write is needed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic import command
from sqlalchemy import create_engine, text

from image_enforcer.adapters.store import migrating
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.adapters.store.sqlite import APPLICATION_ID
from image_enforcer.ports.store import StoreUnusable
from tests import postgresql
from tests.contract.contents import NOON, repository

OTHER = 65534
"""Nobody, who owns nothing."""


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A store in a folder that everybody may look into, and its owner alone may write."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        with closing(open_store(f"sqlite:///{folder / 'store.db'}")) as store:
            store.watch([repository("team/app")], NOON)
        yield folder / "store.db"


def another(path: Path, do: str) -> list[str]:
    """The command of another user, who may not write there, and does something with the store."""
    code = (
        "import os, sys; from pathlib import Path; sys.path.insert(0, 'src')\n"
        "from image_enforcer.adapters.store.opening import open_store\n"
        f"os.setgid({OTHER}); os.setuid({OTHER})\n"
        f"store = open_store(sys.argv[1], create=False)\n{do}\nstore.close()\n"
    )
    return [sys.executable, "-c", code, f"sqlite:///{path}"]


def as_another(path: Path, do: str) -> str:
    """What it says."""
    ran = subprocess.run(another(path, do), capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_where_there_is_none_none_is_made(tmp_path: Path) -> None:
    for path in (tmp_path / "nope.db", tmp_path / "no" / "nope.db"):
        with pytest.raises(StoreUnusable, match=r"there is no store at .*nope\.db: sync or worker makes one"):
            open_store(f"sqlite:///{path}", create=False)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreUnusable, match="there is no store at"):
        open_store(f"sqlite:///{tmp_path / 'empty.db'}", create=False)
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_an_older_one_is_left_as_it_is(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'old.db'}"
    engine = create_engine(address)
    with engine.begin() as conn:
        conn.execute(text(f"PRAGMA application_id = {APPLICATION_ID}"))
        config = migrating.configuration()
        config.attributes["connection"] = conn
        command.upgrade(config, "0001")
    with pytest.raises(StoreUnusable, match="image-enforcer db migrate"):
        open_store(address, create=False)
    with engine.connect() as conn:
        assert migrating.version(conn) == "0001"
    engine.dispose()
    open_store(address).close()
    open_store(address, create=False).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_else_may_read(theirs: Path) -> None:
    count = "print(len(store.watched()), store.info().counts['repositories'])"
    before = sorted(theirs.parent.iterdir())
    assert as_another(theirs, count) == "1 1"  # nobody has it open
    assert sorted(theirs.parent.iterdir()) == before
    with closing(open_store(f"sqlite:///{theirs}")) as worker:
        worker.watch([repository("team/app"), repository("team/web")], NOON)
        assert as_another(theirs, count) == "2 2"  # what is in the log counts
        worker.watch([repository("team/app")], NOON)
    assert sorted(theirs.parent.iterdir()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_by_a_link_it_is_the_same_store(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    store = open_store(f"sqlite:///{tmp_path / 'real' / 'store.db'}")
    store.watch([repository()], NOON)
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "store.db")
    for create in (False, True):
        found = open_store(f"sqlite:///{tmp_path / 'link.db'}", create=create)
        assert found.info().place == str((tmp_path / "real" / "store.db").resolve())
        assert found.info().counts["repositories"] == 1
        found.close()
    store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.db", "real"]


def test_in_a_folder_for_all_a_reader_leaves_nothing_that_shuts_the_owner_out(theirs: Path) -> None:
    theirs.parent.chmod(0o777)
    before = sorted(theirs.parent.iterdir())
    assert as_another(theirs, "print(len(store.watched()))") == "1"
    assert sorted(theirs.parent.iterdir()) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_a_worker_begins_meanwhile_is_noticed(theirs: Path) -> None:
    code = (
        "print('waiting', flush=True); sys.stdin.readline()\n"
        "try: store.watched()\n"
        "except Exception as e: print(type(e).__name__, e)\n"
    )
    command = another(theirs, code)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reading:
        assert reading.stdout is not None
        assert reading.stdout.readline() == "waiting\n"
        with closing(open_store(f"sqlite:///{theirs}")):
            said, _ = reading.communicate("\n", timeout=60)
    assert said.startswith("StoreUnreachable")
    assert "try again" in said


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    with postgresql.running(tmp_path_factory) as started:
        yield started


def tables(address: str) -> set[str]:
    with psycopg.connect(address) as conn:
        return {name for (name,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.mark.parametrize("theirs_too", [False, True])
def test_somebody_elses_database_is_left_alone(server: postgresql.Server, theirs_too: bool) -> None:
    address = server.new_database()
    with psycopg.connect(address) as conn:
        conn.execute("CREATE TABLE vuln (id int)")
        if theirs_too:  # they keep their revision as we do
            conn.execute("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)")
            conn.execute("INSERT INTO alembic_version VALUES ('0001')")
    before = tables(address)
    for create in (True, False):
        with pytest.raises(StoreUnusable, match="database of something else"):
            open_store(address, create=create)
    assert tables(address) == before


def test_an_empty_database_is_made_a_store_by_who_may(server: postgresql.Server) -> None:
    address = server.new_database()
    with pytest.raises(StoreUnusable, match="there is no store at"):
        open_store(address, create=False)
    assert tables(address) == set()
    open_store(address).close()
    with closing(open_store(address, create=False)) as store:
        assert list(store.watched()) == []


def test_a_wrong_address_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnusable, match="'stores/x' is no address of a store: write ") as raised:
        open_store("mysql://me:secret@stores/x?password=hidden")
    assert "secret" not in str(raised.value)
    assert "hidden" not in str(raised.value)
