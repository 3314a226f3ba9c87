"""Redirects and refusals before any handler."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("method", "target", "status", "location"),
    [
        ("GET", "/v1/data/", 301, "/v1/data"),
        ("POST", "/v0/data/a/", 301, "/v0/data/a"),
        ("GET", "/v1/data/a/?pretty=true", 301, "/v1/data/a"),
        ("PUT", "/v1/data/a/..%2f", 301, "/v1/data"),
        ("GET", "/v1/policies/", 301, "/v1/policies"),
        ("GET", "/health/", 301, "/health"),
        ("GET", "//v1/data", 307, "/v1/data"),
        ("GET", "/v1/data//a?x=1", 307, "/v1/data/a?x=1"),
        ("PUT", "/v1/data/q/../r", 307, "/v1/data/r"),
        ("PUT", "/v1/data/q/./r", 307, "/v1/data/q/r"),
        ("GET", "/v1/compile", 307, "/v1/compile/"),
    ],
)
def test_redirects(client: Make, method: str, target: str, status: int, location: str) -> None:
    answer = client().ask(method, target)
    assert (answer.status, answer.headers["location"]) == (status, location)
    assert (answer.body == b"") == (method != "GET")


@pytest.mark.parametrize(
    ("method", "target", "status", "allow"),
    [
        ("HEAD", "/v1/data", 405, None),
        ("HEAD", "/health", 405, None),
        ("OPTIONS", "/v1/data/a", 405, None),
        ("DELETE", "/v1/data", 405, None),
        ("GET", "/v0/data/a", 405, None),
        ("POST", "/v1/policies/a", 405, None),
        ("PUT", "/v1/policies", 405, None),
        ("GET", "/v1/query/a", 405, None),
        ("POST", "/health", 405, "GET, HEAD"),
        ("POST", "/metrics", 405, "GET, HEAD"),
        ("PUT", "/", 405, "GET, HEAD, POST"),
        ("PUT", "/v1/compile", 405, "GET, HEAD, POST"),
        ("GET", "/nope", 404, None),
        ("GET", "/v1", 404, None),
        ("GET", "/v1/config/", 404, None),
        ("GET", "/v2/data", 404, None),
    ],
)
def test_methods_and_paths_that_are_not_there(
    client: Make, method: str, target: str, status: int, allow: str | None
) -> None:
    answer = client().ask(method, target)
    assert (answer.status, answer.headers.get("allow")) == (status, allow)


def test_a_broken_escape_closes_the_connection(client: Make) -> None:
    answer = client().ask("PUT", "/v1/data/%zz", "1")
    assert (answer.status, answer.body, answer.headers["connection"]) == (400, b"400 Bad Request", "close")


def test_partial_evaluation_is_refused_in_plain_words(client: Make) -> None:
    answer = client().ask("POST", "/v1/compile", '{"query":"input.x == 1"}')
    assert answer.status == 501
    assert answer.json["code"] == "not_implemented"
    assert "not supported" in answer.json["message"]
