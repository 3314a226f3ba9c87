"""Decisions and writes: statuses, texts and the order of keys."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]

EX = """package ex

default allow := false

allow if input.user == "alice"

echo := input

undef if input.nope

ratio := 1 / input.z
"""
MALFORMED = "body contains malformed input document"
UNMARSHAL = "json: cannot unmarshal"
WARNING = {"code": "api_usage_warning", "message": "'input' key missing from the request"}


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "text"),
    [
        ("POST", "/v1/data/ex/allow", '{"input":{"user":"alice"}}', 200, '{"result":true}\n'),
        ("POST", "/v1/data/ex/allow", '{"INPUT":{"user":"alice"}} trailing', 200, '{"result":true}\n'),
        ("GET", "/v1/data/ex/allow?input=%7B%22user%22%3A%22alice%22%7D", "", 200, '{"result":true}\n'),
        ("GET", "/v1/data/ex/nope", "", 200, "{}\n"),
        ("POST", "/v0/data/ex/allow", '{"user":"alice"}', 200, "true\n"),
        ("POST", "/v0/data/ex/echo", "", 200, "null\n"),
        ("POST", "/v0/data/ex/echo?pretty", '{"a":[1.50]}', 200, '{\n  "a": [\n    1.50\n  ]\n}\n'),
        ("POST", "/v1/data/ex/echo", '{"input":"<&>"}', 200, '{"result":"\\u003c\\u0026\\u003e"}\n'),
    ],
)
def test_decisions(client: Make, method: str, target: str, body: str, status: int, text: str) -> None:
    answer = client({"ex": EX}).ask(method, target, body)
    assert (answer.status, answer.body.decode()) == (status, text)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("body", ["", "{}", "null", '{"input":null}', '{"user":"alice"}'])
def test_a_missing_input_is_warned_of(client: Make, body: str) -> None:
    answer = client({"ex": EX}).ask("POST", "/v1/data/ex/allow", body)
    assert answer.json == {"result": False, "warning": WARNING}
    assert list(answer.json) == ["result", "warning"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/v0/data/ex/undef", "document undefined: data.ex.undef"),
        ("/v0/data/ex/nope/x", "document missing: data.ex.nope.x"),
        ("/v0/data/a/7", "document missing: data.a[7]"),
        ("/", "document missing: data.system.main"),
    ],
)
def test_v0_says_whether_a_rule_was_undefined_or_nothing_is_there(client: Make, target: str, message: str) -> None:
    answer = client({"ex": EX}).ask("POST", target, "{}")
    assert answer.status == 404
    assert answer.json == {"code": "undefined_document", "message": message}


@pytest.mark.parametrize(
    ("method", "target", "body", "message"),
    [
        ("POST", "/v1/data/x", "[]", f"{MALFORMED}: {UNMARSHAL} array into Go value of type types.alias"),
        ("POST", "/v1/data/x", '{"input":', f"{MALFORMED}: unexpected EOF"),
        ("POST", "/v0/data/x", "{", f"unexpected parse error for input: {MALFORMED}: unexpected EOF"),
        ("GET", "/v1/data/x?input=", "", "parameter contains malformed input document: EOF"),
        ("PUT", "/v1/data/x", "", "EOF"),
        ("PUT", "/v1/data", "1", "storage_invalid_patch_error: root must be object"),
        ("PATCH", "/v1/data/x", '{"op":"add"}', f"{UNMARSHAL} object into Go value of type []types.PatchV1"),
        ("PATCH", "/v1/data/x", "[1]", f"{UNMARSHAL} number into Go value of type types.PatchV1"),
        ("PATCH", "/v1/data/x", '[{"op":1}]', f"{UNMARSHAL} number into Go struct field PatchV1.op of type string"),
        ("PATCH", "/v1/data/x", '[{"op":"test"}]', "bad patch operation: test"),
        ("PATCH", "/v1/data/x", '[{"op":"add","path":"/a%zz"}]', "bad patch path: /a%zz"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_read(client: Make, method: str, target: str, body: str, message: str) -> None:
    answer = client().ask(method, target, body)
    assert answer.status == 400
    assert answer.json == {"code": "invalid_parameter", "message": message}
    assert answer.body.startswith(b'{\n  "code"')
    assert answer.body.endswith(b"}\n")


def test_writes(client: Make) -> None:
    c = client()
    assert c.ask("PUT", "/v1/data/a/b%2Fc", "[1]").status == 204
    assert c.ask("PUT", "/v1/data/a/b%2Fc", "[2]", if_none_match="*").status == 304
    assert c.ask("PUT", "/v1/data/a/b%2Fc", "[2]", if_none_match='"x"').status == 204
    assert c.ask("PATCH", "/v1/data/a", '[{"op":"add","path":"b~1c/-","value":3}]').status == 204
    assert c.ask("GET", "/v1/data/a").json == {"result": {"b/c": [2, 3]}}
    assert c.ask("PUT", "/v1/data/a/b%2Fc/9", "1").json["code"] == "resource_conflict"
    assert c.ask("DELETE", "/v1/data/a/x").json["code"] == "resource_not_found"
    assert c.ask("DELETE", "/v1/data/a").status == 204
    assert c.ask("GET", "/v1/data").json == {"result": {}}
    assert c.ask("PUT", "/v1/data/x?metrics", "1").json["metrics"]["timer_server_handler_ns"] > 0


def test_the_whole_does_not_show_systems_own_documents(client: Make) -> None:
    c = client({"s": "package system.main\n\ny := 2\n"}, {"system": {"base": 1}, "x": 1})
    assert c.ask("GET", "/v1/data").json == {"result": {"x": 1}}
    assert c.ask("GET", "/v1/data/system").json == {"result": {"base": 1, "main": {"y": 2}}}


def test_paths_are_no_deeper_than_documents(client: Make) -> None:
    c = client()
    deep = "/v1/data" + "/a" * 600
    assert c.ask("PUT", deep, "1").status == 400
    assert c.ask("DELETE", deep).status == 400
    assert c.ask("GET", deep).status == 500
    assert c.ask("PATCH", "/v1/data", json.dumps([{"op": "add", "path": "/a" * 600, "value": 1}])).status == 400
    assert c.ask("PUT", "/v1/data" + "/a" * 500, "[" * 500 + "]" * 500).status == 204
    assert c.ask("GET", "/v1/data?pretty").status == 200


def test_a_write_in_a_rules_place_is_refused_with_the_rule(client: Make) -> None:
    answer = client({"ex": EX}).ask("PUT", "/v1/data/ex/allow", "true")
    assert answer.status == 400
    assert answer.json["message"] == (
        "1 error occurred: ex:3: rego_compile_error: conflicting rule for data path ex/allow found"
    )


def test_errors_of_built_ins_are_undefined_unless_strict(client: Make) -> None:
    c = client({"ex": EX})
    body = '{"input":{"z":0}}'
    assert c.ask("POST", "/v1/data/ex/ratio", body).json == {}
    strict = c.ask("POST", "/v1/data/ex/ratio?strict-builtin-errors", body)
    assert strict.status == 500
    assert strict.json["errors"][0]["message"] == "div: divide by zero"
    assert c.ask("POST", "/v0/data/ex/ratio?strict-builtin-errors", '{"z":0}').status == 404


def test_a_function_is_no_document(client: Make) -> None:
    answer = client({"f": "package f\n\ng(x) := x + 1\n"}).ask("POST", "/v1/data/f/g", "{}")
    assert answer.status == 500
    assert "function data.f.g used as reference, not called" in answer.json["message"]


def test_metrics_provenance_and_explanations_are_given_in_order(client: Make) -> None:
    answer = client({"ex": EX}).ask("POST", "/v1/data/ex/allow?metrics&provenance&explain=notes", '{"input":{}}')
    assert list(answer.json) == ["provenance", "explanation", "metrics", "result"]
    assert answer.json["explanation"] == []
    assert answer.json["metrics"]["timer_rego_query_eval_ns"] > 0


def test_yaml_and_gzip_are_read_in_questions_only(client: Make) -> None:
    c = client({"ex": EX})
    assert c.ask("POST", "/v1/data/ex/echo", "input: {a: 1}\n", content_type="application/x-yaml").json == {
        "result": {"a": 1}
    }
    assert c.ask("POST", "/v0/data/ex/echo", "a: 1\n", content_type="text/yaml").json == {"a": 1}
    assert c.ask("PUT", "/v1/data/y", "a: 1\n", content_type="application/yaml").status == 400
    packed = gzip.compress(b'{"input":1}')
    assert c.ask("POST", "/v1/data/ex/echo", packed, content_encoding="gzip").json == {"result": 1}
    assert c.ask("POST", "/v1/data/ex/echo", packed + packed, content_encoding="gzip").json == {"result": 1}
    assert c.ask("PUT", "/v1/data/y", packed, content_encoding="gzip").status == 400
    for broken in (b"notgzip", packed[:-9], packed + b"x", b"0123456789abcdef"):
        answer = c.ask("POST", "/v1/data/ex/echo", broken, content_encoding="gzip")
        assert answer.status == 400
        assert answer.json["message"].startswith("could not decompress the body: ")


def test_long_replies_are_compressed_for_who_takes_it(client: Make) -> None:
    c = client(None, {"long": "x" * 2000, "short": "x"})
    packed = c.ask("GET", "/v1/data/long", accept_encoding="deflate, gzip;q=0.5")
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)) == {"result": "x" * 2000}
    for header in ("", "*", "gzip;q=0", "br"):
        assert "content-encoding" not in c.ask("GET", "/v1/data/long", accept_encoding=header).headers
    assert "content-encoding" not in c.ask("GET", "/v1/data/short", accept_encoding="gzip").headers
