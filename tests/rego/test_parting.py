"""Texts and patterns in pieces, as OPA's index takes them apart."""

import pytest

from image_enforcer.rego.parting import parted, segments


@pytest.mark.parametrize(
    ("text", "delimiters", "pieces"),
    [
        ("a.b.c", ".", ["a", "b", "c"]),
        ("a.b/c", "./", ["a", "b", "c"]),
        (r"a\.b.c", ".", [r"a\.b", "c"]),
        ("", ".", [""]),
        (".", ".", ["", ""]),
        ("é.ü", ".", ["é", "ü"]),
        ("ab", "", ["ab"]),
    ],
)
def test_texts(text: str, delimiters: str, pieces: list[str]) -> None:
    assert parted(text, delimiters) == pieces


@pytest.mark.parametrize(
    ("pattern", "pieces"),
    [
        ("a.*", ["a", None]),
        ("*", [None]),
        ("a*.b", None),
        ("a?", None),
        (r"a\*", [r"a\*"]),
        ("[a]", None),
        ("{a}", None),
    ],
)
def test_patterns(pattern: str, pieces: list[str | None] | None) -> None:
    assert segments(pattern, ".") == pieces
