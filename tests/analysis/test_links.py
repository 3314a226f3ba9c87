"""``Link``: the next page, relative or absolute, among other links, and any text whatever."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.analysis.links import BadLink, following

URL = "https://reg.example:5000/v2/a/tags/list?n=10"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('</v2/a/tags/list?last=x&n=10>; rel="next"', "https://reg.example:5000/v2/a/tags/list?last=x&n=10"),
        ("</v2/a?next=%2Fx%3D>; rel=next", "https://reg.example:5000/v2/a?next=%2Fx%3D"),
        ('<list?p=2>;rel="next"', "https://reg.example:5000/v2/a/tags/list?p=2"),
        ('<?p=2>; rel="next"', "https://reg.example:5000/v2/a/tags/list?p=2"),
        ('<https://other.example/x>; rel="next"', "https://other.example/x"),
        ('<//other.example/x>; rel="next"', "https://other.example/x"),
        ('<a>; rel="prev", <b>; rel="next"', "https://reg.example:5000/v2/a/tags/b"),
        ('<a>; rel="prev next"', "https://reg.example:5000/v2/a/tags/a"),
        ('<a>; title="x, y"; REL="NEXT"', "https://reg.example:5000/v2/a/tags/a"),
        ('<a?x=1,2>; rel="next"', "https://reg.example:5000/v2/a/tags/a?x=1,2"),
        ('<a>; rel="nextish"', ""),
        ('<a>; title="; rel=next"', ""),
        ('<a>; rel="prev"; rel="next"', ""),
        ("<a>", ""),
        ("", ""),
        ('a; rel="next"', ""),
        ('<a b>; rel="next"', ""),
    ],
)
def test_forms(header: str, expected: str) -> None:
    assert following([header], URL) == expected


def test_several_headers() -> None:
    assert following(["", "<a>; rel=prev", "<b>; rel=next", "<c>; rel=next"], URL).endswith("/b")
    assert following([], URL) == ""


def test_what_is_no_address() -> None:
    with pytest.raises(BadLink, match="no address"):
        following(["<http://[::1/>; rel=next"], URL)


@given(st.text("abcyz0189/?&=%._-~:,;+", max_size=40).filter(lambda path: not path.startswith("/")))
def test_what_is_written_is_read(path: str) -> None:
    assert following([f'</{path}>; rel="next"'], URL) == f"https://reg.example:5000/{path}"


@given(st.lists(st.text('<>/;,="\\relnxt [:]', max_size=60) | st.text(max_size=40), max_size=3))
@example(["<a>" + ';x="\\' * 4000])
@example(["<a>" + ";x" * 8000 + "!"])
@example(["<a>" + "; x = y " * 2000 + "<"])
def test_any_text_is_an_address_or_a_named_error(headers: list[str]) -> None:
    try:
        found = following(headers, URL)
    except BadLink:
        return
    assert isinstance(found, str)
