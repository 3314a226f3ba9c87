"""URLs there and back, as in Go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins import urls
from image_enforcer.rego.errors import BuiltinError


@pytest.mark.parametrize(
    "text",
    [
        "https://u:p@h.example:8443/p%20q/%2F?a=b&c#f", "urn:x:y", "spiffe://d/a;b", "/a/b?c", "a/b", "http://[::1]:80/",
        "mailto:a@b", "http://h?", "http://h/%zz"[:8], "//h/p", "", "http://h/a%2Fb", "file:///x", "x:/y",
    ],
)  # fmt: skip
def test_there_and_back(text: str) -> None:
    assert str(urls.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (":", 'parse ":": missing protocol scheme'),
        ("http://h/%z", 'parse "http://h/%z": invalid URL escape "%z"'),
        ("http://h:x/", 'parse "http://h:x/": invalid port ":x" after host'),
        ("a:b\n", 'parse "a:b\\n": net/url: invalid control character in URL'),
        ("http://a b/", 'parse "http://a b/": invalid character " " in host name'),
        ("http://u[@h/", 'parse "http://u[@h/": net/url: invalid userinfo'),
        ("1:2/3", 'parse "1:2/3": first path segment in URL cannot contain colon'),
    ],
)
def test_faults(text: str, fault: str) -> None:
    with pytest.raises(BuiltinError) as caught:
        urls.parse(text)
    assert str(caught.value) == fault


def test_parts() -> None:
    url = urls.parse("HTTP://u@H.example:80/a b?q=1#f%20g")
    assert (url.scheme, url.user, url.hostname, url.port) == ("http", ("u", None), "H.example", "80")
    assert (url.path, url.escaped_path, url.target, url.fragment) == ("/a b", "/a%20b", "/a%20b?q=1", "f g")
    assert urls.parse("http://[::1]:8/").hostname == "::1"
    assert urls.parse("http://h").target == "/"


@given(st.text(max_size=40))
def test_what_is_written_is_read_again(text: str) -> None:
    try:
        found = urls.parse(text)
    except BuiltinError:
        return
    again = urls.parse(str(found))
    assert (again.host, again.path, again.raw_query) == (found.host, found.path, found.raw_query)
