"""Text to tokens: kinds, what stands before a token, faults, and the places in a text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.syntax.lexer import MAX_FAULTS, MAX_LINE, Source, tokenize


def kinds(text: str) -> list[str]:
    return [t.kind for t in tokenize(Source("a.rego", text))[0]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["eof"]),
        ("a := 1", ["identifier", "assign", "number", "eof"]),
        ("a:=b==c!=d", ["identifier", "assign", "identifier", "equal", "identifier", "neq", "identifier", "eof"]),
        ("<= >= < > = | & % *", ["lte", "gte", "lt", "gt", "eq", "or", "and", "rem", "mul", "eof"]),
        ("1.5e-3 0x", ["number", "illegal", "eof"]),
        ('"a\\"b" `raw\n`', ["string", "raw-string", "eof"]),
        ("a.b[c]", ["identifier", ".", "identifier", "[", "identifier", "]", "eof"]),
        ("# only a comment", ["eof"]),
        ('$"a{b}c"', ["template-string-part", "identifier", "}", "template-string-end", "eof"]),
        ('$"{ {1: {2}} }"', ["template-string-part", "{", "number", ":", "{", "number", "}", "}", "}",
                             "template-string-end", "eof"]),
        ("$`a{b}`", ["raw-template-string-part", "identifier", "}", "raw-template-string-end", "eof"]),
        ("\ufeffa", ["identifier", "eof"]),
        ("a\u00a0b", ["identifier", "illegal", "identifier", "eof"]),
    ],
)  # fmt: skip
def test_kinds(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('"abc', "non-terminated string"), ('"a\nb"', "non-terminated string"), ("`abc", "non-terminated string"),
        ('"\\x"', "illegal escape sequence"), ('"\0"', "illegal null character"), ("\0", "illegal null character"),
        ("1.", "expected fraction"), ("1e+", "expected exponent"), ("1_0", "illegal number format"),
        ("!", "illegal ! character"), ("$", "illegal $ character"), ('$"abc', "non-terminated string"),
        ("a\ufeff", "illegal byte-order mark"),
        ("\u00a0", "illegal non-breaking space character, use a regular space instead"),
    ],
)  # fmt: skip
def test_faults_are_in_the_token(text: str, fault: str) -> None:
    faults = [f for t in tokenize(Source("a.rego", text))[0] for f in t.faults]
    assert fault in faults


def test_space_and_newline_before_a_token() -> None:
    tokens, comments = tokenize(Source("a.rego", "a b\n  c# x \r\n.d"))
    assert [(t.text, t.space, t.newline) for t in list(tokens)[:5]] == [
        ("a", False, False), ("b", True, False), ("c", True, True), (".", True, True), ("d", False, False),
    ]  # fmt: skip
    assert [c.text for c in comments] == [" x "]


def test_places_count_rows_and_columns_from_one() -> None:
    source = Source("a.rego", "ab\ncdé f\n")
    place = source.location(7, 8)
    assert (place.row, place.col, place.text) == (2, 5, "f")
    assert (source.end_location().row, source.end_location().col) == (3, 0)
    assert (Source("a", "abc").end_location().row, Source("a", "abc").end_location().col) == (1, 3)


def test_the_line_shown_with_a_fault_is_bounded() -> None:
    text = "x" * 100_000 + "!" + "y" * 100_000
    line, index = Source("a.rego", text).line_at(100_000)
    assert len(line) == MAX_LINE
    assert line[index] == "!"


def test_faults_of_one_string_are_bounded() -> None:
    tokens, _ = tokenize(Source("a.rego", '"' + "\\x" * 10_000 + '"'))
    assert len(tokens[0].faults) <= MAX_FAULTS + 1


def test_half_surrogate_pairs_become_replacement_characters() -> None:
    assert Source("a.rego", "a\ud800b\udfff").text == "a\ufffdb\ufffd"


@given(st.text())
def test_tokens_follow_each_other_and_end_with_the_text(text: str) -> None:
    source = Source("a.rego", text)
    tokens, _ = tokenize(source)
    assert tokens[-1].kind == "eof"
    assert tokens[-1].end == len(source.text)
    for before, after in pairwise(tokens):
        assert before.start <= before.end <= after.start


@given(st.text(), st.integers(0, 300))
def test_every_offset_has_a_line(text: str, offset: int) -> None:
    line, index = Source("a.rego", text).line_at(offset)
    assert "\n" not in line
    assert -1 <= index <= len(line.encode())
