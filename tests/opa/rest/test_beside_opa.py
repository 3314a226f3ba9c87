"""Ours and a real OPA are asked the same, in the same order: made-up requests, and bodies with faults in them."""

import http.client
import json
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools import peers

pytestmark = pytest.mark.e2e

Make = Callable[..., Any]

SEGMENTS = [
    "a", "b", "0", "1", "-", "-1", "01", "+1", "x%20y", "a%2Fb", "..", "%22", "%C3%A9", "%25", "q%3Bx", "a.b",
    "ex", "allow",
]  # fmt: skip
VALUES = [
    "1", '"s"', "null", "[]", "{}", '{"a":1}', "[1,2]", '{"a":{"b":[1,{"a":2}]}}', '{"0":1,"b":[0]}', "1.50", "{",
    "", "[1,",
    '{"a":1} x', '{"input":{"a":1}}', '{"input":null}', '"\\ud800"', "-0", "1e400", '{"allow":true}',
]  # fmt: skip
POLICIES = [
    "package ex\n\nallow := true\n",
    "package ex\n\nallow if input.a == 1\n",
    "package a\n\nb := 1\n",
    "package c.d\n\np contains x if some x in [1, 2]\n",
    "package system\n\nmain := input\n",
    "package ex\n\nf(x) := x\n",
    "package ex\n\nd := 1 / input.a\n",
    "package b\n\ny := data.a\n",
]
BODIES = [
    '{"a":[1,2.5e3,true,null],"b":"x\\u00e9\\n"}', '[{"op":"add","path":"/a","value":{"b":[1]}}]',
    '{"input":{"a":-0.0}}',
    '"\\ud83d\\ude00"', "-12.50E+3", '[[],{},"",0]', '{"Input":1,"input":2}', '[{"OP":"remove","Path":"x"}]',
]  # fmt: skip
ODD = b'{}[]",:\\\x00\xff\xc3 01-.eEtfnu'


@pytest.fixture
def opa() -> Iterator[http.client.HTTPConnection]:
    try:
        binary = peers.find("opa")
    except peers.Unavailable as reason:
        pytest.skip(str(reason))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(binary), "run", "-s", "--skip-version-check", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                time.sleep(0.05)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        yield connection
        connection.close()
    finally:
        process.terminate()
        process.wait(timeout=20)


def made_up(r: random.Random) -> tuple[str, str, bytes]:
    def path(prefix: str) -> str:
        return prefix + "".join("/" + r.choice(SEGMENTS) for _ in range(r.choice([0, 1, 1, 2, 2, 3, 4])))

    query = r.choice(["", "", "", "?pretty", "?pretty=false", "?input=%7B%22a%22%3A1%7D"])
    match r.randrange(8):
        case 0 | 1:
            return "PUT", path("/v1/data"), r.choice(VALUES).encode()
        case 2:
            return "DELETE", path("/v1/data"), b""
        case 3:
            patch = {
                "op": r.choice(["add", "replace", "remove", "x"]),
                "path": path(""),
                "value": r.choice([1, {}, [1]]),
            }
            return "PATCH", path("/v1/data"), json.dumps([patch]).encode()
        case 4:
            return "GET", path("/v1/data") + query, b""
        case 5:
            return "POST", path("/v1/data") + query, r.choice(VALUES).encode()
        case 6:
            return "POST", path("/v0/data") + query, r.choice(VALUES).encode()
    return "PUT", "/v1/policies/" + r.choice(["p", "q", "d/e"]), r.choice(POLICIES).encode()


def faulty(r: random.Random) -> tuple[str, str, bytes]:
    body = bytearray(r.choice(BODIES).encode())
    for _ in range(r.choice([0, 1, 1, 2, 3])):
        at = r.randrange(len(body)) if body else 0
        body[at : at + r.choice([0, 1, 1])] = bytes([r.choice(ODD)]) if r.random() < 0.7 else b""
    method, target = r.choice(
        [("PUT", "/v1/data/x"), ("PATCH", "/v1/data"), ("POST", "/v1/data/x"), ("POST", "/v0/data/x")]
    )
    return method, target, bytes(body)


def shown(status: int, headers: Any, body: bytes) -> Any:
    """What must be the same. Redirects differ in how they escape, several errors in their order."""
    if status == 301:
        return status
    text = body.decode("utf-8", "replace")
    if status == 400 and ("errors occurred" in text or text.count('"code"') > 2):
        text = "".join(sorted(text))
    return status, headers.get("content-type", ""), headers.get("vary", ""), text


@pytest.mark.parametrize("kind", [made_up, faulty])
def test_both_answer_the_same(
    client: Make, opa: http.client.HTTPConnection, kind: Callable[[random.Random], tuple[str, str, bytes]]
) -> None:
    ours = client()
    r = random.Random(7)
    for _ in range(1500):
        method, target, body = kind(r)
        opa.request(method, target, body=body if body or method != "GET" else None)
        theirs = opa.getresponse()
        expected = shown(theirs.status, {k.lower(): v for k, v in theirs.getheaders()}, theirs.read())
        answer = ours.ask(method, target, body)
        assert shown(answer.status, answer.headers, answer.body) == expected, (method, target, body)
