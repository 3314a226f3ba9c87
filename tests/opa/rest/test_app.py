"""Limits on bodies, what is logged, what is counted."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from image_enforcer.opa.rest.app import Intake
from image_enforcer.opa.rest.bodies import BodyLimits

Make = Callable[..., Any]


def records(client: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.log.getvalue().splitlines()]


def test_two_records_a_request(client: Make) -> None:
    c = client()
    c.ask("PUT", "/v1/data/x?secret=token", '"password"', authorization="Bearer token")
    received, sent = records(c)
    about = {
        "client_addr": "127.0.0.1:4711", "level": "info", "req_id": 1, "req_method": "PUT",
        "req_path": "/v1/data/x", "time": "now",
    }  # fmt: skip
    assert received == {**about, "msg": "Received request."}
    assert sent.pop("resp_duration") > 0
    assert sent == {**about, "msg": "Sent response.", "resp_status": 204, "resp_bytes": 0}
    assert "token" not in c.log.getvalue()
    assert "password" not in c.log.getvalue()


def test_nothing_is_logged_of_requests_at_level_error(client: Make) -> None:
    c = client(log_level="error")
    c.ask("GET", "/health")
    assert c.log.getvalue() == ""


def test_a_path_with_line_breaks_stays_one_record(client: Make) -> None:
    c = client()
    c.ask("GET", "/v1/data/a%0A%7B%22level%22%3A%22error%22%7D")
    assert len(records(c)) == 2


def test_prints_of_policies_are_logged(client: Make) -> None:
    c = client({"p": 'package p\n\nx if print("seen", input)\n'})
    c.ask("POST", "/v1/data/p/x", '{"input":7}')
    assert [(r["msg"], r["line"]) for r in records(c) if "line" in r] == [("seen 7", "p:3")]


def test_requests_are_counted(client: Make) -> None:
    c = client()
    for target in ("/health", "/health", "/nope", "/v1/data/x"):
        c.ask("GET", target)
    c.ask("BREW", "/v1/data/x")
    text = c.ask("GET", "/metrics").body.decode()
    assert 'http_request_duration_seconds_count{code="200",handler="health",method="get"} 2' in text
    assert 'http_request_duration_seconds_count{code="200",handler="v1/data",method="get"} 1' in text
    assert 'http_request_duration_seconds_count{code="404",handler="catchall",method="get"} 1' in text
    assert 'http_request_duration_seconds_count{code="405",handler="catchall",method="unknown"} 1' in text
    assert 'http_request_duration_seconds_bucket{code="200",handler="health",method="get",le="+Inf"} 2' in text


def test_bodies_beyond_the_limit_are_refused(client: Make) -> None:
    c = client(bodies=BodyLimits(plain=1000, unpacked=2000))
    long = json.dumps("x" * 1200)
    told = c.ask("PUT", "/v1/data/x", long, content_length=str(len(long)))
    untold = c.ask("PUT", "/v1/data/x", long)
    assert told.json["message"] == (
        "request body too large: 1.2 KiB exceeds limit of 1000 bytes (server.decoding.max_length)"
    )
    assert untold.json["message"] == "request body too large"
    assert told.status == untold.status == 400
    assert told.headers["connection"] == "close"
    assert c.ask("GET", "/v1/data").json == {"result": {}}


def test_a_bomb_is_not_unpacked(client: Make) -> None:
    import gzip

    c = client(bodies=BodyLimits(plain=1 << 20, unpacked=1 << 20))
    bomb = gzip.compress(b"[" + b"0," * (4 << 20))
    answer = c.ask("POST", "/v1/data/x", bomb, content_encoding="gzip")
    assert answer.status == 400
    assert "decompressed size exceeds limit of 1048576 bytes" in answer.json["message"]


def test_bodies_held_at_once_are_bounded_and_given_back(client: Make) -> None:
    c = client()
    intake: Intake = c.app._settings.intake
    c.ask("PUT", "/v1/data/x", '"abc"')
    c.ask("PUT", "/v1/data/x", "{")
    assert intake.held == 0
    intake.limit = 3
    answer = c.ask("PUT", "/v1/data/x", '"abc"')
    assert answer.status == 503
    assert "try again later" in answer.json["message"]
    assert intake.held == 0


def test_a_client_that_leaves_gets_nothing(client: Make) -> None:
    c = client()
    sent: list[Any] = []
    parts = [{"type": "http.request", "body": b'"ab', "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "PUT", "raw_path": b"/v1/data/x", "path": "/v1/data/x", "query_string": b"",
        "headers": [], "client": None,
    }  # fmt: skip
    asyncio.run(c.app(scope, receive, send))
    assert sent == []
    assert c.app._settings.intake.held == 0
    assert c.ask("GET", "/v1/data/x").json == {}


def impatient(client: Any) -> Any:
    client.app._settings = dataclasses.replace(client.app._settings, patience=0.05)
    return client.app


SCOPE: dict[str, Any] = {
    "type": "http", "method": "GET", "raw_path": b"/v1/data", "path": "/v1/data", "query_string": b"", "headers": [],
    "client": None,
}  # fmt: skip


def test_a_body_that_does_not_come_is_not_waited_for(client: Make) -> None:
    c = client()
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(impatient(c)(SCOPE, receive, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert c.app._settings.intake.held == 0


def test_a_client_that_stops_reading_is_left(client: Make) -> None:
    c = client(None, {"long": "x" * (2 << 20)})
    parts: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        parts.append(message)
        if len(parts) == 3:
            await asyncio.sleep(60)

    asyncio.run(impatient(c)(SCOPE, receive, send))
    assert len(parts) == 3
    assert len(parts[1]["body"]) == 256 << 10
    assert records(c)[-1]["msg"] == "Client stopped reading."
    assert c.app._settings.intake.held == 0


def test_a_long_reply_is_whole(client: Make) -> None:
    answer = client(None, {"long": "x" * (2 << 20)}).ask("GET", "/v1/data/long")
    assert answer.json == {"result": "x" * (2 << 20)}
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_only_http_is_spoken(client: Make, kind: str) -> None:
    asyncio.run(client().app({"type": kind}, None, None))


def test_health_rules(client: Make) -> None:
    c = client({"h": "package system.health\n\nlive := true\n\nready if input.plugins_ready\n\nbad := false\n"})
    assert c.ask("GET", "/health/live").json == {}
    assert c.ask("GET", "/health/ready").json == {}
    bad = c.ask("GET", "/health/bad")
    assert bad.status == 500
    assert bad.json == {"error": "health check (data.system.health.bad) returned unexpected value"}
    missing = c.ask("GET", "/health/a%2Fb/3")
    assert missing.json == {"error": 'health check (data.system.health["a/b"][3]) was undefined'}
