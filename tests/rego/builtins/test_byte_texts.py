"""Strings that are no UTF-8: what base64 holds need not be text."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from image_enforcer.rego.builtins.byte_texts import as_utf8, from_bytes, joined, to_bytes
from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'base64.encode(base64.decode("/w=="))': '"/w=="',
    'crypto.sha256(base64.decode("/w=="))': '"a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"',
    'hex.encode(base64.decode("iVBORw0KGgo="))': '"89504e470d0a1a0a"',
    'base64.decode("/w==") == base64.decode("/g==")': "false",
    'base64.decode("/w==") == "\\ufffd"': "false",
    'count(base64.decode("wyg="))': "2",
    'concat("", [base64.decode("ww=="), base64.decode("qQ==")]) == "é"': "true",
    'json.marshal(base64.decode("/w=="))': '"\\"\\\\ufffd\\""',
    'sprintf("%q %x", [base64.decode("/w=="), base64.decode("/w==")])': '"\\"\\\\xff\\" ff"',
    '[base64.decode("/w==")]': '["\\xff"]',
    'upper(base64.decode("wyhh"))': '"�(A"',
    'json.unmarshal(base64.decode("Iv8i"))': '"�"',
    'yaml.unmarshal(base64.decode("Iv8i"))': "fault: yaml.unmarshal: yaml: invalid leading UTF-8 octet",
    'substring(base64.decode("/0H/"), 1, 2)': '"A�"',
    'replace("éa", "", "-")': '"-\\xc3-\\xa9-a-"',
    'urlquery.decode("%ff")': '"\\xff"',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.binary())
def test_bytes_come_back(raw: bytes) -> None:
    assert to_bytes(from_bytes(raw)) == raw
    assert value("base64.encode(base64.decode(input.t))", t=base64.b64encode(raw).decode()) == (
        base64.b64encode(raw).decode()
    )


@given(st.binary(), st.binary())
def test_parts_make_the_text_that_the_whole_is(a: bytes, b: bytes) -> None:
    assert joined(from_bytes(a) + from_bytes(b)) == from_bytes(a + b)


@given(st.binary())
def test_what_leaves_is_utf8(raw: bytes) -> None:
    text = from_bytes(raw)
    as_utf8(text).encode()
    rego.to_json([text, {text: text}]).encode()
    outcome("input.t", t=text).encode()
