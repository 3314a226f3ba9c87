"""The store on a server."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Entry, Kind
from image_enforcer.domain.manifest import Manifest
from image_enforcer.ports.store import Store, StoreUnreachable, StoreUnusable
from tests.contract.contents import HOUR, MINUTE, NOON, digest_of, finding, image, part, repository, result, trouble
from tests.contract.store.asked import AskedSuite
from tests.contract.store.claims import ClaimsSuite
from tests.contract.store.counting import CountingSuite
from tests.contract.store.publishing import PublishingSuite
from tests.contract.store.scanning import ScanningSuite
from tests.contract.store.steps import a_look, everything, look_at
from tests.contract.store.watching import WatchingSuite

if TYPE_CHECKING:
    from tests.postgresql import Server


class Opened:
    """How the suites of every store open this one."""

    @pytest.fixture
    def opened(self, database: str) -> Callable[[], Store]:
        return lambda: open_store(database)

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


def test_a_reader_misses_nothing_while_many_write(database: str) -> None:
    """Four workers, each with connections of its own, look and scan; a reader follows them in small pages."""
    places = [repository(f"r/{number}") for number in range(12)]
    reader = open_store(database)
    reader.watch(places, NOON)
    done = threading.Event()

    def work(number: int) -> int:
        store, count = open_store(database), 0
        for turn in range(15):
            at = NOON + turn * MINUTE
            for look in store.claim_looks(f"worker {number}", at, HOUR, 2):
                where = look.watched.repository
                tags: dict[str, Manifest] = {
                    "own": image(f"{number} {turn}", ["base", f"{turn}"]), "shared": image("shared")
                }  # fmt: skip
                store.record_look(look, a_look(where, tags, at), at + MINUTE)
                count += 1
            for scan in store.claim_scans("clair", "1", f"worker {number}", at, HOUR, 3):
                parts = {digest_of("base"): part(f"CVE-{number}"), digest_of(f"{turn}"): part("CVE-0")}
                store.record_scan(scan, result(scan, finding("CVE-1"), at=at, parts=parts))
                count += 1
        store.close()
        return count

    def follow() -> dict[tuple[Kind, str], Entry]:
        seen: dict[tuple[Kind, str], Entry] = {}
        page = reader.changes(0, 7)
        while True:
            seen.update({(entry.kind, entry.key): entry for entry in page.entries})
            finished = done.is_set()
            following = reader.changes(page.revision, 7, page.began, "", page.stamp)
            assert following.since == page.revision
            assert all(entry.revision > page.revision for entry in following.entries)
            if finished and not following.entries:
                return seen
            page = following

    with ThreadPoolExecutor(5) as threads:
        following = threads.submit(follow)
        try:
            counts = list(threads.map(work, range(4)))
        finally:
            done.set()
        seen = following.result()
    assert sum(counts) > 100
    assert seen == everything(reader)
    # What is published is what the tags reach in the end, whoever took the last tag away from what it reached before.
    tags = {tag.digest for place in places for tag in reader.tags(place).values()}
    assert {key for (kind, key), entry in seen.items() if kind is Kind.MANIFEST and entry.value is not None} == tags
    reader.close()


def test_it_goes_on_after_the_server_was_away(server: "Server", database: str) -> None:
    store = open_store(database)
    store.watch([repository()], NOON)
    assert store.watched()
    server.crash()
    try:
        with pytest.raises(StoreUnreachable, match="try again later"):
            store.watched()
        with pytest.raises(StoreUnreachable):
            store.watch([], NOON)
        with pytest.raises(StoreUnreachable):
            open_store(database)
    finally:
        server.start()
    assert [found.repository for found in store.watched()] == [repository()]
    look_at(store, repository(), {"1": image("a")})
    store.close()


def end_connections(server: "Server", database: str) -> None:
    """Have the server end every connection to a database."""
    with server.connection() as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            (name_of(database),),
        )


def name_of(database: str) -> str:
    return database.partition("@/")[2].partition("?")[0]


def test_connections_that_the_server_ended_are_replaced(server: "Server", database: str) -> None:
    store = open_store(database)
    store.watch([repository()], NOON)
    (work,) = store.claim_looks("worker", NOON, HOUR, 1)
    end_connections(server, database)
    store.record_look(work, a_look(repository(), {"1": image("a")}), NOON + HOUR)
    assert store.tags(repository()).keys() == {"1"}
    store.close()


def test_a_transaction_whose_connection_ends_leaves_nothing(server: "Server", database: str) -> None:
    """The connection ends between two statements of a look: while its tokens are made."""
    armed = False

    def token() -> str:
        if armed:
            end_connections(server, database)
        return "token"

    store = open_store(database, new_token=token)
    store.watch([repository()], NOON)
    armed = True
    with pytest.raises(StoreUnreachable, match="try again later"):
        store.claim_looks("worker", NOON, HOUR, 1)
    armed = False
    assert len(store.claim_looks("worker", NOON, HOUR, 1)) == 1
    store.close()


def test_nothing_that_it_says_holds_the_password(server: "Server") -> None:
    with pytest.raises(StoreUnusable, match=r"there is no database .*/nowhere: make it") as caught:
        open_store(server.address("nowhere", password="hush"))
    assert "hush" not in str(caught.value)
    with pytest.raises(StoreUnreachable, match="nobody") as refused:
        open_store(server.address("postgres", user="nobody", password="hush"))
    assert "hush" not in str(refused.value)
    with pytest.raises(StoreUnreachable) as gone:
        open_store("postgresql://me:hush@127.0.0.1:9/db")
    assert str(gone.value).startswith("the store 127.0.0.1:9/db cannot be reached")
    assert "hush" not in str(gone.value)
    store = open_store(server.address(name_of(server.new_database()), password="hush"))
    assert "hush" not in store.info().place
    store.close()


def test_a_user_without_rights_is_told_so(server: "Server", database: str) -> None:
    open_store(database).close()
    with server.connection() as admin:
        admin.execute("DROP ROLE IF EXISTS guest")
        admin.execute("CREATE ROLE guest LOGIN")
    name = name_of(database)
    with pytest.raises(StoreUnusable, match="needs all rights"):
        open_store(server.address(name, user="guest"))


def test_commits_are_durable_even_where_the_server_is_set_otherwise(server: "Server", database: str) -> None:
    from sqlalchemy import make_url

    from image_enforcer.adapters.store.postgresql import Postgresql

    name = name_of(database)
    with server.connection() as admin:
        admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = Postgresql(make_url(database), lambda: "epoch")
    with store.writing() as conn:
        assert conn.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    with pytest.raises(StoreUnreachable, match="takes no changes"), store.reading() as conn:
        conn.exec_driver_sql("DELETE FROM meta")
    store.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (psycopg.errors.DiskFull(), StoreUnreachable),
        (psycopg.errors.DeadlockDetected("deadlock\ndetails"), StoreUnreachable),
        (psycopg.errors.LockNotAvailable(), StoreUnreachable),
        (psycopg.errors.AdminShutdown(), StoreUnreachable),
        (psycopg.errors.IdleInTransactionSessionTimeout(), StoreUnreachable),
        (psycopg.InterfaceError("the connection is closed"), StoreUnreachable),
        (psycopg.errors.UndefinedTable(), StoreUnusable),
        (psycopg.errors.DataCorrupted(), StoreUnusable),
        (psycopg.errors.UniqueViolation(), type(None)),
        (psycopg.errors.SyntaxError(), type(None)),
    ],
)
def test_what_errors_of_the_server_mean(error: psycopg.Error, expected: type) -> None:
    from image_enforcer.adapters.store.postgresql import _as_error

    meant = _as_error("host:5432/db", error)
    assert type(meant) is expected
    assert meant is None or (str(meant).startswith("the store host:5432/db ") and "details" not in str(meant))


def test_hostile_words_are_stored(database: str) -> None:
    store = open_store(database)
    store.watch([repository()], NOON)
    (work,) = store.claim_looks("worker", NOON, HOUR, 1)
    store.record_trouble(work, trouble(text="\0 \ud800 " + "x" * 100_000), NOON)
    look_at(store, repository(), {"1": image("a")})
    (scan,) = store.claim_scans("clair", "1", "worker", NOON, HOUR, 1)
    store.record_scan(scan, result(scan, finding("CVE-\0" + "9" * 10_000, package="p\0" * 5000)))
    kept = store.report(image("a").digest, "clair")
    assert kept is not None
    assert kept.findings[0].vulnerability.startswith("CVE-\0")
    store.close()
