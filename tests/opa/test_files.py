"""Reading files: what is refused, with which next step, and that nothing waits or loops."""

import os
import stat
from pathlib import Path

import pytest

from image_enforcer.opa import files


def names(folder: Path, *ignore: str) -> list[str]:
    found = files.tree(str(folder), ignore)
    return [os.path.relpath(e.path, folder) if isinstance(e, files.Found) else e.text for e in found]


def write(path: Path, text: str = "{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def reason(path: Path | str) -> files.Unreadable:
    with pytest.raises(files.Unreadable) as caught:
        files.read(str(path))
    return caught.value


def test_files_come_in_order_with_their_steps(tmp_path: Path) -> None:
    for name in ("b.json", "a/z.rego", "a/c/d.yaml", "a/readme.md", "c.yml", "script.sh"):
        write(tmp_path / name)
    found = [e for e in files.tree(str(tmp_path)) if isinstance(e, files.Found)]
    assert [(Path(e.path).name, e.steps) for e in found] == [
        ("d.yaml", ("a", "c")),
        ("z.rego", ("a",)),
        ("b.json", ()),
        ("c.yml", ()),
    ]


def test_ignored_names_are_left_out_with_what_is_below(tmp_path: Path) -> None:
    for name in (".git/a.json", "x/b.json", "x_test.rego", "keep.json"):
        write(tmp_path / name)
    assert names(tmp_path, ".*", "x", "*_test.rego") == ["keep.json"]


def test_a_mounted_config_map_is_loaded_once(tmp_path: Path) -> None:
    write(tmp_path / "..2026_11_24" / "p.rego")
    (tmp_path / "..data").symlink_to("..2026_11_24")
    (tmp_path / "p.rego").symlink_to("..data/p.rego")
    assert names(tmp_path) == ["p.rego"]


def test_links_to_directories_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "real" / "a.json")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "real")
    assert names(tmp_path / "tree") == ["link/a.json"]


def test_a_link_that_leads_back_is_a_fault_and_no_loop(tmp_path: Path) -> None:
    write(tmp_path / "d" / "a.json")
    (tmp_path / "d" / "up").symlink_to("..")
    first, second = names(tmp_path)
    assert first == "d/a.json"
    assert second == f"stat {tmp_path}/d/up: too many levels of symbolic links"


def test_many_ways_through_links_come_to_an_end(tmp_path: Path) -> None:
    before = tmp_path / "0"
    before.mkdir()
    for i in range(1, 25):
        folder = tmp_path / str(i)
        folder.mkdir()
        (folder / "a").symlink_to(before)
        (folder / "b").symlink_to(before)
        before = folder
    *_, last = files.tree(str(before), most=500)
    assert isinstance(last, files.Unreadable)
    assert last.text == f"{before}: more than 500 names below it"


def test_directories_nest_only_so_deep(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath(*["d"] * files.MAX_DEPTH)
    write(deepest / "a.json")
    assert names(tmp_path) == [f"{deepest}: more than {files.MAX_DEPTH} directories inside each other"]
    write(deepest.parent / "b.json")
    assert len(names(tmp_path)) == 2


def test_directories_are_listed_as_they_are_gone_through(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "x.json")
    write(tmp_path / "..data" / "x.json")
    assert [os.path.relpath(f, tmp_path) for f in files.folders(str(tmp_path))] == [".", "a", "a/b"]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf{}")
    assert files.read(str(tmp_path / "a.json")) == "{}"


def test_other_encodings_are_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{\n"a": "\xff"}')
    error = reason(tmp_path / "a.json")
    assert error.text == f"{tmp_path}/a.json: not UTF-8 text (line 2, column 7)"
    assert error.hint == "save the file in UTF-8"


def test_a_missing_file(tmp_path: Path) -> None:
    error = reason(tmp_path / "nope")
    assert (error.text, error.hint) == (f"stat {tmp_path}/nope: no such file or directory", "check the path")


def test_a_missing_file_whose_name_has_a_colon(tmp_path: Path) -> None:
    assert "write ./ before" in reason(tmp_path / "a:b.json").hint


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("gone.json")
    assert "it is a link to gone.json, which does not exist" in reason(tmp_path / "a.json").hint


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to("a.json")
    error = reason(tmp_path / "a.json")
    assert error.text == f"stat {tmp_path}/a.json: too many levels of symbolic links"
    assert "leads to itself" in error.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json")
    path.chmod(0)
    error = reason(path)
    assert error.text == f"stat {path}: permission denied"
    assert error.hint == f"allow reading it: chmod a+rX {path}"


def test_the_hint_for_a_file_that_may_not_be_read() -> None:
    error = files.unreadable("a.json", PermissionError(13, "Permission denied"))
    assert (error.text, error.hint) == ("stat a.json: permission denied", "allow reading it: chmod a+rX a.json")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    assert reason(tmp_path / "a.json").text == f"{tmp_path}/a.json: not a regular file but a pipe"


def test_a_device_is_refused() -> None:
    assert reason("/dev/zero").text == "/dev/zero: not a regular file but a device"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mknod("a.json", stat.S_IFSOCK | 0o600)
    assert reason("a.json").text == "a.json: not a regular file"


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    assert reason(tmp_path).text == f"{tmp_path}: is a directory"


def test_a_path_with_a_nul_byte() -> None:
    assert reason("a\0b").text == r"stat 'a\x00b': invalid argument"


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", "")
    os.truncate(path, files.MAX_FILE + 1)
    assert reason(path).text == f"{path}: larger than 512 MiB"


def test_files_that_are_too_large_together(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", "{}  ")
    assert files.read(str(path), room=4) == "{}  "
    with pytest.raises(files.Unreadable, match="with this file there would be more than"):
        files.read(str(path), room=3)


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [(b"", 0, (1, 1)), (b"ab", 1, (1, 2)), (b"a\nb", 2, (2, 1)), (b"\n\n", 2, (3, 1)), (b"a\n", 1, (1, 2))],
)
def test_places(text: bytes, offset: int, expected: tuple[int, int]) -> None:
    assert files.place(text, offset) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("./a", "a"), ("a", "a"), (".//a", "a"), ("./", "./"), (".", "."), ("/a", "/a"), ("../a", "../a"), (".a", ".a")],
)
def test_paths_as_they_are_told(path: str, expected: str) -> None:
    assert files.plain(path) == expected
