"""The first JSON value of a text, and Go's words about text that has none."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.opa.rest.json_stream import JsonFault, first_value, go_char
from image_enforcer.rego import to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["", " x", "{", ' "', "\n]"]), st.sampled_from(["", " ", "\n\t\r "]))
def test_what_follows_the_first_value_is_ignored(value: Any, after: str, before: str) -> None:
    text = json.dumps(value)
    if after and isinstance(value, int):
        after = " " + after
    assert first_value((before + text + after).encode()) == value


@given(st.binary(max_size=40))
@example(b'{"a":[1,{"b":"\\ud800"}]}')
def test_any_bytes_are_a_value_or_a_fault(raw: bytes) -> None:
    try:
        value = first_value(raw)
    except JsonFault:
        return
    to_json(value)


@given(JSON)
def test_every_beginning_of_a_text_is_a_value_or_ends_too_early(value: Any) -> None:
    text = json.dumps([value], ensure_ascii=False).encode()
    for size in range(len(text)):
        with pytest.raises(JsonFault, match="EOF"):
            first_value(text[:size])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "EOF"),
        ("  \n", "EOF"),
        ("{", "unexpected EOF"),
        ('{"a"', "unexpected EOF"),
        ("tru", "unexpected EOF"),
        ("-", "unexpected EOF"),
        ("1e+", "unexpected EOF"),
        ('"\\', "unexpected EOF"),
        ('"\\u12', "unexpected EOF"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ('{"a":1]', "invalid character ']' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[01]", "invalid character '1' after array element"),
        ("trux", "invalid character 'x' in literal true (expecting 'e')"),
        ("nil", "invalid character 'i' in literal null (expecting 'u')"),
        ("-a", "invalid character 'a' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1ex", "invalid character 'x' in exponent of numeric literal"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u12G4"', "invalid character 'G' in \\u hexadecimal character escape"),
        ("[" * 100_000, "nested deeper than 512 levels"),
        ("1e99999999", "invalid number: number too big"),
    ],
)
def test_faults_are_told_as_go_tells_them(text: str, message: str) -> None:
    with pytest.raises(JsonFault) as caught:
        first_value(text.encode())
    assert str(caught.value) == message


def test_bytes_that_are_not_utf8_and_halves_of_pairs_become_replacements() -> None:
    assert first_value(b'"\xff\xfe"') == "\ufffd\ufffd"
    assert first_value(b'"\\ud800x\\udc00"') == "\ufffdx\ufffd"
    assert first_value(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert first_value(b'"\\\\ud800"') == "\\ud800"


def test_numbers_keep_their_text() -> None:
    assert to_json(first_value(b"[1.50,1e3,1E400,-0] rest")) == "[1.50,1e3,1E400,-0]"
    assert to_json(first_value(b"01")) == "0"


def test_characters_are_quoted_as_go_quotes_them() -> None:
    assert [go_char(b) for b in (0x1F, 0x7F, 0x0B, 0x5C, 0x41, 0xFF, 0x85)] == [
        "\\x1f", "\\x7f", "\\v", "\\\\", "A", "ÿ", "\\u0085",
    ]  # fmt: skip
