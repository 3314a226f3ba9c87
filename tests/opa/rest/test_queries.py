"""Queries that come with requests."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from image_enforcer.rego import Limits

Make = Callable[..., Any]

UNMARSHAL = "error(s) occurred while decoding request: json: cannot unmarshal"


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("x = 1", {"result": [{"x": 1}]}),
        ("data.users[i] = x", {"result": [{"i": 0, "x": "alice"}, {"i": 1, "x": "bob"}]}),
        ("true", {"result": [{}]}),
        ("false", {"result": [{}]}),
        ("x = 1/0", {}),
        ("x := {1,2}; y := input.a", {"result": [{"x": [1, 2], "y": 5}]}),
    ],
)
def test_results_are_bindings(client: Make, query: str, body: Any) -> None:
    c = client(None, {"users": ["alice", "bob"]})
    assert c.ask("POST", "/v1/query", json.dumps({"query": query, "input": {"a": 5}})).json == body


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ('{"query":""}', 500, "cannot evaluate empty query"),
        ('{"query":"# only a comment"}', 500, "cannot evaluate empty query"),
        ('{"query":"["}', 400, "error(s) occurred while parsing query"),
        ('{"query":"x > 1"}', 400, "error(s) occurred while compiling query"),
        ('{"query":"http.send({})"}', 400, "error(s) occurred while compiling query"),
        ("{", 400, "error(s) occurred while decoding request: unexpected EOF"),
        ("[]", 400, f"{UNMARSHAL} array into Go value of type types.QueryRequestV1"),
        ('{"query":1}', 400, f"{UNMARSHAL} number into Go struct field QueryRequestV1.query of type string"),
    ],
)  # fmt: skip
def test_faults(client: Make, text: str, status: int, message: str) -> None:
    answer = client().ask("POST", "/v1/query", text)
    assert (answer.status, answer.json["message"]) == (status, message)


def test_texts_of_rego_are_bounded(client: Make) -> None:
    c = client()
    answer = c.ask("POST", "/v1/query", json.dumps({"query": "x := [" + "1, " * 20_000 + "1]"}))
    assert answer.status == 400
    assert answer.json["message"] == "query too large: 60008 characters exceed the limit of 32768"
    answer = c.ask("PUT", "/v1/policies/p", "package p\n#" + "x" * (1 << 20))
    assert answer.status == 400
    assert answer.json["message"].startswith("policy too large: ")


def test_the_query_may_be_a_parameter(client: Make) -> None:
    c = client()
    assert c.ask("GET", "/v1/query?q=x%20%3D%201").json == {"result": [{"x": 1}]}
    assert c.ask("GET", "/v1/query").json["message"] == "missing parameter 'q'"


def test_a_query_without_end_runs_into_its_limit(client: Make) -> None:
    c = client(limits=Limits(seconds=0.2))
    endless = "some i in numbers.range(1, 20000); some j in numbers.range(1, 20000); i + j < 0"
    answer = c.ask("POST", "/v1/query", json.dumps({"query": endless}))
    assert answer.status == 500
    assert answer.json["errors"][0]["code"] == "eval_cancel_error"
    assert c.ask("POST", "/v1/query", '{"query":"x = 1"}').status == 200
