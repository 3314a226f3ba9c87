"""Replays recordings of OPA's REST interface against ours, in the process, and compares status, type and body.

Each block has a fresh application with the block's settings. What differs by nature is left out of the comparison:
versions, ids, timings, and the texts of stack traces.
"""

import asyncio
import base64
import gzip
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from image_enforcer.opa.documents import Documents
from image_enforcer.opa.loader import Loaded, load
from image_enforcer.opa.rest.bodies import BodyLimits
from image_enforcer.opa.rest.log import make_log
from image_enforcer.opa.rest.run import Options, make_app

FLOOR = 90.0
"""Percent of the exchanges that must match."""

REACHED: dict[str, int] = {
    "main": 348,
    "authz_token": 23,
    "authz_undef": 3,
    "authz_missing": 2,
    "auth_token_noauthz": 2,
    "v0_compatible": 8,
    "limits": 10,
    "gzip_response": 6,
    "config": 3,
    "decision_logs_console": 6,
    "bundle_file": 4,
    "diagnostic": 5,
    "log_requests": 3,
    "log_text": 2,
}
"""Exchanges of a block that have matched before and must go on to."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    app: Any, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"", state: Any = None
) -> Answer:
    """One request to an ASGI application."""
    path, _, query = target.partition("?")
    sent = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    if body or method in ("PUT", "POST", "PATCH"):
        sent.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "method": method, "raw_path": path.encode(), "path": unquote(path),
        "query_string": query.encode(), "headers": sent, "client": ("127.0.0.1", 4711), "state": state or {},
    }  # fmt: skip
    got: dict[str, Any] = {"body": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            got["status"] = message["status"]
            got["headers"] = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            got["body"] += message.get("body", b"")

    await app(scope, receive, send)
    return Answer(got["status"], got["headers"], got["body"])


def request_body(request: dict[str, Any]) -> bytes:
    if "body_b64" in request:
        return base64.b64decode(request["body_b64"])
    if "body_repeat" in request:
        before, text, count, after = request["body_repeat"]
        repeated: str = before + text * count + after
        return repeated.encode()
    body: str = request.get("body") or ""
    return body.encode("utf-8", "surrogatepass")


VARYING = {"version", "id", "decision_id", "stack_trace"}


def plain(value: Any) -> Any:
    """Without what differs by nature."""
    if isinstance(value, dict):
        made = {k: plain(v) for k, v in value.items() if k not in VARYING}
        if "metrics" in made:
            made["metrics"] = True
        return made
    return [plain(v) for v in value] if isinstance(value, list) else value


def same_body(expected: str, got: bytes) -> bool:
    text = got.decode("utf-8", "replace")
    if expected == text:
        return True
    try:
        left, right = json.loads(expected, parse_float=str), json.loads(text, parse_float=str)
    except ValueError:
        return False
    same_shape = expected.startswith("{\n") == text.startswith("{\n") and text.endswith("\n")
    return same_shape and bool(plain(left) == plain(right)) and keys(plain(left)) == keys(plain(right))


def keys(value: Any) -> Any:
    if isinstance(value, dict):
        return [(k, keys(v)) for k, v in value.items()]
    return [keys(v) for v in value] if isinstance(value, list) else None


def difference(response: dict[str, Any], answer: Answer) -> str:
    """What is not as recorded, or nothing."""
    if response["status"] != answer.status:
        return f"status {answer.status}, not {response['status']}"
    for name in ("content-type", "location", "allow", "vary", "content-encoding"):
        wanted = response.get("headers", {}).get(name, "")
        if wanted != answer.headers.get(name, ""):
            return f"{name} {answer.headers.get(name, '')!r}, not {wanted!r}"
    body = answer.body
    if "body_gunzipped" in response:
        return "" if gzip.decompress(body).decode() == response["body_gunzipped"] else "gzip body"
    if "metric_families" in response:
        missing = [
            f for f in response["metric_families"] if f.startswith("http_") and f.split()[0] not in body.decode()
        ]
        return f"metrics {missing}" if missing else ""
    if "body_len" in response:
        wanted_body = len(body) == response["body_len"] and body.decode().startswith(response["body_prefix"][:80])
        return "" if wanted_body else "long body"
    return "" if same_body(response.get("body", ""), body) else "body"


def settings(arguments: list[str]) -> tuple[Options, Loaded, int]:
    """What the arguments of a recorded server ask for; what ours has no option for is left out."""
    options: dict[str, Any] = {"authentication": "off", "authorization": "off"}
    limits: dict[str, int] = {}
    files: list[str] = []
    version = 1
    left = list(arguments[1:])
    while left:
        argument = left.pop(0)
        if argument in ("-b", "--log-level", "--log-format", "--diagnostic-addr", "--addr"):
            left.pop(0)
        elif argument == "--set":
            name, _, value = left.pop(0).partition("=")
            field = {
                "server.decoding.max_length": "plain", "server.decoding.gzip.max_length": "unpacked",
                "server.encoding.gzip.min_length": "compress_from",
            }.get(name)  # fmt: skip
            if field is not None:
                limits[field] = int(value)
        elif argument == "--v0-compatible":
            version = 0
        elif argument.startswith(("--authentication=", "--authorization=")):
            name, _, value = argument[2:].partition("=")
            options[name] = value
        elif not argument.startswith("-"):
            files.append(argument)
    loaded = load(files, version=version)
    return Options(**options, bodies=BodyLimits(**limits)), loaded, version


@pytest.fixture
def threads() -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    with ThreadPoolExecutor(2) as many, ThreadPoolExecutor(1) as one:
        yield many, one


def replay(block: dict[str, Any], threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor]) -> list[str]:
    """The exchanges that differ, each with why."""
    options, loaded, version = settings(block["server_args"])
    documents = Documents(loaded, version=version)
    app = make_app(documents, options, make_log(io.StringIO(), "error", "json", lambda: ""), *threads)

    async def run() -> list[str]:
        differing = []
        for i, exchange in enumerate(block["exchanges"]):
            request, response = exchange["request"], exchange["response"]
            path = re.sub(r"^@DIAG", "", request["path"])
            asked = app if path == request["path"] else app.diagnostic
            answer = await ask(asked, request["method"], path, request.get("headers"), request_body(request))
            why = difference(response, answer)
            if why:
                differing.append(f"{i} {request['method']} {path}: {why}")
                if os.environ.get("SHOW_DIFFERENCES"):
                    differing.append(
                        f"    wanted {response.get('body', '')[:1500]!r}\n    got    {answer.body[:1500]!r}"
                    )
        return differing

    return asyncio.run(run())


def test_recorded_exchanges_of_opa_match(
    shared_cases: Path,
    threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    blocks = json.loads((shared_cases / "opa-golden" / "rest.json").read_text())
    monkeypatch.chdir(shared_cases / "opa-golden" / "fixtures")
    matched: Counter[str] = Counter()
    with capsys.disabled():
        print()
        for block in blocks:
            differing = replay(block, threads)
            count = len(block["exchanges"])
            matched[block["block"]] = count - len([d for d in differing if not d.startswith("    ")])
            print(f"  {block['block']:22} {matched[block['block']]:4} of {count:4}")
            if os.environ.get("SHOW_DIFFERENCES"):
                print("\n".join(differing))
        total = sum(len(b["exchanges"]) for b in blocks)
        print(f"  {'all':22} {sum(matched.values()):4} of {total:4}: {100 * sum(matched.values()) / total:.1f} %")
    assert 100 * sum(matched.values()) / total >= FLOOR
    there = {b["block"] for b in blocks}
    fallen = {name: matched[name] for name, reached in REACHED.items() if name in there and matched[name] < reached}
    assert not fallen
