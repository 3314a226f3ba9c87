"""Outside text made safe to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis import text


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("ünï 画像 😀", "ünï 画像 😀"),
        ("a\x00b\x1b[31m\r", r"a\u0000b\u001b[31m\u000d"),
        ("\u202egnp.exe\u2066x\u061c", r"\u202egnp.exe\u2066x\u061c"),
        ("a\u2028b\u2029\u0085", r"a\u2028b\u2029\u0085"),
        ("\ufeffa\u200b\u2060", r"\ufeffa\u200b\u2060"),
        ("\ud800x\udfff", r"\ud800x\udfff"),
    ],
)
def test_safe(given_text: str, shown: str) -> None:
    assert text.safe(given_text) == shown


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("shop/web:1.4.2", "shop/web:1.4.2"),
        ("shop/web:1\n", r"shop/web:1\u000a"),
        ("a b", "a b"),
        ("a\u00a0b\u200cc\U000e0041", r"a\u00a0b\u200cc\U000e0041"),
        ("\ud800", r"\ud800"),
        ("ngïnx", "ngïnx"),
    ],
)
def test_name(given_text: str, shown: str) -> None:
    assert text.name(given_text, 100) == shown


@given(st.text(), st.integers(1, 50))
def test_bounded_and_safe(given_text: str, limit: int) -> None:
    for shown in (text.safe(given_text, limit), text.name(given_text, limit)):
        assert len(shown) <= limit
        assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in shown)
        shown.encode()
    assert text.name(given_text, limit).isprintable()


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=30))
def test_what_is_harmless_stays(given_text: str) -> None:
    assert text.safe(given_text, 30) == given_text
    assert text.name(given_text, 30) == given_text


def test_the_cut_shows() -> None:
    assert text.safe("a" * 11, 10) == "a" * 9 + "…"
    assert text.safe("a" * 10, 10) == "a" * 10
    assert text.name("a" * 11, 10) == "a" * 9 + "…"
    assert len(text.safe("\x00" * 100_000)) == text.MAX_REASON
