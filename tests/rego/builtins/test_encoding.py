"""Encodings: outcomes as OPA gives them."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'base64.encode("é?")': '"w6k/"',
    'base64url.encode_no_pad("é?>")': '"w6k_Pg"',
    'base64url.decode("w6k_Pg")': '"é?>"',
    'hex.encode("é")': '"c3a9"',
    'urlquery.encode("a b&c=é/")': '"a+b%26c%3D%C3%A9%2F"',
    'urlquery.encode_object({"a": ["1", "2"], "b": "x y"})': '"a=1&a=2&b=x+y"',
    'urlquery.decode_object("a=1&a=2&b=")': '{"a": ["1", "2"], "b": [""]}',
    'json.marshal({"b": [1, 1.50], "a": {"<"}})': '"{\\"a\\":[\\"\\\\u003c\\"],\\"b\\":[1,1.50]}"',
    'json.marshal_with_options({"a": [1]}, {"indent": "  ", "pretty": true})': '"{\\n  \\"a\\": [\\n    1\\n  ]\\n}"',
    'json.unmarshal("{\\"a\\": [1.50, null]}")': '{"a": [1.50, null]}',
    'yaml.unmarshal("a: [yes, 0o17, 1.50, ~]\\nb: |\\n  x\\n")': '{"a": ["yes", 15, 1.5, null], "b": "x\\n"}',
    'yaml.marshal({"a": [{"b": "yes"}], "c": "x: y"})': '"a:\\n  - b: \\"yes\\"\\nc: \'x: y\'\\n"',
    'uri.parse("https://u@h.example:8443/p%20q?a=b#f")': (
        '{"fragment": "f", "hostname": "h.example", "path": "/p q", "port": "8443", "raw_path": "/p q", '
        '"raw_query": "a=b", "scheme": "https"}'
    ),
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_round_trips(text: str) -> None:
    for encode, decode in {
        "base64.encode": "base64.decode",
        "base64url.encode": "base64url.decode",
        "base64url.encode_no_pad": "base64url.decode",
        "hex.encode": "hex.decode",
        "urlquery.encode": "urlquery.decode",
        "json.marshal": "json.unmarshal",
    }.items():
        assert value(f"{decode}({encode}(input.t))", t=text) == text, encode
    assert value("base64.encode(input.t)", t=text) == base64.b64encode(text.encode()).decode()


@given(st.text(max_size=12))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    for decode in ("base64.decode", "base64url.decode", "hex.decode", "urlquery.decode", "urlquery.decode_object",
                   "json.unmarshal", "yaml.unmarshal", "uri.parse"):  # fmt: skip
        outcome(f"{decode}(input.t)", t=text)


DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ("1e6", "1e+06"),
        ("123456.5", "123456.5"),
        ("1234567.5", "1.2345675e+06"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ('"2024-01-02"', '"2024-01-02"'),
        ('"2024-01-02 03:04:05Z"', "2024-01-02 03:04:05Z"),
        ('"2024-13-45"', "2024-13-45"),
        ('"12:30"', '"12:30"'),
        ('"0X1F"', '"0X1F"'),
        ('"1e999"', "1e999"),
        ('"\U0001f600"', '"\\U0001F600"'),
        ('{"a10": 1, "a9": 1, "": 1, "_": 1, "1": 1}', '"": 1\n_: 1\n"1": 1\na9: 1\na10: 1'),
        ('{true: 1, "tier": 1, 9: 1, 10: 1}', '"9": 1\n"10": 1\ntier: 1\n"true": 1'),
    ],
)
def test_yaml_is_written_as_go_does(document: str, text: str) -> None:
    assert value(f"yaml.marshal({document})") == f"{text}\n"


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("--- {a: 1}\n---\nb: 2\n", '{"a": 1}'),
        ("0X1F", "31"),
        ("1_000.5", "1000.5"),
        ("1e999", '"1e999"'),
        ("-9223372036854775809", "-9223372036854776000"),
    ],
)
def test_yaml_is_read_as_go_does(text: str, document: str) -> None:
    assert outcome("yaml.unmarshal(input.t)", t=text) == document


def test_a_fault_in_a_later_document_counts() -> None:
    assert value("yaml.is_valid(input.t)", t="--- 1\n--- [\n") is False


UNWRITABLE = re.compile(r"[\x7f-\x9f\ufffe\uffff]|\\t")
"""What YAML has no way to write, folds, or takes for an indent: Go's library does not read that back either."""


@given(DOCUMENTS.filter(lambda d: not UNWRITABLE.search(rego.to_json(d))))
def test_yaml_reads_what_it_writes(document: rego.Value) -> None:
    got = value("yaml.unmarshal(yaml.marshal(input.d))", d=document)
    assert rego.to_json(got) == rego.to_json(document)
