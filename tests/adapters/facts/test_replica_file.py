"""Copies of the facts as files: whole or not at all, whatever happens to whoever writes them."""

import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.domain.facts import Changes, Kind
from image_enforcer.ports.facts import FactsError
from tests.adapters.facts.replicas import KEYS, changes, entry, made, step, whole
from tests.contract.contents import NOON


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return made(tmp_path / "facts.db")


def revisions(facts: LocalFacts, kind: Kind = Kind.TAG) -> set[int]:
    """The revisions of which a reader sees entries."""
    return {json.loads(value)["revision"] for value in facts.find(kind, KEYS).values()}


def reading(path: Path) -> closing[LocalFacts]:
    return closing(LocalFacts(path))


def test_a_copy_is_made_and_read(place: Path) -> None:
    with reading(place) as facts:
        state = facts.state()
        assert (state.epoch, state.revision, state.as_of) == ("e", 1, NOON)
        assert len(facts.find(Kind.TAG, KEYS)) == 50
        assert facts.find(Kind.TAG, ["absent"]) == {}
        assert facts.find(Kind.SCAN, KEYS) == {}
        assert facts.find(Kind.TAG, []) == {}
    assert replica_file.position(place) == ("e", 1, 0, "")
    assert replica_file.position(place.with_name("absent")) is None


def test_changes_are_applied_to_what_a_reader_has_open(place: Path) -> None:
    with reading(place) as facts:
        assert revisions(facts) == {1}
        later = NOON + timedelta(minutes=1)
        replica_file.apply(place, changes(1, 5, entry(KEYS[0], 5, gone=True), entry("new", 5), newest=9), None)
        assert facts.find(Kind.TAG, [KEYS[0]]) == {}
        assert len(facts.find(Kind.TAG, ["new", KEYS[1]])) == 2
        assert (facts.state().revision, facts.state().as_of) == (5, NOON)
        replica_file.apply(place, changes(5, 9), later)
        assert (facts.state().revision, facts.state().as_of) == (9, later)


@pytest.mark.parametrize("told", [changes(1, 2, epoch="other"), changes(0, 2), changes(2, 3), changes(5, 6)])
def test_changes_of_another_store_or_that_do_not_follow_are_refused(place: Path, told: Changes) -> None:
    with pytest.raises(FactsError, match=r"fetched anew|no other process"):
        replica_file.apply(place, told, NOON)
    assert replica_file.position(place) == ("e", 1, 0, "")


def test_a_store_that_is_replaced_while_it_is_copied_is_told(tmp_path: Path) -> None:
    for number, second in enumerate((changes(3, 4, epoch="other"), changes(0, 4))):
        with pytest.raises(FactsError, match="try again"):
            replica_file.make(tmp_path / f"{number}.db", [changes(0, 3), second], NOON)


def parted(since: int, revision: int) -> list[Changes]:
    """A revision that changes everything, in parts."""
    whole = step(revision)
    cuts = ["", "a", "b", ""]
    return [
        replace(
            whole, entries=whole.entries[number * 20 : number * 20 + 20], after=cuts[number], rest=cuts[number + 1],
            since=since, revision=since if cuts[number + 1] else revision,
        )
        for number in range(3)
    ]  # fmt: skip


def test_parts_of_a_revision_are_seen_together_or_not_at_all(place: Path) -> None:
    seen: list[set[int]] = []

    def telling(told: Iterable[Changes]) -> Iterator[Changes]:
        with reading(place) as facts:
            for part in told:
                yield part
                seen.append(revisions(facts))

    replica_file.apply_all(place, telling(parted(1, 2)), NOON)
    assert seen == [{1}, {1}, {1}]
    with reading(place) as facts:
        assert (revisions(facts), facts.state().revision) == ({2}, 2)
    first, second, third = parted(2, 3)
    for told in ([first, second], [second, third], [first, third], [first, second, third, first]):
        with pytest.raises(FactsError, match=r"end within a revision|do not follow"):
            replica_file.apply_all(place, told, NOON)
        with reading(place) as facts:
            assert (revisions(facts), facts.state().revision) == ({2}, 2)


