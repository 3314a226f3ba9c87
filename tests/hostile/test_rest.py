"""OPA's REST interface under attack: bodies, paths, policies and queries that never end; others are answered."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.target import MEBIBYTE, ROOM, Memory
from tests.server.running import SECONDS, command, environment, request


@dataclass
class Rest:
    """`run --server`, ready. ``log`` is what it has said."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def ask(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> tuple[int, Any]:
        """Status and document of an answer."""
        sent = body.encode() if isinstance(body, str) else body
        code, answer = request(self.port, method, path, sent, {k.replace("_", "-"): v for k, v in headers.items()})
        assert b"Traceback" not in answer
        return code, json.loads(answer) if answer.strip().startswith((b"{", b"[")) else answer

    def well(self) -> None:
        """That it lives, decides as ever and has reported no fault of its own."""
        assert self.process.poll() is None
        assert self.ask("POST", "/v1/data/good/sum", '{"input": {"a": 1}}') == (200, {"result": 2})
        assert "Traceback" not in self.log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    folder = tmp_path_factory.mktemp("rest")
    (folder / "good.rego").write_text("package good\n\nsum := input.a + 1\n", encoding="utf-8")
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command("run", "--server", "--addr", "127.0.0.1:0", str(folder / "good.rego")),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(), cwd=folder,
        )  # fmt: skip
    try:
        end = time.monotonic() + SECONDS
        found = None
        while found is None and time.monotonic() < end and process.poll() is None:
            found = re.search(r'"addrs":\["127\.0\.0\.1:([0-9]+)"', log.read_text(encoding="utf-8"))
            time.sleep(0.02)
        assert found is not None, log.read_text(encoding="utf-8")
        yield Rest(process, log, int(found[1]))
    finally:
        process.kill()
        process.wait(SECONDS)


DEEP = b"[" * 100_000
BODIES = {
    "deep": DEEP,
    "deep and closed": DEEP + b"]" * 100_000,
    "deep objects": b'{"input":' * 100_000,
    "half": b'{"input": ',
    "a NUL": b"\0",
    "NaN": b'{"input": NaN}',
    "a huge exponent": b'{"input": 1e999999999}',
    "half of a pair": b'{"input": "\\ud800", ',
    "not UTF-8": b'{"input": "\xff\xfe", ',
    "8 MiB of brackets": b"[" * (8 * MEBIBYTE),
}
TARGETS = [
    ("POST", "/v1/data/good/sum"), ("POST", "/v0/data/good/sum"), ("PUT", "/v1/data/x"), ("PATCH", "/v1/data/x"),
    ("POST", "/v1/query"), ("POST", "/"), ("POST", "/v1/compile"),
]  # fmt: skip


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies(server: Rest, body: bytes) -> None:
    memory = Memory(server.process.pid)
    for method, path in TARGETS:
        code, answer = server.ask(method, path, body)
        assert code == 400, (path, code, answer)
        assert answer["message"], answer
    assert memory.grown < ROOM
    server.well()


BOMBS = {"Content-Encoding: gzip that is none": b"nonsense", "gzip's first bytes": b"\x1f\x8b" + b"\0" * 50}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_gzip_that_is_none(server: Rest, body: bytes) -> None:
    assert server.ask("POST", "/v1/data/good/sum", body, content_encoding="gzip")[0] == 400
    server.well()


def test_aliases_of_yaml(server: Rest) -> None:
    memory = Memory(server.process.pid)
    bomb = "input:\n  a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"  {n}: &{n} [{','.join([f'*{before}'] * 10)}]\n" for before, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    code, answer = server.ask("POST", "/v1/data/good/sum", bomb, content_type="application/yaml")
    assert (code, "Traceback" in str(answer)) == (400, False)
    assert memory.grown < ROOM
    server.well()


