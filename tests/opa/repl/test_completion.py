"""Completion: names of rules, imports and commands, and the keys of documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded
from image_enforcer.opa.repl import Session
from image_enforcer.opa.repl.completion import MAX_CANDIDATES, begun_name, candidates
from image_enforcer.rego import parse_module

DATA = {"clair": {"layers": {"sha256:ab": 1, "sha256:cd": 2, "plain": {"x": 1}}}, "list": [1]}


@pytest.fixture(scope="module")
def session() -> Session:
    module = parse_module("p.rego", 'package io.k8s["x-y"].q\nverify := 1\nversion := 2\n')
    made = Session(Documents(Loaded(DATA, {"p.rego": module}, {"p.rego": ""})))
    for line in ("import data.clair as scanner", "mine := 1", "package other", "theirs := 1", "package repl"):
        made.line(line)
    return made


def complete(session: Session, before: str) -> list[str]:
    return candidates(before, session.entered, session.package, session.documents.state)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("mi", ["mine"]),
        ("1 + mi", ["mine"]),
        ("scan", ["scanner"]),
        ("th", []),
        ("data.other.", ["data.other.theirs"]),
        ("data.re", ["data.repl.mine"]),
        ("data.io", ['data.io.k8s["x-y"].q.verify', 'data.io.k8s["x-y"].q.version']),
        ('data.io.k8s["x-y"].q.ver', ['data.io.k8s["x-y"].q.verify', 'data.io.k8s["x-y"].q.version']),
        ("count(data.cl", ["data.clair"]),
        ("data.clair.la", ["data.clair.layers"]),
        ("data.clair.layers.", ["data.clair.layers.plain"]),
        ('x := data.clair.layers["sha256:a', ['data.clair.layers["sha256:ab"]']),
        ("data.clair.layers.plain.", ["data.clair.layers.plain.x"]),
        ("data.list.", []),
        ("data.nothing.x.", []),
        ("inp", ["input"]),
        ("pretty-", []),
        ("unset-p", []),
        ("", []),
        ("1 + ", []),
        ('"', []),
    ],
)
def test_names(session: Session, before: str, expected: list[str]) -> None:
    assert complete(session, before) == expected


def test_commands_only_begin_a_line(session: Session) -> None:
    assert "show" in complete(session, "sh")
    assert "show" not in complete(session, "1 + sh")


def test_there_are_only_so_many() -> None:
    session = Session(Documents(Loaded({f"k{i}": 1 for i in range(10_000)})))
    assert len(complete(session, "data.k")) == MAX_CANDIDATES


@given(st.text(alphabet='dat.[]"\\x 1', max_size=30))
def test_any_text(before: str) -> None:
    session = Session(Documents(Loaded(DATA)))
    begun = begun_name(before)
    assert before.endswith(begun)
    assert all(name.startswith(begun) for name in complete(session, before))
