"""Syntax trees as the JSON of OPA's."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from image_enforcer.rego import parse_module
from image_enforcer.rego.syntax.tree_json import TreeJson


def tree(text: str, *, locations: bool = False, **options: bool) -> dict[str, Any]:
    return TreeJson(locations).module(parse_module("a.rego", text), **options)


def test_a_module_as_it_was_parsed() -> None:
    shown = tree('# METADATA\n# title: t\npackage a["b c"]\n\nimport data.x as y\n\np contains null # end\n')
    assert list(shown) == ["package", "imports", "annotations", "rules", "comments"]
    assert [s["value"] for s in shown["package"]["path"]] == ["data", "a", "b c"]
    path = {"type": "ref", "value": [{"type": "var", "value": "data"}, {"type": "string", "value": "x"}]}
    assert shown["imports"] == [{"alias": "y", "path": path}]
    assert shown["annotations"] == [{"scope": "package", "title": "t"}]
    (rule,) = shown["rules"]
    assert rule["head"]["key"] == {"type": "null", "value": {}}
    assert rule["body"][0]["generated"] is True
    assert [b64decode(c["Text"]) for c in shown["comments"]] == [b" METADATA", b" title: t", b" end"]
    assert shown["comments"][2]["Location"] == {"file": "a.rego", "row": 7, "col": 17}


def test_what_may_be_left_out() -> None:
    text = "# METADATA\n# title: t\npackage a\n"
    assert list(tree(text, comments=False, annotations=False)) == ["package"]


def test_members_of_sets_are_in_order_and_once_keys_of_objects_as_often_as_they_are_written() -> None:
    (rule,) = tree('package a\np := [{3, 1, x, 1, 1.0}, {"b": 1, "a": 2, "b": 3}]\n')["rules"]
    members, pairs = rule["head"]["value"]["value"]
    assert [m["value"] for m in members["value"]] == [1, 3, "x"]
    assert [(k["value"], v["value"]) for k, v in pairs["value"]] == [("a", 2), ("b", 1), ("b", 3)]


def test_names_of_heads() -> None:
    rules = ["p := 1", "q.r := 1", "s.t.u := 1", "v[x] if x := 1", "w[x] := x if x := 1", "y[1] contains 2"]
    text = "\n".join(["package a", *rules, "f(x) := 1", "g.h(x) := 1"])
    names = [r["head"].get("name") for r in tree(text)["rules"]]
    assert names == ["p", "q", None, None, "w", None, "f", None]


def test_bodies_of_words() -> None:
    (rule,) = tree("package a\nimport rego.v2\np if { not { x = 1 }; a and { b } or c }\n")["rules"]
    negated, either = (e["terms"] for e in rule["body"])
    assert (negated["type"], negated["explicit_body"]) == ("not", True)
    assert either["type"] == "or"
    assert either["lhs"][0]["terms"]["explicit_rhs"] is True
    assert "explicit_lhs" not in either


def test_places_with_their_texts() -> None:
    shown = tree("package a\n\ndefault p := -1\n\nf(x) if {\n\tx > 1\n} else := [x][0]\n", locations=True)
    default, f = shown["rules"]
    assert b64decode(default["location"]["text"]) == b"default"
    value = default["head"]["value"]["location"]
    assert (value["row"], value["col"], b64decode(value["text"])) == (3, 14, b"-")
    assert "location" not in f["head"]["value"]
    assert b64decode(f["else"]["head"]["value"]["location"]["text"]) == b"][0]"
