"""URIs and query strings: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'uri.parse("x,:")': 'fault: uri.parse: parse "x,:": first path segment in URL cannot contain colon',
    'uri.parse("a/b:c")': '{"path": "a/b:c", "raw_path": "a/b:c"}',
    'uri.parse(":x")': 'fault: uri.parse: parse ":x": missing protocol scheme',
    'uri.parse("*")': '{"path": "*", "raw_path": "*"}',
    'uri.parse("///a")': '{"path": "///a", "raw_path": "///a"}',
    'uri.parse("mailto:a@b?c=d#e")': '{"fragment": "e", "raw_query": "c=d", "scheme": "mailto"}',
    'uri.parse("http://a:1:2/")': 'fault: uri.parse: parse "http://a:1:2/": invalid port ":1:2" after host',
    'uri.parse("pg://a:1:2/")': '{"hostname": "a:1", "path": "/", "port": "2", "raw_path": "/", "scheme": "pg"}',
    'uri.parse("http://[fe80::1%25en0]:80/")': (
        '{"hostname": "fe80::1%en0", "path": "/", "port": "80", "raw_path": "/", "scheme": "http"}'
    ),
    'uri.parse("http://[1.2.3.4]/")': 'fault: uri.parse: parse "http://[1.2.3.4]/": invalid IP-literal',
    'uri.parse("http://h%41/")': 'fault: uri.parse: parse "http://h%41/": invalid URL escape "%41"',
    'uri.parse("http://a{b/")': 'fault: uri.parse: parse "http://a{b/": invalid character "{" in host name',
    'uri.parse("a#%zz")': 'fault: uri.parse: parse "a#%zz": invalid URL escape "%zz"',
    'uri.parse("%zz#a")': 'fault: uri.parse: parse "%zz": invalid URL escape "%zz"',
    'uri.parse("http://u%zz@h/")': 'fault: uri.parse: parse "http://u%zz@h/": invalid URL escape "%zz"',
    'uri.is_valid("")': "false",
    'uri.is_valid("é {")': "true",
    'urlquery.decode("%a+")': 'fault: urlquery.decode: invalid URL escape "%a+"',
    'urlquery.decode_object("a=%zz&b;c")': "fault: urlquery.decode_object: invalid semicolon separator in query",
    'urlquery.encode_object({"b": ["x", "y"], "a": {"z"}})': '"a=z&b=x&b=y"',
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


def test_a_query_has_so_many_parameters_at_most() -> None:
    fault = "fault: urlquery.decode_object: number of URL query parameters exceeded limit"
    assert outcome("urlquery.decode_object(input.t)", t="&" * 10_000) == fault
    assert outcome("urlquery.decode_object(input.t)", t="&" * 9_999) == "{}"


@given(st.text())
def test_what_was_encoded_is_decoded(text: str) -> None:
    assert value("urlquery.decode(urlquery.encode(input.t))", t=text) == text


@given(st.text(st.sampled_from("ab:/?#[]@%25zé &=.0")))
def test_every_text_is_a_uri_or_a_fault(text: str) -> None:
    is_fault = outcome("uri.parse(input.t)", t=text).startswith("fault")
    assert value("uri.is_valid(input.t)", t=text) is (bool(text) and not is_fault)
