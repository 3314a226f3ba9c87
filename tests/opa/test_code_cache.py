"""What is kept on disk is given back whole, or not at all; nothing is read that others could have written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_enforcer.opa import code_cache
from image_enforcer.opa.code_cache import CodeCache, digest, folder, query_name

NAME = digest([b"name"])
KEPT = b"what is kept" * 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache"


@pytest.fixture
def cache(root: Path) -> CodeCache:
    made = CodeCache(str(root))
    assert made.write(NAME, KEPT)
    assert made.read(NAME) == KEPT
    return made


def file(root: Path) -> Path:
    return root / "code" / NAME.hex()


def test_nothing_is_kept_without_a_folder() -> None:
    assert not CodeCache(None).used
    assert not CodeCache(None).write(NAME, KEPT)
    assert CodeCache(None).read(NAME) is None


def test_nothing_was_kept(root: Path) -> None:
    assert CodeCache(str(root)).read(NAME) is None
    assert not root.exists()


def test_another_name_and_the_same_again(cache: CodeCache, root: Path) -> None:
    assert cache.read(digest([b"other"])) is None
    assert cache.write(NAME, b"new")
    assert cache.read(NAME) == b"new"
    assert [f.name for f in (root / "code").iterdir()] == [NAME.hex()]
    assert cache.write(NAME, b"")
    assert cache.read(NAME) == b""


def test_who_may_read_it(cache: CodeCache, root: Path) -> None:
    assert [oct(p.stat().st_mode & 0o777) for p in (root, root / "code", file(root))] == ["0o700", "0o700", "0o600"]


@pytest.mark.parametrize("size", [0, 1, 10, 30, 60, 90, 500, -1])
def test_a_torn_file_is_passed_over_and_written_again(cache: CodeCache, root: Path, size: int) -> None:
    raw = file(root).read_bytes()
    file(root).write_bytes(raw[:size])
    assert cache.read(NAME) is None
    file(root).write_bytes(raw + b"more")
    assert cache.read(NAME) is None
    assert cache.write(NAME, KEPT)
    assert cache.read(NAME) == KEPT


def test_every_flipped_bit_is_noticed(cache: CodeCache, root: Path) -> None:
    raw = file(root).read_bytes()
    for at in range(0, len(raw), 13):
        file(root).write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        assert cache.read(NAME) is None


def test_a_file_of_another_name_is_not_taken_for_it(cache: CodeCache, root: Path) -> None:
    other = digest([b"other"])
    file(root).rename(root / "code" / other.hex())
    assert cache.read(other) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("what", ["", "code", "file"])
def test_what_others_may_write_is_not_read(cache: CodeCache, root: Path, mode: int, what: str) -> None:
    path = file(root) if what == "file" else root / what
    path.chmod(mode | (0o100 if what != "file" else 0))
    assert cache.read(NAME) is None
    if what != "file":
        assert not cache.write(NAME, KEPT)
    else:
        assert cache.write(NAME, KEPT)
        assert cache.read(NAME) == KEPT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
@pytest.mark.parametrize("what", ["", "code", "file"])
def test_what_belongs_to_others_is_not_read(cache: CodeCache, root: Path, what: str) -> None:
    os.chown(file(root) if what == "file" else root / what, 12345, 12345)
    assert cache.read(NAME) is None


def test_another_user_is_not_believed(cache: CodeCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert cache.read(NAME) is None
    assert not cache.write(NAME, KEPT)


@pytest.mark.parametrize("what", ["", "code", "file"])
def test_links_are_not_followed(cache: CodeCache, root: Path, tmp_path: Path, what: str) -> None:
    path = file(root) if what == "file" else root / what if what else root
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.read(NAME) is None
    assert cache.write(NAME, KEPT) is (what == "file")


def test_what_is_no_file_is_passed_over(cache: CodeCache, root: Path) -> None:
    file(root).unlink()
    os.mkfifo(file(root), 0o600)
    assert cache.read(NAME) is None
    file(root).unlink()
    file(root).mkdir(0o700)
    assert cache.read(NAME) is None
    assert not cache.write(NAME, KEPT)
    assert [f.name for f in (root / "code").iterdir()] == [NAME.hex()]


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not CodeCache(str(tmp_path / "file")).write(NAME, KEPT)
    assert not CodeCache(str(tmp_path / "file" / "below")).write(NAME, KEPT)


def test_too_much_is_not_kept(cache: CodeCache, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not cache.write(NAME, bytes(code_cache.LARGEST))
    monkeypatch.setattr(code_cache, "MOST_FILES", 10)
    for number in range(50):
        assert cache.write(digest([b"%d" % number]), KEPT)
        assert len(list((root / "code").iterdir())) <= 11
    assert cache.read(digest([b"49"])) == KEPT


def test_files_that_are_not_the_caches_stay(cache: CodeCache, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_cache, "MOST_FILES", 10)
    names = [f"{n}.py" for n in range(20)] + [".hidden", "f" * 63, "g" * 64, "." + "f" * 10 + ".1.2"]
    for name in names:
        (root / "code" / name).write_text("mine")
        os.utime(root / "code" / name, (0, 0))
    (root / "code" / ("." + "f" * 64 + ".1.2")).write_text("left half written")
    os.utime(root / "code" / ("." + "f" * 64 + ".1.2"), (0, 0))
    for number in range(30):
        assert cache.write(digest([b"%d" % number]), KEPT)
    left = {f.name for f in (root / "code").iterdir()}
    assert left.issuperset(names)
    assert len(left - set(names)) <= 11
    assert "." + "f" * 64 + ".1.2" not in left


def test_a_full_disk_leaves_nothing_behind(cache: CodeCache, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert not cache.write(digest([b"more"]), KEPT)
    assert [f.name for f in (root / "code").iterdir()] == [NAME.hex()]


WRITER = """
import os, sys
from image_enforcer.opa.code_cache import CodeCache, digest
cache = CodeCache(sys.argv[1])
name = digest([b"name"])
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    cache.write(name, b"%d" % (number % 10) * 100_000)
    kept = cache.read(name)
    assert kept is not None and len(set(kept)) == 1 and len(kept) == 100_000, kept
