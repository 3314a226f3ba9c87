"""The store in a file."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from image_enforcer.ports.store import Store, StoreError, StoreUnreachable, StoreUnusable
from tests.adapters.store.writer import PLACES
from tests.contract.contents import NOON, image, repository
from tests.contract.store.asked import AskedSuite
from tests.contract.store.claims import ClaimsSuite
from tests.contract.store.counting import CountingSuite
from tests.contract.store.publishing import PublishingSuite
from tests.contract.store.scanning import ScanningSuite
from tests.contract.store.steps import everything, look_at, value
from tests.contract.store.watching import WatchingSuite


class Opened:
    """How the suites of every store open this one."""

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: open_store(f"sqlite:///{tmp_path / 'store.db'}")

    @pytest.fixture
    def restored(self) -> Callable[[Path], Store]:
        return lambda path: open_store(f"sqlite:///{path}")


class TestWatching(Opened, WatchingSuite):
    pass


class TestClaims(Opened, ClaimsSuite):
    pass


class TestScanning(Opened, ScanningSuite):
    pass


class TestCounting(Opened, CountingSuite):
    pass


class TestAsked(Opened, AskedSuite):
    pass


class TestPublishing(Opened, PublishingSuite):
    pass


def address(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def writer(root: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a process that writes; see ``writer``."""
    paths = os.pathsep.join([str(root / "src"), str(root)])

    def start(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.adapters.store.writer", *map(str, arguments)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONPATH": paths}
        )

    return start


def test_a_store_that_is_killed_while_it_writes_keeps_what_it_said(
    tmp_path: Path, writer: Callable[..., subprocess.Popen[str]]
) -> None:
    path = tmp_path / "store.db"
    chance = random.Random(7)
    first = 0
    for _ in range(10):
        with writer("kill", path, first) as process:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            time.sleep(chance.uniform(0, 0.12))
            process.kill()
            said += process.stdout.readlines()
        # The last line may be half written.
        reports = [(int(words[0]), int(words[1])) for line in said if len(words := line.split()) == 2]
        assert reports
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        store = open_store(address(path))
        last_revision, last = reports[-1]
        assert store.info().revision >= last_revision
        assert sum(entry.revision == last_revision for entry in everything(store).values()) > 0
        for number in range(max(first, last - len(PLACES) + 1), last + 1):
            tag = store.tags(PLACES[number % len(PLACES)])["1"]
            # The look after the last one reported may have been recorded too.
            assert tag.digest in {image(f"{n}", ["base", f"{n}"]).digest for n in (number, number + len(PLACES))}
            assert value(store, Kind.TAG, f"{PLACES[number % len(PLACES)]}:1")["digest"] == tag.digest
            assert store.entries(Kind.MANIFEST, [tag.digest])
        first = last + 2  # the one between may be claimed still
        store.close()


def test_a_full_disk_records_nothing_and_loses_nothing(
    tmp_path: Path, writer: Callable[..., subprocess.Popen[str]]
) -> None:
    path = tmp_path / "store.db"
    with writer("full", path) as process:
        said, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    full, again = said.splitlines()
    assert full.startswith("full ")
    assert f"the store {path} " in full
    assert again == "again True"
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_commits_are_synced_and_readers_cannot_write(tmp_path: Path) -> None:
    from image_enforcer.adapters.store.sqlite import Sqlite

    database = Sqlite(tmp_path / "store.db", lambda: "epoch")
    with database.writing() as conn:
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with pytest.raises(StoreUnusable), database.reading() as conn:
        conn.exec_driver_sql("DELETE FROM meta")
    database.close()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"something else: name another file"):
        open_store(address(path))
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\xff" * 5000, b"hello, world\n" * 1000])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="restore a backup"):
        open_store(address(path))
    assert path.read_bytes() == content


def test_damage_that_shows_later_is_named(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(address(path))
    store.watch([repository(f"r/{number}") for number in range(500)], NOON)
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xaa" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="damaged: restore a backup"), closing(open_store(address(path))) as store:
        store.watched()


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    store = open_store(address(path))
    assert store.info().revision == 0
    assert store.info().place == str(path)
    store.close()


def test_a_name_with_odd_signs_is_that_of_the_file(tmp_path: Path) -> None:
    from image_enforcer.adapters.store.sqlite import Sqlite

    path = tmp_path / "my store %41 #1.db"
    Sqlite(path, lambda: "epoch").close()
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreUnreachable, match="make it, or name another place"):
        open_store(address(tmp_path / "no" / "store.db"))
    with pytest.raises(StoreError):
        open_store(address(tmp_path))


@pytest.mark.parametrize(
    "text",
    ["", "store.db", "sqlite://", "sqlite:///:memory:", "mysql://user:hush@host/db", "postgresql://u:hush@h:x/d"],
)
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(StoreUnusable, match="write sqlite:///path/to/file or postgresql://") as caught:
        open_store(text)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StoreUnreachable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnreachable),
        (sqlite3.SQLITE_IOERR_WRITE, StoreUnreachable),
        (sqlite3.SQLITE_CANTOPEN, StoreUnreachable),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreUnusable),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreUnusable),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, type(None)),
        (sqlite3.SQLITE_ERROR, type(None)),
    ],
)
def test_what_errors_of_sqlite_mean(code: int, expected: type) -> None:
    from image_enforcer.adapters.store.sqlite import _as_error

    error = sqlite3.OperationalError("text")
    error.sqlite_errorcode = code
    meant = _as_error("store.db", error)
    assert type(meant) is expected
    assert meant is None or str(meant).startswith("the store store.db ")


def test_two_stores_on_one_file_see_each_other(tmp_path: Path) -> None:
    first, second = open_store(address(tmp_path / "store.db")), open_store(address(tmp_path / "store.db"))
    first.watch([PLACES[0]], NOON)
    look_at(second, PLACES[0], {"1": image("a")})
    assert first.changes(0, 100) == second.changes(0, 100)
    assert first.info().epoch == second.info().epoch
    first.close()
    assert second.tags(PLACES[0]).keys() == {"1"}
    second.close()
