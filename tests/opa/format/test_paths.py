"""Which files are gone through."""

from pathlib import Path

import pytest

from image_enforcer.opa.format.paths import Unwalkable, policies


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("d/b.rego", "d/a/z.rego", "d/a.rego", "d/t.txt", "d/x.rego/in.rego", "other/y.rego"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "d" / "linked").symlink_to("../other")
    (tmp_path / "link").symlink_to("d")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_directories_in_order_of_names(folder: Path) -> None:
    assert folder.is_dir()
    assert list(policies("./d")) == ["d/a/z.rego", "d/a.rego", "d/b.rego", "d/x.rego/in.rego"]
    assert list(policies("d/")) == list(policies("d"))


def test_files_as_they_are_named(folder: Path) -> None:
    assert list(policies("./d/a.rego")) == ["./d/a.rego"]
    assert list(policies("d/t.txt")) == []
    assert list(policies(f"file://{folder}/d/a.rego")) == [f"{folder}/d/a.rego"]


def test_links_to_directories_are_not_followed(folder: Path) -> None:
    assert folder.is_dir()
    assert list(policies("link")) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nope.rego", "lstat nope.rego: no such file or directory"),
        ("http://x/a.rego", "unsupported URL scheme: http://x/a.rego"),
        ("a\0b", "lstat 'a\\x00b': invalid argument"),
    ],
)
def test_what_is_not_there(folder: Path, path: str, text: str) -> None:
    assert folder.is_dir()
    with pytest.raises(Unwalkable) as e:
        list(policies(path))
    assert str(e.value) == text
