"""Platforms as somebody names them, and which images run on them."""

import pytest

from image_enforcer.analysis.platforms import BadPlatform, parse, runs_on
from image_enforcer.domain.manifest import Platform

ARM = Platform(os="linux", architecture="arm", variant="v7")


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7", "windows/amd64"])
def test_platforms_are_read_as_they_are_shown(text: str) -> None:
    assert str(parse(text)) == str(parse(text.upper())) == text


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/amd64\n", "a b/c"])
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
        ("linux/s390x", ["linux/amd64", "linux/arm64"], False),
        ("linux/arm/v7", ["linux/arm/v7"], True),
        ("linux/arm/v7", ["linux/arm/v6"], False),
        ("linux/arm/v6", ["linux/arm/v7"], True),
        ("linux/arm/v7", ["linux/arm"], True),
        ("linux/arm", ["linux/arm/v7"], True),
        ("linux/s390x", [], True),
        # The same by another name: a runtime takes it.
        ("linux/x86_64", ["linux/amd64"], True),
        ("Linux/AMD64", ["linux/amd64"], True),
        ("linux/amd64", ["linux/x86_64"], True),
        ("linux/aarch64", ["linux/arm64"], True),
        ("linux/arm64/8", ["linux/arm64/v8"], True),
        ("linux/arm64/v9", ["linux/arm64"], True),
        ("linux/arm/7", ["linux/arm/v7"], True),
        ("linux/armhf", ["linux/arm/v7"], True),
        ("linux/arm/odd", ["linux/arm/v6"], True),
        ("macos/arm64", ["darwin/arm64"], True),
        ("linux/arm64", ["darwin/arm64"], True),
        ("linux/amd64", ["freebsd/amd64"], True),
        ("linux/amd64", ["freebsd/arm64"], False),
        ("freebsd/amd64", ["linux/amd64"], False),
        ("linux/amd64", ["windows/amd64"], False),
        # What a machine runs beside what it is.
        ("linux/386", ["linux/amd64"], True),
        ("linux/i386", ["linux/amd64"], True),
        ("linux/arm/v7", ["linux/arm64"], True),
        ("linux/amd64", ["linux/386"], False),
        ("linux/arm64", ["linux/arm/v7"], False),
    ],
)
def test_which_images_run_where(image: str, nodes: list[str], runs: bool) -> None:
    system, architecture, *variant = image.split("/")
    platform = Platform(os=system, architecture=architecture, variant="".join(variant))
    assert runs_on(platform, map(parse, nodes)) is runs


@pytest.mark.parametrize(("system", "architecture"), [("", "amd64"), ("unknown", "amd64"), ("linux", ""), ("", "")])
def test_what_says_not_all_of_it_may_run_anywhere(system: str, architecture: str) -> None:
    assert runs_on(Platform(os=system, architecture=architecture), [parse("linux/amd64")])
    assert runs_on(None, [ARM])
