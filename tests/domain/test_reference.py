"""References as text."""

import dataclasses

import pytest

from image_enforcer.domain.reference import ImageReference

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("tag", "digest", "shown"),
    [
        (None, None, "r/a/b"),
        ("1", None, "r/a/b:1"),
        (None, DIGEST, f"r/a/b@{DIGEST}"),
        ("1", DIGEST, f"r/a/b:1@{DIGEST}"),
    ],
)
def test_text(tag: str | None, digest: str | None, shown: str) -> None:
    assert str(ImageReference(registry="r", repository="a/b", tag=tag, digest=digest)) == shown


def test_references_are_values() -> None:
    one = ImageReference(registry="r", repository="a", tag="1")
    assert one == ImageReference(registry="r", repository="a", tag="1")
    assert len({one, ImageReference(registry="r", repository="a", tag="1")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.tag = "2"  # type: ignore[misc]  # that this is refused is what is tested
