"""``WWW-Authenticate``: what real servers send, what none should, and any text whatever."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.analysis.challenges import MAX_CHALLENGES, MAX_HEADER, BadChallenge, parse


def test_what_a_registry_sends() -> None:
    [found] = parse(['Bearer realm="https://a.example/token",service="reg",scope="repository:a/b:pull,push"'])
    assert found.scheme == "bearer"
    assert found["realm"] == "https://a.example/token"
    assert found["scope"] == "repository:a/b:pull,push"
    assert found["error"] == ""


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="basic-realm"', [("basic", {"realm": "basic-realm"})]),
        ("BASIC Realm=x", [("basic", {"realm": "x"})]),
        ("Negotiate", [("negotiate", {})]),
        ("Bearer realm=", [("bearer", {})]),  # a value without a name, as RFC 9110 has it
        ("Negotiate YWJj==, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ('Basic realm="a, b", Bearer realm="c"', [("basic", {"realm": "a, b"}), ("bearer", {"realm": "c"})]),
        ('Basic, Bearer realm="c"', [("basic", {}), ("bearer", {"realm": "c"})]),
        (', ,Basic realm = "x" ,, charset="UTF-8",', [("basic", {"realm": "x", "charset": "UTF-8"})]),
        (r'Basic realm="a\"b\\c"', [("basic", {"realm": 'a"b\\c'})]),
        ('Bearer realm="first",realm="second"', [("bearer", {"realm": "first"})]),
        ('Basic realm=""', [("basic", {"realm": ""})]),
        ("", []),
        (" , ", []),
    ],
)
def test_forms(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    assert [(c.scheme, dict(c.parameters)) for c in parse([header])] == expected


@pytest.mark.parametrize(
    "header",
    [
        'Bearer realm="x', 'Bearer realm="a" service="b"', '"Bearer"', "Bearer realm=a b", "=", "é",
        "Bearer@x", "x" * (MAX_HEADER + 1), ", ".join(["A b=c"] * (MAX_CHALLENGES + 1)),
    ],
)  # fmt: skip
def test_what_is_no_list_of_challenges(header: str) -> None:
    with pytest.raises(BadChallenge):
        parse([header])


def test_headers_add_up() -> None:
    assert [c.scheme for c in parse(["Basic realm=a", "", "Bearer realm=b"])] == ["basic", "bearer"]
    with pytest.raises(BadChallenge):
        parse(["A b=c"] * (MAX_CHALLENGES + 1))


TOKEN = st.text("abcxyz-_.~!#$%&'*+^`|019", min_size=1, max_size=10)
CHALLENGES = st.lists(
    st.tuples(TOKEN, st.dictionaries(TOKEN.map(str.lower), st.text(max_size=20), min_size=1, max_size=4)),
    min_size=1, max_size=5,
)  # fmt: skip


@given(CHALLENGES)
def test_what_is_written_is_read(written: list[tuple[str, dict[str, str]]]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    header = ", ".join(f"{s} " + ",".join(f"{n}={quoted(v)}" for n, v in p.items()) for s, p in written)
    assert [(c.scheme, dict(c.parameters)) for c in parse([header])] == [(s.lower(), p) for s, p in written]


@given(st.lists(st.text('Basicrealm= ",\\\t~/é\0', max_size=60) | st.text(max_size=40), max_size=4))
@example(['a="' + "\\" * 9000])
@example(["a " + "b" * 9000])
def test_any_text_is_challenges_or_a_named_error(headers: list[str]) -> None:
    try:
        found = parse(headers)
    except BadChallenge:
        return
    assert all(c.scheme == c.scheme.lower() != "" for c in found)
