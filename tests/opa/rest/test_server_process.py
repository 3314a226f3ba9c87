"""The real server: starting, stopping, reloading, TLS, tokens, and clients that mean harm."""

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.certificates import Authority

Start = Callable[..., Any]

POLICY = """package ex

default allow := false

allow if input.user in data.users

slow if {
    some i in numbers.range(1, 3000)
    some j in numbers.range(1, 3000)
    i + j < 0
}
"""


def test_writes_and_decisions_and_a_stop_without_loss(server: Start, tmp_path: Path) -> None:
    (tmp_path / "ex.rego").write_text(POLICY)
    s = server("ex.rego")
    assert s.ask("PUT", "/v1/data/users", '["alice"]').status == 204
    assert s.ask("POST", "/v1/data/ex/allow", '{"input":{"user":"alice"}}').json == {"result": True}
    assert s.ask("GET", "/health").status == 200
    assert s.stop() == 0
    messages = [json.loads(line)["msg"] for line in s.text.splitlines()]
    assert messages[0] == "Initializing server."
    assert messages[-2:] == ["Shutting down...", "Server shutdown."]
    assert messages.count("Received request.") == messages.count("Sent response.") == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_runs_is_finished_after_a_signal(server: Start, tmp_path: Path, number: int) -> None:
    (tmp_path / "ex.rego").write_text(POLICY)
    s = server("ex.rego")
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(s.ask("GET", "/v1/data/ex/slow")))
    asking.start()
    s.wait_for('"req_path":"/v1/data/ex/slow"')
    assert s.stop(number) == 0
    asking.join(timeout=20)
    assert answers[0].status in (200, 500)
    assert answers[0].body.endswith(b"\n")


def test_other_requests_are_answered_while_one_runs_into_its_limit(server: Start, tmp_path: Path) -> None:
    (tmp_path / "ex.rego").write_text(POLICY)
    s = server("ex.rego")
    s.ask("PUT", "/v1/data/users", '["alice"]')
    enough = threading.Event()

    def keep_asking() -> None:
        while not enough.is_set():
            s.ask("GET", "/v1/data/ex/slow")

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        s.wait_for('"req_path":"/v1/data/ex/slow"')
        for _ in range(500):
            assert s.ask("POST", "/v1/data/ex/allow", '{"input":{"user":"alice"}}').json == {"result": True}
            if a_quick_one_ran_within_a_slow_one(s.text):
                break
    finally:
        enough.set()
        asking.join(timeout=30)
    # A server that takes one request after the other never gets here, however fast the machine is.
    assert a_quick_one_ran_within_a_slow_one(s.text)


def a_quick_one_ran_within_a_slow_one(log: str) -> bool:
    """Whether some request for ``allow`` came and was answered between the two lines of one for ``slow``."""
    spans: dict[int, list[int]] = {}
    paths: dict[int, str] = {}
    for number, line in enumerate(log.splitlines()):
        if '"req_id"' in line and line.endswith("}"):
            entry = json.loads(line)
            spans.setdefault(entry["req_id"], []).append(number)
            paths[entry["req_id"]] = entry["req_path"]
    whole = [(paths[k], span) for k, span in spans.items() if len(span) == 2]
    slow = [span for path, span in whole if path.endswith("/slow")]
    quick = [span for path, span in whole if path.endswith("/allow")]
    return any(s[0] < q[0] and q[1] < s[1] for s in slow for q in quick)


def test_a_changed_policy_is_loaded_and_a_broken_one_is_not(server: Start, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "p.rego").write_text("package p\n\nx := 1\n")
    (folder / "d.json").write_text('{"fromfile": {"a": 1, "b": 1}}')
    s = server("-w", "policies")
    s.ask("PUT", "/v1/data/fromfile/a", "2")
    s.ask("PUT", "/v1/data/pushed", "3")

    (folder / "p.rego").write_text("package p\n\nx := 10\n")
    s.wait_for("Processed file watch event")
    assert s.ask("GET", "/v1/data/p/x").json == {"result": 10}
    assert s.ask("GET", "/v1/data/pushed").json == {"result": 3}
    assert s.ask("GET", "/v1/data/fromfile").json == {"result": {"a": 2, "b": 1}}

    (folder / "p.rego").write_text("package p\n\nx := \n")
    s.wait_for("Changed files could not be loaded")
    assert s.ask("GET", "/v1/data/p/x").json == {"result": 10}


