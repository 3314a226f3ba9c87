"""Outside text as terminals and logs may see it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.cli.shown import block, line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shop/web:1", "shop/web:1"),
        ("a\nb\t\x1b\u202e\u2028\udcff", "a\\u000ab\\u0009\\u001b\\u202e\\u2028\\udcff"),
        ("::error::x", "\\u003a:error::x"),
        ("  ::x", "  \\u003a:x"),
        ("a ::x", "a ::x"),
        ("fd00::1", "fd00::1"),
        ("a ##[x]", "a \\u0023#[x]"),
        ("##VSO[x]", "\\u0023#VSO[x]"),
        ("# a ## b", "# a ## b"),
    ],
)
def test_line(text: str, shown: str) -> None:
    assert line(text) == shown


def test_line_is_bounded() -> None:
    assert len(line("x" * 10_000)) == 4096
    assert line("x" * 10, 5) == "xxxx…"


def test_block_indents_all_but_the_first_line() -> None:
    assert block("a\nerror[IE1]: b\n::c::\n", "  ") == "a\n  error[IE1]: b\n  \\u003a:c::"


@given(st.text() | st.text(":#[vso ]\n\x1b"))
def test_nothing_gives_a_command(text: str) -> None:
    for shown in (line(text), block(text, "  ")):
        assert not re.search(r"^\s*::|##\[|##vso\[", shown, flags=re.MULTILINE | re.IGNORECASE)
        assert "\x1b" not in shown
    assert line(text).isprintable()
