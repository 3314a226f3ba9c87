"""Where facts are, as `serve` is told."""

from pathlib import Path

import pytest

from image_enforcer.cli.facts import check_registry, told_facts
from image_enforcer.cli.faults import Fault


def test_each_workers_address_has_a_copy_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    places = []
    for url in ("http://one:8383", "http://one:8383/", "http://two:8383", "https://one:8383"):
        found = told_facts(url, None, None, None)
        assert found is not None
        assert found.shown == url
        assert str(found.place) in found.pull
        places.append(found.place)
    assert places[0] == places[1]
    assert len(set(places)) == 3
    assert {place.parent for place in places} == {tmp_path / "image-enforcer"}
    named = told_facts("http://one:8383", None, None, str(tmp_path / "mine.db"))
    assert named is not None
    assert named.place == tmp_path / "mine.db"


@pytest.mark.parametrize("told", ["127.0.0.1:8383", "worker:8383", "[::1]:8383", "worker.corp:8383/"])
def test_an_address_without_a_scheme_is_told_from_a_file(told: str) -> None:
    with pytest.raises(Fault) as fault:
        told_facts(told, None, None, None)
    assert fault.value.hint.startswith(f"--facts http://{told},")


def test_a_file_may_be_called_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("facts:1").touch()
    found = told_facts("facts:1", None, None, None)
    assert found is not None
    assert (found.place, found.pull) == (Path("facts:1"), ())


@pytest.mark.parametrize("told", ["http://", "https://w:99999", "http://kim:hunter2@worker", "http://[::1"])
def test_what_is_no_address(told: str) -> None:
    with pytest.raises(Fault) as fault:
        told_facts(told, None, None, None)
    assert "hunter2" not in fault.value.text


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        ("https://registry.corp:5000", "registry.corp:5000"), ("registry.corp:5000/", "registry.corp:5000"),
        ("index.docker.io", "docker.io"), ("", "docker.io"), ("a b", "docker.io"), ("team", "docker.io"),
    ],
)  # fmt: skip
def test_what_is_no_registry(told: str, hint: str) -> None:
    for good in ("docker.io", "registry.corp:5000", "localhost", "127.0.0.1:5000"):
        check_registry(good)
    with pytest.raises(Fault) as fault:
        check_registry(told)
    assert fault.value.hint == f"--facts-registry {hint}"
