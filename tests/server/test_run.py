"""The life of a real `serve`: changes while it runs, load, signals, kills."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.certificates import Authority
from tests.server.asgi import encoded
from tests.server.running import ROOT, Running, command, environment, serving

POLICY = """package io.k8s.image_policy

verify := {"status": {"allowed": allowed, "reason": "WORD"}}

default allowed := false

allowed if {
	some container in input.spec.containers
	container.image in data.good
}
"""
KEPT = "policies and data were not reloaded; the old ones stay in force"
SLOW = """
allowed if {
	input.spec.namespace == "slow"
	count([1 | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a == b]) == 0
}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A folder with a policy and one with data."""
    policies, data = tmp_path / "policies", tmp_path / "data"
    policies.mkdir()
    data.mkdir()
    (policies / "policy.rego").write_text(POLICY.replace("WORD", "first"), encoding="utf-8")
    (data / "good.json").write_text('{"good": ["a:1"]}', encoding="utf-8")
    return policies, data


def test_it_answers_and_stops_with_zero(files: tuple[Path, Path]) -> None:
    with serving([files[0]], [files[1]]) as server:
        assert server.post(encoded("a:1"))["allowed"] is True
        assert server.post(encoded("b:1")) == {"allowed": False, "reason": "first"}
        assert server.get("/healthz") == (200, b"ok\n")
        assert server.get("/readyz") == (200, b"ok\n")
        assert b'image_enforcer_reviews_total{allowed="true",cause=""} 1.0' in server.get("/metrics")[1]
        assert server.stop() == 0
    assert server.messages()[-1] == "stopped"
    assert [line["result"]["allowed"] for line in server.decided] == [True, False]


def test_without_a_policy_it_is_not_ready_and_denies(tmp_path: Path) -> None:
    with serving([tmp_path]) as server:
        status, body = server.get("/readyz")
        assert (status, b"no policy defines" in body) == (503, True)
        answer = server.post(encoded("a:1"))
        assert answer["allowed"] is False
        assert "[no-policy]" in answer["reason"]


def test_changed_files_change_the_next_answer_and_broken_ones_do_not(files: tuple[Path, Path]) -> None:
    policies, data = files
    with serving([policies], [data], "--watch") as server:
        assert server.post(encoded("b:1")) == {"allowed": False, "reason": "first"}
        (policies / "policy.rego").write_text(POLICY.replace("WORD", "second"), encoding="utf-8")
        server.until(lambda: server.post(encoded("b:1"))["reason"] == "second")
        (data / "good.json").write_text('{"good": ["b:1"]}', encoding="utf-8")
        server.until(lambda: server.post(encoded("b:1"))["allowed"] is True)
        assert server.post(encoded("a:1"))["allowed"] is False
        for broken in ("package", "package io.k8s.image_policy\n\nverify := missing"):
            refusals = server.messages().count(KEPT)
            (policies / "policy.rego").write_text(broken, encoding="utf-8")
            server.until(partial(more_than, server, refusals))
            assert server.post(encoded("b:1")) == {"allowed": True, "reason": "second"}
        (policies / "policy.rego").write_text(POLICY.replace("WORD", "third"), encoding="utf-8")
        server.until(lambda: server.post(encoded("b:1"))["reason"] == "third")


def test_a_pipe_in_the_place_of_tokens_holds_nobody_up(files: tuple[Path, Path], tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("good", encoding="utf-8")
    with serving([files[0]], [files[1]], "--token-file", str(tokens)) as server:
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "pipe").replace(tokens)
        server.until(lambda: "tokens were not reloaded; the old ones stay in force" in server.messages())
        assert server.post(encoded("a:1"), headers={"Authorization": "Bearer good"})["allowed"] is True
        assert server.stop() == 0


def test_however_often_it_is_told_to_reload_it_does_not_reload_for_ever(files: tuple[Path, Path]) -> None:
    with serving([files[0]], [files[1]]) as server:
        (files[1] / "good.json").write_text('{"good": ["b:1"]}', encoding="utf-8")
        for _ in range(300):
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.001)
        server.until(lambda: server.post(encoded("b:1"))["allowed"] is True)
        assert server.stop() == 0
    assert server.messages().count("reloaded") < 150
    assert server.messages()[-1] == "stopped"


def test_it_serves_without_standard_error(files: tuple[Path, Path]) -> None:
    port = free_port()
    words = [f"--policy={files[0]}", f"--data={files[1]}", f"--addr=127.0.0.1:{port}", "--admin-addr=127.0.0.1:0"]
    script = " ".join(shlex.quote(word) for word in command("serve", *words))
    process = subprocess.Popen(["sh", "-c", f"exec {script} 2>&-"], stdout=subprocess.PIPE, env=environment())
    server = Running(process, port=port)
    try:
        server.until(lambda: listens(port) or process.poll() is not None)
        assert server.post(encoded("a:1"))["allowed"] is True
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert [json.loads(line)["result"]["allowed"] for line in out.splitlines()] == [True]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number: int = taken.getsockname()[1]
        return number


def listens(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def test_a_policy_without_end_is_stopped_and_others_are_answered_meanwhile(files: tuple[Path, Path]) -> None:
    policies, data = files
    (policies / "slow.rego").write_text("package io.k8s.image_policy\n" + SLOW, encoding="utf-8")
    with serving([policies], [data], "--evaluation-timeout", "1.5") as server:
        slow: list[dict[str, object]] = []
        threads = [
            threading.Thread(target=lambda: slow.append(server.post(encoded("b:1", namespace="slow"))))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        answered = 0
        while any(thread.is_alive() for thread in threads):
            assert server.post(encoded("a:1"))["allowed"] is True
            assert server.get("/healthz")[0] == 200
            answered += 1
        for thread in threads:
            thread.join()
        assert answered > 0
        assert [answer["allowed"] for answer in slow] == [False] * 3
        assert all("[policy-limit]" in str(answer["reason"]) for answer in slow)


def more_than(server: Running, refusals: int) -> bool:
    """Whether another reload was refused."""
    return server.messages().count(KEPT) > refusals


def answered(clients: list[Client], count: int) -> bool:
    """Whether clients have that many answers together."""
    return sum(client.answers for client in clients) > count


class Client(threading.Thread):
    """Asks on kept connections until nobody listens any more. ``fault`` is what ended it otherwise.

    A connection that is cut before its first answer was never accepted: the listener closed while it waited there.
    """

    def __init__(self, server: Running) -> None:
        super().__init__()
        self._server = server
        self.answers = 0
        self.fault = ""

    def run(self) -> None:
        """Ask until refused."""
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
            try:
                connection.connect()
            except ConnectionError:
                return
            answers = 0
            try:
                while True:
                    connection.request("POST", "/image-policy", encoded("a:1"))
                    answer = connection.getresponse()
                    document = json.loads(answer.read())
                    assert document["status"] == {"allowed": True, "reason": "first"}
                    answers += 1
                    self.answers += 1
                    if answer.will_close:
                        break
            except (OSError, http.client.HTTPException, AssertionError) as fault:
                if isinstance(fault, ConnectionResetError) and not answers:
                    return
                self.fault = f"{type(fault).__name__}: {fault}"
                return
            finally:
                connection.close()


def test_a_stop_under_load_answers_everything(files: tuple[Path, Path]) -> None:
    with serving([files[0]], [files[1]]) as server:
        clients = [Client(server) for _ in range(8)]
        for client in clients:
            client.start()
        server.until(partial(answered, clients, 200))
        assert server.stop() == 0
        for client in clients:
            client.join(30)
        assert [client.fault for client in clients] == [""] * 8
    assert len(server.decided) == sum(client.answers for client in clients)


def test_a_kill_under_load_loses_no_answer_that_was_given(files: tuple[Path, Path]) -> None:
    for _ in range(2):
        with serving([files[0]], [files[1]]) as server:
            clients = [Client(server) for _ in range(4)]
            for client in clients:
                client.start()
            server.until(partial(answered, clients, 100))
            assert server.stop(signal.SIGKILL) == -signal.SIGKILL
            for client in clients:
                client.join(30)
        # Nothing but a cut connection is seen, and every answer that was given stands in the log.
        assert all(
            fault.startswith(("", "Connection", "RemoteDisc", "BadStatus")) for fault in (c.fault for c in clients)
        )
        assert len(server.decided) >= sum(client.answers for client in clients)


def test_half_a_request_is_answered_when_it_is_whole_although_the_server_stops(files: tuple[Path, Path]) -> None:
    with serving([files[0]], [files[1]]) as server:
        body = encoded("a:1")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.putrequest("POST", "/image-policy")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:20])
        server.until(lambda: server.get("/healthz")[0] == 200)
        server.process.send_signal(signal.SIGTERM)
        server.until(lambda: any("stopping" in m for m in server.messages()))
        connection.send(body[20:])
        answer = connection.getresponse()
        assert json.loads(answer.read())["status"]["allowed"] is True
        connection.close()
        assert server.process.wait(20) == 0


def test_while_it_stops_it_is_not_ready(files: tuple[Path, Path]) -> None:
    with serving([files[0]], [files[1]], "--shutdown-wait-period", "3") as server:
        server.process.send_signal(signal.SIGTERM)
        server.until(lambda: server.get("/readyz")[0] == 503)
        assert server.post(encoded("a:1"))["allowed"] is True
        assert server.process.wait(20) == 0


def test_tokens_and_certificates_are_read_again(files: tuple[Path, Path], tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair, other = authority.issue("server"), authority.issue("other")
    tokens = tmp_path / "tokens"
    tokens.write_text("old", encoding="utf-8")
    more = ["--tls-cert-file", str(pair.certificate), "--tls-private-key-file", str(pair.key)]
    more += ["--token-file", str(tokens)]
    context = ssl.create_default_context(cafile=str(authority.certificate))
    with serving([files[0]], [files[1]], *more) as server:

        def allowed(token: str) -> bool:
            sent = urllib.request.Request(
                f"https://127.0.0.1:{server.port}/image-policy", encoded("a:1"), {"Authorization": f"Bearer {token}"}
            )
            with urllib.request.urlopen(sent, context=context, timeout=20) as answer:
                return bool(json.loads(answer.read())["status"]["allowed"])

        def certificate() -> str:
            return ssl.get_server_certificate(("127.0.0.1", server.port), timeout=20)

        assert (allowed("old"), allowed("new")) == (True, False)
        before = certificate()
        tokens.write_text("new", encoding="utf-8")
        other.key.replace(pair.key)
        other.certificate.replace(pair.certificate)
        server.until(lambda: "tokens reloaded" in server.messages() and "certificates reloaded" in server.messages())
        assert (allowed("old"), allowed("new")) == (False, True)
        assert certificate() != before


def test_the_same_answers_come_from_the_sample_policies(tmp_path: Path) -> None:
    with serving([ROOT / "policies"], [ROOT / "data"]) as server:
        assert server.post(encoded("openpolicyagent/opa:0.4.9")) == {"allowed": True}
        answer = server.post(encoded("openpolicyagent/opa:0.4.9", "library/wordpress:4-apache"))
        assert answer["allowed"] is False
        assert "library/wordpress:4-apache" in answer["reason"]


def test_many_connections_at_once(files: tuple[Path, Path]) -> None:
    with serving([files[0]], [files[1]]) as server:
        connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=20) for _ in range(300)]
        for connection in connections:
            connection.request("POST", "/image-policy", encoded("a:1"))
        for connection in connections:
            assert json.loads(connection.getresponse().read())["status"]["allowed"] is True
            connection.close()


def test_many_large_reviews_that_never_end_take_little_memory(files: tuple[Path, Path]) -> None:
    def memory(pid: int) -> int:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:"))

    with serving([files[0]], [files[1]]) as server:
        assert server.post(encoded("a:1"))["allowed"] is True
        idle = memory(server.process.pid)
        open_ones = []
        for _ in range(200):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            connection.putrequest("POST", "/image-policy")
            connection.putheader("Content-Length", str(1 << 20))
            connection.endheaders(b" " * (1 << 19))
            open_ones.append(connection)
        assert server.post(encoded("a:1"))["allowed"] is True
        assert memory(server.process.pid) - idle < 64
        refused = [json.loads(c.getresponse().read())["status"] for c in open_ones]
        assert not any(status["allowed"] for status in refused)
        for connection in open_ones:
            connection.close()
