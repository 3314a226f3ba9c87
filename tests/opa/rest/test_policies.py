"""Policies as they are kept and shown."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]


def test_names_may_hold_anything(client: Make) -> None:
    c = client()
    for name in ("dir/sub/x.rego", "w%20s%22", "a%2Fb", "%E2%82%AC"):
        assert c.ask("PUT", f"/v1/policies/{name}", "package x\n").status == 200
    assert sorted(c.documents.state.modules) == ["a/b", "dir/sub/x.rego", 'w s"', "€"]
    assert c.ask("GET", "/v1/policies/dir%2Fsub%2Fx.rego").json["result"]["id"] == "dir/sub/x.rego"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x:0: rego_parse_error: empty module"),
        ("# only a comment\n", "x:0: rego_parse_error: empty module"),
        ("package x\n\np if {\n", "error(s) occurred while compiling module(s)"),
        ("package x\n\np if q\nq if p\n", "error(s) occurred while compiling module(s)"),
    ],
)
def test_texts_that_do_not_compile(client: Make, text: str, message: str) -> None:
    answer = client().ask("PUT", "/v1/policies/x", text)
    assert answer.status == 400
    assert (answer.json["code"], answer.json["message"]) == ("invalid_parameter", message)


def test_where_a_text_could_not_be_read(client: Make) -> None:
    answer = client().ask("PUT", "/v1/policies/bad", "package x\n\np if {\n")
    assert answer.json["errors"] == [
        {
            "code": "rego_parse_error", "message": "unexpected eof token",
            "location": {"file": "bad", "row": 4, "col": 0}, "details": {"line": "p if {", "idx": 5},
        }
    ]  # fmt: skip


def test_a_text_that_is_not_utf8(client: Make) -> None:
    c = client()
    for raw, row, col in ((b'package x\n\np := "\xff"\n', 3, 6), (b"\x1f\x8b\x08", 1, 1), (b"package x\xe9", 1, 9)):
        answer = c.ask("PUT", "/v1/policies/x", raw)
        assert answer.status == 400
        first = answer.json["errors"][0]
        assert (first["message"], first["location"]["row"]) == ("illegal utf-8 character", row)
        assert first["location"]["col"] == col
    assert c.documents.state.modules == {}


SMALL = """package p

import data.base.users

default allow := false

allow if input.user in users

f(x) := x + 1
"""


def test_the_tree_is_that_of_the_compiled_policy(client: Make) -> None:
    c = client({"p": SMALL})
    tree = c.ask("GET", "/v1/policies/p").json["result"]["ast"]
    assert list(tree) == ["package", "rules"]
    default, allow, f = tree["rules"]
    assert default == {
        "body": [{"generated": True, "index": 0, "terms": {"type": "boolean", "value": True}}], "default": True,
        "head": {
            "name": "allow", "value": {"type": "boolean", "value": False}, "assign": True,
            "ref": [{"type": "var", "value": "allow"}],
        },
    }  # fmt: skip
    assert [e["index"] for e in allow["body"]] == [0, 1, 2]
    assert allow["body"][1]["terms"][2]["value"][-1] == {"type": "string", "value": "users"}
    assert f["body"][0]["terms"][0] == {"type": "ref", "value": [{"type": "var", "value": "plus"}]}
    assert [a["type"] for a in f["head"]["args"]] == ["var"]


ALL = """package all

p contains x if {
    some x, y in [{"a": {1, 2}}, [null, 1.50, "s"]]
    not y == {"a": {3}}
    every k, v in y { v != k }
    z := {w: 1 | w := y[_]}
    {q | q := z[_]} != [r | r := z[_]]
    input.a == 1 with input.a as 1
}
"""
ELSE = """package e

x := 1 if input.a
else := 2

t := $"a {input.b}"
"""


def test_every_kind_of_term_can_be_shown(client: Make) -> None:
    c = client({"all": ALL, "e": ELSE})
    answer = c.ask("GET", "/v1/policies?pretty")
    assert answer.status == 200
    shown = answer.body.decode()
    for kind in (
        "objectcomprehension",
        "setcomprehension",
        "arraycomprehension",
        "set",
        "object",
        "null",
        "number",
        '"else"',
        '"with"',
    ):
        assert kind in shown
    assert "1.50" in shown
