"""Platforms as somebody names them, and which images run on them."""

import pytest

from image_enforcer.analysis.platforms import BadPlatform, parse, runs_on
from image_enforcer.domain.manifest import Platform

ARM = Platform(os="linux", architecture="arm", variant="v7")


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7", "windows/amd64"])
def test_platforms_are_read_as_they_are_shown(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "Linux/amd64", "linux/amd64\n", "a b/c"]
)
def test_what_is_none_is_said(text: str) -> None:
    with pytest.raises(BadPlatform, match="write linux/amd64"):
        parse(text)


@pytest.mark.parametrize(
    ("image", "nodes", "runs"),
    [
        ("linux/amd64", ["linux/amd64"], True),
        ("linux/amd64", ["linux/arm64", "linux/amd64"], True),
        ("linux/amd64", ["linux/arm64"], False),
        ("windows/amd64", ["linux/amd64"], False),
        ("linux/arm/v7", ["linux/arm/v7"], True),
        ("linux/arm/v7", ["linux/arm/v6"], False),
        ("linux/arm/v7", ["linux/arm"], True),
        ("linux/arm", ["linux/arm/v7"], True),
        ("linux/s390x", [], True),
    ],
)
def test_which_images_run_where(image: str, nodes: list[str], runs: bool) -> None:
    assert runs_on(parse(image), map(parse, nodes)) is runs


def test_what_says_nothing_may_run_anywhere() -> None:
    assert runs_on(None, [ARM])
