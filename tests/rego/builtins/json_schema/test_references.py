"""References: joined and written as Go does."""

from __future__ import annotations

import pytest

from image_enforcer.rego.builtins.json_schema.faults import SchemaFault
from image_enforcer.rego.builtins.json_schema.references import ROOT, parsed

JOINED = {
    ("http://a/b/c?q#f", "d"): "http://a/b/d",
    ("http://a/b/c?q#f", ""): "http://a/b/c?q",
    ("http://a/b/c?q", "#s"): "http://a/b/c?q#s",
    ("http://a/b/c", "../../../g"): "http://a/g",
    ("http://a/b/c/", "./g/."): "http://a/b/c/g/",
    ("http://a/b", "//c/d"): "http://c/d",
    ("http://a/b", "urn:x"): "urn:x",
    ("urn:x", "#f"): "urn:x#f",
    ("urn:x", "y"): "urn:///y",
    ("", "#/a b"): "#/a%20b",
    ("", "a.json"): "/a.json",
    ("", "#"): "",
}


@pytest.mark.parametrize(("base", "child"), JOINED)
def test_joined(base: str, child: str) -> None:
    assert str(parsed(base).join(parsed(child))) == JOINED[base, child]


def test_pointers_are_unescaped() -> None:
    assert parsed("#/a%20b/~1").pointer == ["a b", "~1"]
    assert parsed("#a").pointer == []


def test_what_is_no_url_is_told() -> None:
    with pytest.raises(SchemaFault, match="missing protocol scheme"):
        parsed(":a")


@pytest.mark.parametrize(
    ("text", "canonical"), [("http://a", True), ("a", False), ("file:///a", True), ("file:a", False)]
)
def test_canonical(text: str, canonical: bool) -> None:
    assert parsed(text).canonical is canonical
    assert ROOT.canonical is False
