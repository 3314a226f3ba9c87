"""Options in Go's form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.cli.go_flags import two_dashes

NAMES = frozenset({"repository", "poll-delay", "once", "dry-run"})
MANY = frozenset({"repository"})
FLAGS = frozenset({"once", "dry-run"})


def read(*arguments: str) -> list[str]:
    return two_dashes(arguments, NAMES, MANY, FLAGS)


@pytest.mark.parametrize("dashes", ["-", "--"])
def test_one_dash_or_two_and_values_behind_a_space_or_an_equals_sign(dashes: str) -> None:
    assert read(f"{dashes}poll-delay", "5s") == ["--poll-delay=5s"]
    assert read(f"{dashes}poll-delay=5s") == ["--poll-delay=5s"]
    assert read(f"{dashes}poll-delay=a=b") == ["--poll-delay=a=b"]
    assert read(f"{dashes}poll-delay=") == ["--poll-delay="]


def test_the_last_of_one_value_counts_and_all_of_several() -> None:
    assert read("-poll-delay", "1s", "--poll-delay=2s", "-poll-delay", "3s") == ["--poll-delay=3s"]
    assert read("-repository", "a", "-repository=b") == ["--repository=a", "--repository=b"]


def test_a_value_may_look_like_an_option() -> None:
    assert read("-poll-delay", "-once") == ["--poll-delay=-once"]
    assert read("-poll-delay", "--", "x") == ["--poll-delay=--", "x"]


def test_flags_take_no_value() -> None:
    assert read("-once", "-dry-run") == ["--once", "--dry-run"]
    assert read("-once", "-poll-delay", "1s", "-poll-delay", "2s") == ["--once", "--poll-delay=2s"]
    assert read("-once=true", "-dry-run=false") == ["--once"]
    assert read("-once", "-once=F") == []
    assert read("-once=perhaps") == ["--once=perhaps"]


def test_what_is_not_known_stays() -> None:
    assert read("-nosuch", "x", "-o", "json", "---once", "word") == ["-nosuch", "x", "-o", "json", "---once", "word"]
    assert read("--", "-once") == ["--", "-once"]
    assert read("-repository") == ["--repository"]
    assert read() == []


words = st.sampled_from(["-once", "--once", "-poll-delay", "--poll-delay=1", "-repository", "x", "-", "--", "-x", "="])


@given(st.lists(words, max_size=8))
def test_what_is_read_once_is_read(arguments: list[str]) -> None:
    once = read(*arguments)
    assert read(*once) == once
    assert sum(word.startswith("--poll-delay=") for word in once[: once.index("--") if "--" in once else None]) <= 1
