"""URL paths: cleaned and redirected as Go does, decoded once, and never made into a query's text."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.rest.paths import (
    BadSegment,
    all_segments,
    cleaned,
    data_path,
    reference_query,
    reference_text,
    segments,
    well_formed,
)
from image_enforcer.rego import compile_modules


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("/", "/"),
        ("//", "/"),
        ("", "/"),
        ("/a//b", "/a/b"),
        ("/a/./b/", "/a/b/"),
        ("/a/../../b", "/b"),
        ("//a", "/a"),
        ("/a%2F..%2Fb", "/a%2F..%2Fb"),
    ],
)
def test_paths_are_cleaned_without_looking_into_escapes(raw: str, clean: str) -> None:
    assert cleaned(raw) == clean


def test_escapes_are_decoded_once_and_in_segments() -> None:
    assert segments("clair/layers/sha256%3Aab/a%2Fb/a+b/%2525") == ("clair", "layers", "sha256:ab", "a/b", "a+b", "%25")
    assert segments("") == ()
    assert all_segments("/v1/data/a%2Fb/") == ["v1", "data", "a/b", ""]
    assert well_formed("/a%2f%C3%A9")
    assert not well_formed("/a%zz")
    assert not well_formed("/a%2")


def test_integers_are_indexes_and_quotes_are_refused() -> None:
    assert data_path("a/0/-1/01/x1/%31") == ("a", 0, -1, 1, "x1", 1)
    assert data_path("/system//main") == ("system", "main")
    assert data_path("2.0/.0/-2./+3.00/.") == (2, 0, -2, 3, 0)
    assert data_path("2.10/1e3/1.0.0/-/+/\u0661/2%0a") == ("2.10", "1e3", "1.0.0", "-", "+", "\u0661", "2\n")
    assert data_path("9223372036854775807/9223372036854775808") == (2**63 - 1, "9223372036854775808")
    assert data_path("-9223372036854775808/-9223372036854775809") == (-(2**63), "-9223372036854775809")
    assert data_path(f"{'0' * 19}/{'0' * 20}") == (0, "0" * 20)
    with pytest.raises(BadSegment, match=r"invalid ref term 'a\"b'"):
        data_path("x/a%22b")


def test_references_are_printed_as_rego_writes_them() -> None:
    assert reference_text(("a", "b c", 0, "if", "x")) == 'data.a["b c"][0]["if"].x'


@given(st.lists(st.text(min_size=1), max_size=3))
def test_no_segment_becomes_anything_but_a_constant(texts: list[str]) -> None:
    """What CVE-2025-46569 was about: a path that closes the reference and goes on as a query."""
    raw = "/".join(quote(t, safe="") for t in texts)
    if any('"' in t for t in texts):
        with pytest.raises(BadSegment):
            data_path(raw)
        return
    path = data_path(raw)
    data: Any = "found"
    for step in reversed(path):
        data = {str(step): data}
    assert compile_modules({}).prepare(reference_query(path)).value(data=data) == "found"


INJECTIONS = [
    "x%5D%3B%20true",
    "x%20with%20data.a%20as%201",
    "x%22%5D%3B%20y%20%3A%3D%20%22",
    "a%0Ab",
    "%60%5D%3Btrue%60",
    "x%5D",
    "[x]",
    "a;b",
    "a.b",
    "..",
    "%2e%2e",
    "${x}",
    "a%00b",
    "%EF%BF%BD",
    "%ff",
]


@pytest.mark.parametrize("segment", INJECTIONS)
def test_injected_rego_only_names_a_document(client: Callable[..., Any], segment: str) -> None:
    c = client({"p": "package p\n\nsecret := 1\n"}, {"a": 1})
    for method, target in [("GET", "/v1/data/"), ("POST", "/v1/data/"), ("POST", "/v0/data/")]:
        answer = c.ask(method, target + segment)
        assert answer.status in (200, 307, 404, 500)
        assert "secret" not in answer.body.decode()
        if answer.status == 200:
            assert "result" not in answer.json