"""


def test_two_processes_at_once(root: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(root), "200"]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    errors = [process.communicate(timeout=100)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors


def test_a_process_that_is_killed_while_it_writes(root: Path) -> None:
    cache = CodeCache(str(root))
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), "1000000"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(20):
            kept = cache.read(NAME)
            assert kept is None or len(set(kept)) == 1
        process.kill()
        process.wait()
        process.stdout.close()
        kept = cache.read(NAME)
        assert kept is None or (len(set(kept)) == 1 and len(kept) == 100_000)
    assert cache.write(NAME, KEPT)
    assert cache.read(NAME) == KEPT


def test_where_it_is() -> None:
    assert folder({"HOME": "/home/kim"}) == "/home/kim/.cache/image-enforcer"
    assert folder({"HOME": "/home/kim", "XDG_CACHE_HOME": "/var/cache"}) == "/var/cache/image-enforcer"
    assert folder({"HOME": "/home/kim", "XDG_CACHE_HOME": "relative"}) == "/home/kim/.cache/image-enforcer"
    assert folder({"HOME": "/home/kim", "IMAGE_ENFORCER_CACHE": "/elsewhere"}) == "/elsewhere"
    for environ in (
        {},
        {"HOME": "x"},
        {"HOME": "/home/kim", "IMAGE_ENFORCER_CACHE": "off"},
        {"IMAGE_ENFORCER_CACHE": "x"},
    ):
        assert folder(environ) is None


def test_names_tell_everything_apart() -> None:
    names = [
        query_name({}, "1"), query_name({}, "2"), query_name({}, "1", strict=True), query_name({"a": "b"}, "1"),
        query_name({"b": "a"}, "1"), query_name({"a": "b", "c": "d"}, "1"), query_name({"c": "d", "a": "b"}, "1"),
        query_name({"a": ""}, "b1"), query_name({"ab": ""}, "1"),
    ]  # fmt: skip
    assert len(set(names)) == len(names)
    assert query_name({"a": "b"}, "1") == query_name({"a": "b"}, "1")