PATHS = ["/v1/data/..%2f..%2fetc%2fpasswd", "/v1/data/../../etc/passwd", "/v1/data/" + "a/" * 4000, "/v1/data/%00",
         "/v1/data/%ff%fe", "/v1/data/%F0%9F%90%B3", "/v1/data/%0d%0aset-cookie:%20a=b", "/v1/data/%1b%5b2J",
         "/v1/data/good/sum%22%5d%3b%20x", "/v1/data/" + "a" * 60_000, "/v1/data//////", "/v1/data?input=%7b",
         "/v1/data?pretty=%00&explain=full&metrics=%0a", "/v1/policies/..%2f..%2fetc", "/v1/policies/%0a"]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_paths_lead_nowhere_and_to_no_log(server: Rest, path: str) -> None:
    before = len(server.log.read_text(encoding="utf-8").splitlines())
    code, answer = server.ask("GET", path)
    assert 200 <= code < 500 or "invalid_parameter" in answer["message"]  # a quotation mark: 500 as with OPA
    assert "root:" not in str(answer)
    server.well()
    lines = server.log.read_text(encoding="utf-8").splitlines()[before:]
    assert all(json.loads(line)["level"] in ("info", "debug") for line in lines)
    assert not any("\x1b" in line for line in lines)


POLICIES = {
    "half": "package a\n\np := {",
    "deep": "package a\n\np := " + "[" * 100_000,
    "unsafe": "package a\n\np := x",
    "mistyped": 'package a\n\np := 1 + "a"',
    "recursive": "package a\n\np if p",
    "in the place of another": "package good\n\nsum contains 1",
    "no text": "\0\0\0",
    "a call of the network": 'package a\n\np := http.send({"method": "get", "url": "http://127.0.0.1:1"}).raw(1)',
}


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES)
def test_policies_that_are_wrong_are_not_taken(server: Rest, text: str) -> None:
    code, answer = server.ask("PUT", "/v1/policies/wrong", text)
    assert code == 400, answer
    assert answer["message"]
    assert server.ask("GET", "/v1/policies/wrong")[0] == 404
    server.well()


MANY = "some i in numbers.range(1, 100000)"
ENDLESS = {
    "a comprehension": f"count([1 | {MANY}; some j in numbers.range(1, 100000); i < 0; j < 0]) > 0",
    "a range": "count(numbers.range(1, 1000000000)) < 0",
    "a shift": "bits.lsh(1, 1000000000) < 0",
    "a set": f"count({{[i, j] | {MANY}; some j in numbers.range(1, 100000)}}) < 0",
    "a pattern": f'a := concat("", ["aaaaaaaaaa" | {MANY}]); count([1 | {MANY}; regex.match("^(a+)+b$", a)]) > 0',
}


def stopped(server: Rest, ask: Any) -> None:
    """That a question ends with an error, while others are answered."""
    memory = Memory(server.process.pid)
    got: list[tuple[int, Any]] = []
    asking = threading.Thread(target=lambda: got.append(ask()))
    asking.start()
    while asking.is_alive():
        server.well()
    asking.join()
    code, answer = got[0]
    assert code == 500, answer
    assert answer["errors"][0]["message"]
    assert memory.grown < ROOM


@pytest.mark.slow
@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_endless_policies_and_queries_are_stopped(server: Rest, body: str) -> None:
    assert server.ask("PUT", "/v1/policies/endless", f"package endless\n\np if {{ {body} }}\n")[0] == 200
    stopped(server, lambda: server.ask("GET", "/v1/data/endless/p"))
    assert server.ask("DELETE", "/v1/policies/endless")[0] == 200
    stopped(server, lambda: server.ask("POST", "/v1/query", json.dumps({"query": body})))
    server.well()


QUERIES = ["[" * 100_000, "x :=", "data.good.sum(", "input.a == 1; input.a", "\0", "not x", "http.send({}, 1)", "1 / 0",
           "x := " + "1 + " * 20_000 + "1"]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_queries_that_are_wrong(server: Rest, query: str) -> None:
    code, answer = server.ask("POST", "/v1/query", json.dumps({"query": query}))
    assert code in (200, 400, 500)
    assert code == 200 or answer["message"] or answer["errors"]
    server.well()


def test_queries_of_others_leave_nothing_behind(server: Rest) -> None:
    for i in range(300):
        server.ask("POST", "/v1/query", json.dumps({"query": f"x := {i} + input.n{i}"}))
    memory = Memory(server.process.pid)
    for i in range(1500):
        server.ask("POST", "/v1/query", json.dumps({"query": f"x := {i} + input.m{i}"}))
    assert memory.grown < 32 * MEBIBYTE
    server.well()
