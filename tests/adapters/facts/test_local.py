"""A replica's file as it is read: from one revision where that is asked for, by many threads, while it changes."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.ports.facts import FactsError

NOW = datetime(2026, 11, 27, tzinfo=UTC)
KEYS = [f"docker.io/library/nginx:{number}" for number in range(5)]


def changes(revision: int, *, since: int) -> Changes:
    """All keys say which revision it is."""
    value = json.dumps(revision).encode()
    entries = tuple(Entry(kind=Kind.TAG, key=key, value=value, revision=revision) for key in KEYS)
    return Changes(epoch="e", since=since, began=1, revision=revision, newest=revision, entries=entries)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    replica_file.make(tmp_path / "new.db", [changes(1, since=0)], NOW)
    replica_file.install(tmp_path / "new.db", tmp_path / "facts.db")
    return tmp_path / "facts.db"


@pytest.fixture
def facts(place: Path) -> Iterator[LocalFacts]:
    found = LocalFacts(place)
    yield found
    found.close()


def said(facts: LocalFacts) -> set[int]:
    """Every revision that any way of asking tells of."""
    one = facts.find(Kind.TAG, KEYS[:1])
    return {
        facts.state().revision,
        *(json.loads(value) for value in [*one.values(), *facts.find(Kind.TAG, KEYS).values()]),
    }


def test_it_stops_where_more_was_read_than_is_wanted(facts: LocalFacts) -> None:
    """Each value is one byte long."""
    assert [len(facts.find(Kind.TAG, KEYS, most)) for most in (0, 1, 3, 4, 5, 100)] == [1, 2, 4, 5, 5, 5]
    assert facts.find(Kind.TAG, KEYS[:2], 0).keys() < facts.find(Kind.TAG, KEYS[:2], 1).keys() == set(KEYS[:2])


def test_what_is_asked_at_once_is_of_one_revision(facts: LocalFacts, place: Path) -> None:
    with facts.at_once():
        assert said(facts) == {1}
        replica_file.apply(place, changes(2, since=1), NOW)
        assert said(facts) == {1}
        with facts.at_once():
            assert said(facts) == {1}
        assert said(facts) == {1}
    assert said(facts) == {2}


def test_it_is_so_for_the_thread_that_wants_it_and_no_other(facts: LocalFacts, place: Path) -> None:
    with ThreadPoolExecutor(1) as other, facts.at_once():
        assert said(facts) == {1}
        replica_file.apply(place, changes(2, since=1), NOW)
        assert other.submit(said, facts).result() == {2}
        assert said(facts) == {1}


def test_a_file_that_takes_its_place_is_seen_afterwards(facts: LocalFacts, place: Path, tmp_path: Path) -> None:
    with facts.at_once():
        assert said(facts) == {1}
        replica_file.make(tmp_path / "other.db", [changes(7, since=0)], NOW)
        (tmp_path / "other.db").replace(place)
        for rest in ("-wal", "-shm"):
            Path(f"{place}{rest}").unlink(missing_ok=True)
        assert said(facts) == {1}
    assert said(facts) == {7}


def test_an_error_inside_is_the_callers_and_ends_it(facts: LocalFacts, place: Path) -> None:
    with pytest.raises(ZeroDivisionError), facts.at_once():
        _ = 1 // len([revision for revision in said(facts) if revision != 1])
    replica_file.apply(place, changes(2, since=1), NOW)
    assert said(facts) == {2}


def test_without_a_file_the_questions_say_so(tmp_path: Path) -> None:
    facts = LocalFacts(tmp_path / "none.db")
    with facts.at_once(), pytest.raises(FactsError, match="no facts have been fetched yet"):
        facts.state()


@pytest.mark.parametrize("name", ["f#x.db", "f?x.db", "f%41x.db", "f x.db", "é.db", "f?mode=rwc"])
def test_any_name_is_that_of_its_file(place: Path, name: str) -> None:
    odd = place.parent / "odd" / name
    odd.parent.mkdir()
    replica_file.make(odd.parent / "new.db", [changes(1, since=0)], NOW)
    replica_file.install(odd.parent / "new.db", odd)
    replica_file.apply(odd, changes(2, since=1), NOW)
    facts = LocalFacts(odd)
    assert said(facts) == {2}
    facts.close()
    assert {path.name for path in odd.parent.iterdir()} <= {name, f"{name}-wal", f"{name}-shm", f"{name}.lock"}


def test_many_threads_read_while_it_changes(facts: LocalFacts, place: Path) -> None:
    stop = threading.Event()

    def read() -> int:
        times = 0
        while not stop.is_set():
            with facts.at_once():
                assert len(said(facts)) == 1
            times += 1
        return times

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for revision in range(2, 102):
                replica_file.apply(place, changes(revision, since=revision - 1), NOW)
        finally:
            stop.set()
        assert all(reader.result() > 0 for reader in readers)
    assert said(facts) == {101}
