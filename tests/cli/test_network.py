"""What eval and run let policies reach and know."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from image_enforcer.cli import network
from image_enforcer.cli.faults import Fault
from image_enforcer.cli.main import main


class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
        pass

    def do_GET(self) -> None:
        Handler.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.asked = 0
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["eval", *arguments])
    return code, capsys.readouterr().out


def test_named_hosts_are_reached(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    query = f'http.send({{"method": "get", "url": "http://127.0.0.1:{port}/"}}).raw_body'
    assert run(capsys, "--allow-net", f"127.0.0.1:{port}", "-f", "raw", query) == (0, "ok\n")
    assert Handler.asked == 1
    code, text = run(capsys, query)
    assert (code, Handler.asked) == (2, 1)
    assert "--allow-net HOST" in json.loads(text)["errors"][0]["message"]


def test_being_told_how_sends_nothing_twice(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    query = f'http.send({{"method": "get", "url": "http://127.0.0.1:{port}/"}}).raw_body'
    code, _ = run(capsys, "--allow-net", "127.0.0.1", "--explain", "full", "--profile", query)
    assert (code, Handler.asked) == (0, 1)


def test_the_runtime(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_VARIABLE", "a value")
    code, text = run(capsys, "-f", "raw", "[opa.runtime().env.A_VARIABLE, opa.runtime().commit]")
    assert (code, text) == (0, '["a value",""]\n')


def test_what_is_no_host() -> None:
    with pytest.raises(Fault, match="'a b' is no host"):
        network.network(["a b"], False)
    with pytest.raises(Fault, match="--allow-net-private is for hosts"):
        network.network([], True)
    assert network.network([], False) is None
