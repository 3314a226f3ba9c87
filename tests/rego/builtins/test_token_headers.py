"""Headers of tokens to be signed: the string that is looked for, or what is wrong in the words of OPA's library."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.token_headers import MAX_DEPTH, text_of
from image_enforcer.rego.errors import BuiltinError


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('{"alg":"HS256"}', "HS256"),
        (' {"a" : [1, {"alg": 2}, "x"] , "alg":"HS512" } ', "HS512"),
        ('{"alg":"HS256","alg":"HS512"}', "HS256"),
        ('{"a":nan,"b":-inf,"c":1.e5-,"alg":"a"}', "a"),
        ('{"alg":"a\\u0062\\"c"}', 'ab"c'),
        ('{"\\u0061lg":"x"}', "x"),
        ('{"alg":"\\\\"}', "\\"),
    ],
)
def test_found(header: str, found: str) -> None:
    assert text_of(header, "alg") == found


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        ("{}", 'jwsbb: header "alg" not found'),
        ("[]", 'jwsbb: header "alg" not found'),
        ('{"alg":1}', "value doesn't contain string; it contains number"),
        ('{"alg":null}', "value doesn't contain string; it contains null"),
        ('{"alg":true}', "value doesn't contain string; it contains true"),
        ('{"alg":[]}', "value doesn't contain string; it contains array"),
        ('{"alg":{}}', "value doesn't contain string; it contains object"),
        ("", 'cannot parse JSON: cannot parse empty string; unparsed tail: ""'),
        ("{", "cannot parse JSON: cannot parse object: missing '}'; unparsed tail: \"\""),
        ("[1 2]", "cannot parse JSON: cannot parse array: missing ',' after array value; unparsed tail: \"2]\""),
        ("{} x", 'unexpected tail: "x"'),
    ],
)
def test_faults(header: str, fault: str) -> None:
    with pytest.raises(BuiltinError) as caught:
        text_of(header, "alg")
    assert str(caught.value) == fault


def test_depth() -> None:
    within, beyond = ("[" * depth + "]" * depth for depth in (MAX_DEPTH, MAX_DEPTH + 1))
    with pytest.raises(BuiltinError, match="not found"):
        text_of(within, "alg")
    with pytest.raises(BuiltinError, match="too big depth"):
        text_of(beyond, "alg")


@given(st.text(st.sampled_from('{}[]",:\\ue1-naft "'), max_size=30))
def test_any_text_has_an_answer_or_a_named_fault(header: str) -> None:
    with suppress(BuiltinError):
        text_of(header, "a")


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text() | st.lists(st.none())), st.text())
def test_json_is_read_as_it_is(more: dict[str, object], value: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    header = json.dumps({**more, "alg": value})
    assert text_of(header, "alg") == value