def test_a_port_in_use_is_said_with_what_to_do(server: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        s = server("--addr", f"127.0.0.1:{port}", ready="", address=False)
        assert s.process.wait(timeout=20) == 2
    assert "error[IE2008]" in s.text
    assert f"127.0.0.1:{port}: another program listens there already" in s.text
    assert "hint: stop that program, or choose another port with --addr" in s.text
    assert "Traceback" not in s.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bundle", "x"], "--bundle is not supported yet"),
        (["--set", "a=b"], "--set is not supported yet"),
        (["--config-file", "c.yaml"], "--config-file is not supported yet"),
        (["--h2c"], "--h2c is not supported yet"),
        (["--authentication", "magic"], "--authentication 'magic' is not one of off, token, tls"),
        (["--tls-cert-file", "c.pem"], "must be specified together"),
        (["--tls-cert-file", "c.pem", "--tls-private-key-file", "k.pem"], "No such file"),
        (["--authentication", "tls"], "--authentication=tls needs"),
        (["--addr", "ftp://x"], "is not one of http://, https://, unix://"),
        (["--addr", "localhost"], "a port from 0 to 65535 is missing"),
        (["--addr", "https://localhost:1"], "needs --tls-cert-file"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_is(server: Start, arguments: list[str], said: str) -> None:
    s = server(*arguments, ready="", address=False)
    assert s.process.wait(timeout=20) == 2
    assert said in s.text
    assert "error[IE" in s.text
    assert "Traceback" not in s.text


ASK_UNIX = """
import socket
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect("rest.sock")
    connection.sendall(b"GET /health HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n")
    print(connection.recv(65536).decode())
"""
"""In a process of its own: sockets in the file system are closed to tests."""


def test_several_addresses_and_a_unix_socket(server: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:  # by a server that was killed
        left.bind(str(tmp_path / "rest.sock"))
    s = server("--addr", "unix://rest.sock")
    asked = subprocess.run([sys.executable, "-c", ASK_UNIX], cwd=tmp_path, capture_output=True, timeout=20, check=True)
    assert asked.stdout.startswith(b"HTTP/1.1 200 OK")
    assert s.ask("GET", "/health").status == 200
    assert s.stop() == 0
    assert not (tmp_path / "rest.sock").exists()


def test_health_and_metrics_have_an_address_of_their_own(server: Start) -> None:
    s = server("--diagnostic-addr", "127.0.0.1:0")
    found = re.search(r'"diagnostic-addrs":\["127\.0\.0\.1:([0-9]+)"\]', s.text)
    assert found is not None
    main, s.port = s.port, int(found.group(1))
    assert [s.ask("GET", p).status for p in ("/health", "/metrics", "/v1/data", "/", "/v1/policies")] == [
        200,
        200,
        404,
        404,
        404,
    ]
    assert s.ask("PUT", "/v1/data/x", "1").status == 404
    s.port = main
    assert [s.ask("GET", p).status for p in ("/health", "/metrics", "/v1/data")] == [200, 200, 200]


def test_listening_for_everybody_without_authorization_is_warned_of(server: Start) -> None:
    s = server("--addr", "0.0.0.0:0", "--log-level=error", ready="without authorization", address=False)
    assert "Listening beyond this machine without authorization" in s.text


def over_tls(port: int, context: ssl.SSLContext, request: bytes) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(request)
        got = b""
        while part := connection.recv(65536):
            got += part
        return got


def refused(port: int, context: ssl.SSLContext) -> bool:
    """Whether the server ends the handshake; with TLS 1.3 a client learns it with its first read."""
    try:
        return over_tls(port, context, GET_X) == b""
    except (ssl.SSLError, ConnectionError):
        return True


GET_X = b"GET /v1/data/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"


def test_tls_and_clients_known_by_certificate(server: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own, client = authority.issue("localhost"), authority.issue("client")
    (tmp_path / "authz.rego").write_text(
        'package system.authz\n\nallow if {\n\tinput.identity == "CN=client,O=tests"\n'
        '\tinput.client_certificates[0].Subject.CommonName == "client"\n}\n'
    )
    s = server(
        "--tls-cert-file", str(own.certificate), "--tls-private-key-file", str(own.key),
        "--tls-ca-cert-file", str(authority.certificate),
        "--authentication", "tls", "--authorization", "basic", "authz.rego",
    )  # fmt: skip
    context = ssl.create_default_context(cafile=authority.certificate)
    assert refused(s.port, context)
    context.load_cert_chain(client.certificate, client.key)
    assert over_tls(s.port, context, GET_X).startswith(b"HTTP/1.1 200 OK")
    assert "Traceback" not in s.text


def test_tokens_open_the_door_and_never_reach_the_log(server: Start, tmp_path: Path) -> None:
    (tmp_path / "authz.rego").write_text(
        'package system.authz\n\ndefault allow := false\n\nallow if input.identity == "s3cr3t-token"\n'
    )
    s = server("--authentication=token", "--authorization=basic", "--log-level=debug", "authz.rego")
    assert s.ask("GET", "/v1/data").status == 401
    assert s.ask("GET", "/v1/data", authorization="Bearer wrong-token").status == 401
    assert s.ask("GET", "/v1/data", authorization="Bearer s3cr3t-token").status == 200
    assert s.ask("GET", "/v1/data?access_token=s3cr3t-token").status == 401
    assert s.ask("PUT", "/v1/data/keys", '"s3cr3t-token"', authorization="Bearer s3cr3t-token").status == 204
    s.stop()
    assert "s3cr3t-token" not in s.text
    assert "wrong-token" not in s.text


HOSTILE = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET\r\n\r\n",
    b"FOO /v1/data HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /v1/data HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    b"GET /v1/data HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    b"POST /v1/data HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/data HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nabc",
    b"GET /v1/data HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n",
    b"GET /v1/data/\xff\xfe HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"CONNECT localhost:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"GET http://x/v1/data HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"GET /v1/data/%zz HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /v1/data HTTP/1.1\r\nhost: x\r\nx: " + b"a" * (2 << 20) + b"\r\n\r\n",
    b"GET /v1/data HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 5000 + b"\r\n",
    b"PUT /v1/data/x HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999999\r\n\r\n",
    b"GET /v1/data HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n",
]  # fmt: skip


def test_broken_requests_get_an_answer_or_a_closed_door_and_the_server_goes_on(server: Start) -> None:
    s = server()
    for request in HOSTILE:
        try:
            got = s.raw(request)
        except ConnectionError:
            got = b""
        assert not got or 200 <= int(got.split()[1]) < 500, request[:60]
        assert b"Traceback" not in got
        assert s.ask("GET", "/health").status == 200, request[:60]
    assert "Traceback" not in s.text


def test_half_a_request_harms_nobody(server: Start) -> None:
    s = server()
    halves = [b"GET /v1", b"POST /v1/data/x HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{", b""]
    held = []
    for half in halves:
        connection = socket.create_connection(("127.0.0.1", s.port), timeout=10)
        connection.sendall(half)
        held.append(connection)
    assert s.ask("GET", "/health").status == 200
    for connection in held:
        connection.close()
    s.wait_for("Client went away")
    assert s.stop() == 0


def test_half_a_request_does_not_keep_the_server_from_stopping(server: Start) -> None:
    s = server("--shutdown-grace-period", "1")
    with socket.create_connection(("127.0.0.1", s.port), timeout=10) as connection:
        connection.sendall(b"PUT /v1/data/x HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        s.wait_for("Received request")
        assert s.stop() == 0
    assert "Server shutdown." in s.text
    assert "Traceback" not in s.text


def test_deep_and_large_bodies_are_refused_with_a_reason(server: Start) -> None:
    s = server()
    deep = b"[" * 100_000
    for method, target in [
        ("PUT", "/v1/data/x"), ("PATCH", "/v1/data"), ("POST", "/v1/data/x"), ("POST", "/v0/data/x"),
        ("POST", "/v1/query"), ("POST", "/"), ("POST", "/v1/compile"),
    ]:  # fmt: skip
        answer = s.ask(method, target, deep)
        assert answer.status == 400
        assert "nested deeper than 512 levels" in answer.json["message"]
    answer = s.ask("PUT", "/v1/policies/deep", b"package a\n\np := " + deep)
    assert answer.status == 400
    answer = s.ask("POST", "/v1/query", json.dumps({"query": "x := " + "[" * 100_000}))
    assert answer.status == 400
    endless = "count([1 | some i in numbers.range(1, 1000000); some j in numbers.range(1, 1000000); i < 0; j < 0])"
    answer = s.ask("POST", "/v1/query", json.dumps({"query": endless}))
    assert answer.status == 500
    assert answer.json["errors"][0]["code"] == "eval_cancel_error"
    assert s.ask("GET", "/health").status == 200
    assert "Traceback" not in s.text