def test_a_copy_is_made_of_parts(tmp_path: Path) -> None:
    replica_file.make(tmp_path / "good.db", parted(0, 2), NOON)
    with reading(tmp_path / "good.db") as facts:
        assert (len(facts.find(Kind.TAG, KEYS)), facts.state().revision) == (50, 2)
    first, _, third = parted(0, 2)
    with pytest.raises(FactsError, match="try again"):
        replica_file.make(tmp_path / "bad.db", [first, third], NOON)


def test_readers_see_whole_revisions_while_the_copy_is_replaced(tmp_path: Path) -> None:
    place = made(tmp_path / "facts.db")
    wrong: list[object] = []
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        with reading(place) as facts:
            while not done.is_set():
                try:
                    found = revisions(facts)
                    seen.update(found)
                    if len(found) != 1 or facts.state().epoch[0] != "e":
                        wrong.append(found)
                except (FactsError, ValueError) as e:
                    wrong.append(e)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(2, 52):
        made(place, number, f"e{number}")
        replica_file.apply(place, step(number + 1, f"e{number}"), NOON)
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(seen) > 5


def test_a_smaller_copy_takes_the_place_of_a_larger_one(place: Path) -> None:
    with reading(place) as facts:
        made(place, 7, "other", KEYS[:1])
        assert len(facts.find(Kind.TAG, KEYS)) == 1
        assert (facts.state().epoch, facts.state().revision) == ("other", 7)
    assert not place.with_name("facts.db.new").exists()


def test_a_file_that_is_removed_and_made_again_is_the_new_one(place: Path) -> None:
    with reading(place) as facts:
        assert revisions(facts) == {1}
        place.unlink()
        with pytest.raises(FactsError, match="no facts have been fetched yet"):
            facts.state()
        made(place, 9, "other")
        assert revisions(facts) == {9}


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (x)")


