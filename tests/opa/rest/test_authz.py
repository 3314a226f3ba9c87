"""Authorization fails closed, and sees requests in one form."""

from collections.abc import Callable
from typing import Any

import pytest

from image_enforcer.opa.rest.authz import bearer_token

Make = Callable[..., Any]


def policy(body: str) -> dict[str, str]:
    return {"authz": f"package system.authz\n\n{body}\n"}


@pytest.mark.parametrize(
    ("rule", "status", "message"),
    [
        ("allow := true", 200, None),
        ("allow := false", 401, "request rejected by administrative policy"),
        ('allow := {"allowed": true}', 200, None),
        ('allow := {"allowed": false, "reason": "because"}', 401, "because"),
        ('allow := {"allowed": "true"}', 401, "request rejected by administrative policy"),
        ('allow := {"reason": "x"}', 500, "document missing or undefined"),
        ('allow := "true"', 401, "request rejected by administrative policy"),
        ("allow := 1", 401, "request rejected by administrative policy"),
        ("allow := [true]", 401, "request rejected by administrative policy"),
        ("allow if input.nope", 500, "authorization policy missing or undefined"),
        ("other := true", 500, "authorization policy missing or undefined"),
        ("allow := x if some x in [true, false]", 500, "error(s) occurred while evaluating query"),
    ],
)
def test_only_true_opens(client: Make, rule: str, status: int, message: str | None) -> None:
    c = client(policy(rule), authorization="basic")
    for target in ("/v1/data", "/health", "/nope", "/metrics", "//v1/data"):
        answer = c.ask("GET", target)
        if status == 200:
            assert answer.status in (200, 307, 404)
        else:
            assert answer.status == status
            assert message is None or answer.json["message"] == message
            assert "www-authenticate" not in answer.headers


def test_without_a_policy_nothing_is_open(client: Make) -> None:
    c = client(authorization="basic")
    assert c.ask("GET", "/v1/data").status == 500
    assert c.ask("PUT", "/v1/policies/a", "package system.authz\n\nallow := true\n").status == 500
    assert c.documents.state.modules == {}


def test_data_may_not_stand_in_for_the_policy(client: Make) -> None:
    c = client(policy('allow if input.identity == "admin"'), authorization="basic", authentication="token")
    answer = c.ask("PUT", "/v1/data/system/authz/allow", "true", authorization="Bearer admin")
    assert answer.status == 400
    assert c.ask("GET", "/v1/data").status == 500


SEEN = """allow if input == {
    "path": ["v1", "data", "a/b", ""],
    "method": "GET",
    "params": {"x": ["1", "2"], "y": [""]},
    "headers": {"X-A": ["1"], "Authorization": ["Bearer t"]},
    "identity": "t",
}"""


def test_what_policies_see(client: Make) -> None:
    c = client(policy(SEEN), authorization="basic", authentication="token")
    answer = c.ask("GET", "/v1/data/a%2Fb/?x=1&x=2&y", x_a="1", authorization="Bearer t")
    assert answer.status == 301
    assert c.ask("GET", "/v1/data/a/b/?x=1&x=2&y", x_a="1", authorization="Bearer t").status == 500


BODY = """default allow := false

allow if input.body.input.ok

allow if input.method == "PUT"

allow if input.body.ok
"""


def test_bodies_of_questions_are_seen_and_those_of_writes_are_not(client: Make) -> None:
    c = client(policy(BODY), authorization="basic")
    assert c.ask("POST", "/v1/data/x", '{"input":{"ok":true}}').json == {}
    assert c.ask("POST", "/v1/data/x", '{"input":{"ok":false}}').status == 401
    assert c.ask("POST", "/v0/data/system/authz/allow", '{"ok":true}').status == 200
    assert c.ask("POST", "/", '{"ok":true}').status == 404
    assert c.ask("POST", "/v1/query", '{"query":"1","ok":true,"input":{"ok":true}}').status == 401
    assert c.ask("POST", "/v1/data/x", "{").status == 400
    assert c.ask("PUT", "/v1/data/x", '{"input":{"ok":false}}').status == 204


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("Bearer  abc ", "abc"),
        ("bearer abc", None),
        ("Basic abc", None),
        ("abc", None),
        ("Bearer", None),
        ("Bearer a b", None),
    ],
)
def test_tokens(header: str, token: str | None) -> None:
    assert bearer_token({"authorization": [header]}) == token


def test_no_header_is_no_identity(client: Make) -> None:
    assert bearer_token({}) is None
    c = client(
        policy("default allow := false\n\nallow if not input.identity"), authorization="basic", authentication="token"
    )
    assert c.ask("GET", "/health").status == 200
    assert c.ask("GET", "/health", authorization="Bearer x").status == 401
