"""Watching: every way in which files change is seen, and what is no change is not."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import watchfiles

from image_enforcer.opa.errors import LoadError
from image_enforcer.opa.watch import READINGS, at_one_moment, directories, look, now, watch

SECONDS = 20.0
QUIET = 0.6
"""Long enough for a change to be seen; only spent where none may be."""


class Watched:
    """A watch in a thread, and how often it called."""

    def __init__(self, *paths: Path, ignore: tuple[str, ...] = ()) -> None:
        self.calls = 0
        self.reports: list[str] = []
        self.stop = threading.Event()
        started = threading.Event()
        self.thread = threading.Thread(
            target=watch, args=([str(p) for p in paths], self._changed, self.stop, started), daemon=True,
            kwargs={"ignore": ignore, "report": self.reports.append},
        )  # fmt: skip
        self.thread.start()
        assert started.wait(SECONDS)

    def _changed(self) -> None:
        self.calls += 1

    def sees(self, change: Callable[[], object]) -> None:
        """Make a change and wait until it is seen."""
        before = self.calls
        change()
        until = time.monotonic() + SECONDS
        while self.calls == before:
            assert self.thread.is_alive()
            assert time.monotonic() < until, "the change was not seen"
            time.sleep(0.01)

    def overlooks(self, change: Callable[[], object]) -> None:
        """Make what is no change, then one that is: only the latter is seen."""
        before = self.calls
        change()
        time.sleep(QUIET)
        assert self.calls == before

    def close(self) -> None:
        self.stop.set()
        self.thread.join(SECONDS)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def watching(*paths: Path, ignore: tuple[str, ...] = ()) -> Iterator[Watched]:
    watched = Watched(*paths, ignore=ignore)
    try:
        yield watched
    finally:
        watched.close()


def replace(path: Path, text: str) -> None:
    new = path.with_name(".new")
    new.write_text(text)
    new.replace(path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "a.json").write_text("{}")
    return folder


def test_files_in_a_directory(tree: Path) -> None:
    with watching(tree) as watched:
        watched.sees(lambda: (tree / "a.json").write_text('{"a": 1}'))
        watched.sees(lambda: replace(tree / "a.json", '{"a": 2}'))
        watched.sees(lambda: (tree / "b.rego").write_text("package b"))
        watched.sees((tree / "b.rego").unlink)
        watched.sees(lambda: (tree / "a.json").rename(tree / "c.json"))


def test_new_directories_and_those_in_them(tree: Path) -> None:
    def nested() -> None:
        (tree / "x" / "y").mkdir(parents=True)
        (tree / "x" / "y" / "a.json").write_text("{}")

    with watching(tree) as watched:
        watched.sees(nested)
        watched.sees(lambda: (tree / "x" / "y" / "a.json").write_text('{"a": 1}'))
        watched.sees(lambda: (tree / "x" / "b.yaml").write_text("b: 1"))
        watched.sees((tree / "x" / "y" / "a.json").unlink)


def test_a_directory_that_goes_and_comes_back(tree: Path) -> None:
    def gone() -> None:
        (tree / "a.json").unlink()
        tree.rmdir()

    def back() -> None:
        tree.mkdir()
        (tree / "a.json").write_text("{}")

    with watching(tree) as watched:
        watched.sees(gone)
        watched.sees(back)
        watched.sees(lambda: (tree / "a.json").write_text('{"a": 1}'))


def test_a_directory_that_is_replaced_at_once(tree: Path) -> None:
    def replaced() -> None:
        tree.rename(tree.with_name("old"))
        tree.mkdir()
        (tree / "b.json").write_text("{}")

    with watching(tree) as watched:
        watched.sees(replaced)
        watched.sees(lambda: (tree / "b.json").write_text('{"b": 1}'))


def test_a_single_file(tree: Path) -> None:
    path = tree / "a.json"
    with watching(path) as watched:
        watched.sees(lambda: path.write_text('{"a": 1}'))
        watched.sees(path.unlink)
        watched.sees(lambda: path.write_text("{}"))
        watched.sees(lambda: replace(path, '{"a": 2}'))


def test_a_file_with_a_prefix(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    with watching(Path("x.y:a.json")) as watched:
        watched.sees(lambda: Path("a.json").write_text('{"a": 1}'))


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "x" / "y" / "a.json"

    def made() -> None:
        path.parent.mkdir(parents=True)
        path.write_text("{}")

    with watching(path) as watched:
        watched.sees(made)


def test_neighbours_of_a_file_are_nothing(tree: Path) -> None:
    with watching(tree / "a.json") as watched:
        watched.overlooks(lambda: (tree / "b.json").write_text("{}"))


def test_what_would_not_be_loaded_is_nothing(tree: Path) -> None:
    (tree / "ignored").mkdir()
    with watching(tree, ignore=("ignored", "*_test.rego")) as watched:
        watched.overlooks(
            lambda: [(tree / n).write_text("x") for n in ("a.txt", "a_test.rego", "ignored/b.json", ".a.json.swp")]
        )


def test_a_swapped_config_map(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    for name, text in (("..1", "package p"), ("..2", "package p\nq := 1")):
        (volume / name).mkdir(parents=True)
        (volume / name / "p.rego").write_text(text)
    (volume / "..data").symlink_to("..1")
    (volume / "p.rego").symlink_to("..data/p.rego")

    def swap() -> None:
        (volume / "..data_tmp").symlink_to("..2")
        (volume / "..data_tmp").rename(volume / "..data")

    with watching(volume) as watched:
        watched.sees(swap)
    with watching(volume / "p.rego") as watched:
        (volume / "..1" / "p.rego").touch()
        (volume / "..data_tmp").symlink_to("..1")
        watched.sees(lambda: (volume / "..data_tmp").rename(volume / "..data"))


def test_a_link_in_the_place_of_the_directory(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.json").write_text("{}")
    current = tmp_path / "current"
    current.symlink_to("1")

    def swap() -> None:
        (tmp_path / "next").symlink_to("2")
        (tmp_path / "next").rename(current)

    with watching(current) as watched:
        watched.sees(lambda: (tmp_path / "1" / "a.json").write_text('{"a": 1}'))
        watched.sees(swap)
        watched.sees(lambda: (tmp_path / "2" / "a.json").write_text('{"a": 1}'))


def test_the_file_behind_a_link(tree: Path) -> None:
    (tree.parent / "real.json").write_text("{}")
    (tree / "b.json").symlink_to("../real.json")
    with watching(tree) as watched:
        watched.sees(lambda: (tree.parent / "real.json").write_text('{"a": 1}'))


def test_without_events_the_files_are_looked_at(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*paths: object, **options: object) -> Iterator[object]:
        raise RuntimeError("OS file watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", full)
    with watching(tree) as watched:
        watched.sees(lambda: (tree / "a.json").write_text('{"a": 1}'))
        watched.sees((tree / "a.json").unlink)
    assert watched.reports == [
        "the system reports no changes (os file watch limit reached); looking at the files every second instead"
    ]


def test_what_is_watched(tree: Path) -> None:
    (tree / "x").mkdir()
    found = directories([str(tree), str(tree / "x" / "gone" / "a.json")])
    assert list(found) == sorted(os.path.realpath(p) for p in (tree.parent, tree, tree / "x"))


def test_looks_differ_where_files_do(tree: Path) -> None:
    before = look([str(tree)])
    assert look([str(tree)]) == before
    (tree / "a.json").write_text("[]")
    assert look([str(tree)]) != before
    assert look([str(tree / "gone.json")]) != look([str(tree / "a.json")])


def test_what_changed_while_it_was_loaded_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("{}", encoding="utf-8")
    since = now([str(tmp_path)])
    file.write_text('{"a": 1}', encoding="utf-8")
    called, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=watch, args=([str(tmp_path)], called.set, stop), kwargs={"since": since})
    thread.start()
    try:
        assert called.wait(SECONDS)
    finally:
        stop.set()
        thread.join(SECONDS)


# --- reading while files change ------------------------------------------------------------------------


class Swapped:
    """A directory as a ConfigMap is mounted, and a reader of its two files during which it is swapped."""

    def __init__(self, folder: Path, swaps: int) -> None:
        self.folder = folder
        self.left = swaps
        self.swap("0")
        for name in ("a", "b"):
            (folder / f"{name}.json").symlink_to(f"..data/{name}.json")

    def swap(self, text: str) -> None:
        version = self.folder / f"..{text}"
        version.mkdir(parents=True)
        for name in ("a", "b"):
            (version / f"{name}.json").write_text(text)
        (self.folder / "..new").symlink_to(version.name)
        (self.folder / "..new").replace(self.folder / "..data")

    def read(self) -> tuple[str, str]:
        first = (self.folder / "a.json").read_text()
        if self.left:
            self.swap(str(self.left))
            self.left -= 1
        return first, (self.folder / "b.json").read_text()


@pytest.mark.parametrize("swaps", range(READINGS))
def test_what_is_read_is_of_one_moment(tmp_path: Path, swaps: int) -> None:
    swapped = Swapped(tmp_path / "mounted", swaps)
    first, second = at_one_moment([str(swapped.folder)], swapped.read)
    assert first == second


def test_files_that_change_at_each_reading_are_an_error(tmp_path: Path) -> None:
    swapped = Swapped(tmp_path / "mounted", READINGS)
    with pytest.raises(LoadError, match="changed while they were read"):
        at_one_moment([str(swapped.folder)], swapped.read)


def test_a_fault_of_files_that_changed_meanwhile_does_not_count(tree: Path) -> None:
    faults = [LoadError(["half a file"]), LoadError(["all of it"])]

    def read() -> str:
        if len(faults) == 2:
            (tree / "a.json").write_text('{"more": 1}')
        raise faults.pop(0)

    with pytest.raises(LoadError, match="all of it"):
        at_one_moment([str(tree)], read)