def other_format(path: Path) -> None:
    made(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def without_state(path: Path) -> None:
    made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DELETE FROM state")


def without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {replica_file.APPLICATION}")
        db.execute("PRAGMA user_version = 1")


def torn(path: Path) -> None:
    made(path)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def with_more(path: Path) -> None:
    made(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TRIGGER evil AFTER UPDATE ON state BEGIN DELETE FROM fact; END")


BROKEN: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(b"garbage" * 1000), "foreign": foreign, "format": other_format,
    "state": without_state, "tables": without_tables, "torn": torn, "directory": Path.mkdir,
}  # fmt: skip
HIDDEN = {**BROKEN, "empty": Path.touch, "trigger": with_more}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_copy_is_said_with_what_to_do(tmp_path: Path, how: str) -> None:
    place = tmp_path / "facts.db"
    BROKEN[how](place)
    with reading(place) as facts, pytest.raises(FactsError, match=r"fetched anew|another file|remove it|written"):
        revisions(facts).add(facts.state().revision)
    with pytest.raises(FactsError):
        replica_file.position(place, thoroughly=True)


@pytest.mark.parametrize("how", [how for how in HIDDEN if how != "directory"])
def test_what_is_no_copy_is_never_put_in_place(tmp_path: Path, place: Path, how: str) -> None:
    fresh = tmp_path / "fresh.db"
    HIDDEN[how](fresh)
    with pytest.raises(FactsError):
        replica_file.install(fresh, place)
    with reading(place) as facts:
        assert revisions(facts) == {1}


FOREIGN = ("garbage", "foreign", "directory")
"""What was never a copy, and may be of use to somebody."""


@pytest.mark.parametrize("how", FOREIGN)
def test_what_is_of_somebody_else_is_never_written_over(tmp_path: Path, how: str) -> None:
    place = tmp_path / "facts.db"
    BROKEN[how](place)
    before = place.read_bytes() if place.is_file() else b""
    with pytest.raises(replica_file.ForeignFile, match="name another file"):
        made(place)
    assert (place.read_bytes() if place.is_file() else b"") == before
    assert not place.with_name("facts.db-wal").exists()


@pytest.mark.parametrize("how", [how for how in HIDDEN if how not in FOREIGN])
def test_a_damaged_copy_gives_way_to_one(tmp_path: Path, how: str) -> None:
    place = tmp_path / "facts.db"
    HIDDEN[how](place)
    made(place, 3)
    with reading(place) as facts:
        assert (revisions(facts), facts.state().revision) == ({3}, 3)
    assert replica_file.position(place, thoroughly=True) == ("e", 3, 0, "")


ODD = (
    "UPDATE fact SET value = 7", "UPDATE fact SET value = 'text'", "UPDATE fact SET key = x'00' WHERE key LIKE '%app1'",
    "UPDATE fact SET kind = 'tag' WHERE key LIKE '%app1'", "UPDATE fact SET kind = 0.5",
    "UPDATE fact SET revision = 'x'", "UPDATE fact SET revision = 1.5", "UPDATE state SET epoch = x'00'",
    "UPDATE state SET revision = 'x'", "UPDATE state SET began = 0.5", "UPDATE mark SET stamp = x'00'",
)  # fmt: skip


@pytest.mark.parametrize("change", ODD)
def test_what_is_of_other_types_than_facts_is_never_put_in_place(tmp_path: Path, place: Path, change: str) -> None:
    fresh = made(tmp_path / "fresh.db", 2)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        replica_file.verify(db, fresh)
        db.execute(change)
        with pytest.raises(FactsError, match="fetched anew"):
            replica_file.verify(db, fresh)
    with pytest.raises(FactsError):
        replica_file.install(fresh, place)
    with reading(place) as facts:
        assert revisions(facts) == {1}


def test_who_is_killed_while_applying_leaves_a_whole_revision(place: Path, root: Path) -> None:
    chance = random.Random(5)
    paths = os.pathsep.join([str(root / "src"), str(root)])
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.facts.applier", str(place)], stdout=subprocess.PIPE, text=True,
            cwd=root, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        assert process.stdout is not None
        told = 0
        for _ in range(chance.randrange(1, 30)):
            told = int(process.stdout.readline())
        process.kill()
        process.stdout.close()
        process.wait(30)
        with reading(place) as facts:
            (seen,) = revisions(facts)
            assert seen == facts.state().revision >= told
        assert replica_file.position(place, thoroughly=True) == ("e", seen, 0, "")


FULL = """
import resource, sys
from pathlib import Path
from image_enforcer.adapters.facts import replica_file
from image_enforcer.ports.facts import FactsError
from tests.adapters.facts.replicas import made, step
from tests.contract.contents import NOON
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
many = tuple(f"key{n}" for n in range(3000))
for act in (lambda p: replica_file.apply(p, step(2, keys=many), NOON), lambda p: made(p, 9, "other", many)):
    try:
        act(Path(sys.argv[1]))
    except FactsError as e:
        print(e)
"""


def test_without_room_the_old_copy_stays(place: Path, root: Path) -> None:
    assert resource.RLIMIT_FSIZE is not None
    paths = os.pathsep.join([str(root / "src"), str(root)])
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(place)], capture_output=True, text=True, check=False, cwd=root, timeout=60,
        env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.endswith("see that there is room") for line in done.stdout.splitlines()] == [True, True]
    with reading(place) as facts:
        assert (revisions(facts), facts.state().revision) == ({1}, 1)


def test_a_copy_of_the_file_is_a_copy(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    shutil.copy(place, other)
    assert replica_file.checksum(other) == replica_file.checksum(place)
    with reading(other) as facts:
        assert revisions(facts) == {1}
    list(whole(1))
