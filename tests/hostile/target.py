"""A server under attack: what may be looked at while, and what has to hold after each case."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

from tests.server.running import ROOT, SECONDS, Running, command, environment

GOOD = "openpolicyagent/opa:0.4.9"
"""An image that the sample policies allow with the sample data."""
MEBIBYTE = 1 << 20
ROOM = 64 * MEBIBYTE
"""Bytes that wrong input may cost above what the process held before."""
ALLOW = """package io.k8s.image_policy

yes := {"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": {"allowed": true}}

verify := yes if input.spec.namespace == "production"
"""
"""A policy to which cases add their own ways to an answer."""


def review(*images: str, namespace: str = "production", **spec: Any) -> dict[str, Any]:
    """An ImageReview of images."""
    return {
        "kind": "ImageReview",
        "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "spec": {"containers": [{"image": i} for i in images or (GOOD,)], "namespace": namespace, **spec},
    }


def encoded(*images: str, namespace: str = "production", **spec: Any) -> bytes:
    """The same as the body of a request."""
    return json.dumps(review(*images, namespace=namespace, **spec)).encode()


def status(answer: bytes) -> dict[str, Any]:
    """The status in a body, which has to be UTF-8."""
    found: dict[str, Any] = json.loads(answer.decode("utf-8", "strict"))["status"]
    return found


def denied(answer: dict[str, Any], *words: str) -> None:
    """That an answer refuses, with a reason that names the fault and gives no command to a terminal or a log."""
    assert answer["allowed"] is False, answer
    reason = answer["reason"]
    assert reason.strip()
    assert "Traceback" not in reason
    assert not any(ord(c) < 0x20 and c not in "\n\t" for c in reason), reason
    assert all(word in reason for word in words), (words, reason[:2000])


def well(server: Running, body: bytes | None = None) -> None:
    """That the server lives, answers a good review as ever and has reported no fault of its own."""
    assert server.process.poll() is None
    assert server.post(encoded() if body is None else body)["allowed"] is True
    faults = [line for line in server.said if "Traceback" in json.dumps(line) or line.get("level") == "error"]
    assert faults == []


def resident(pid: int, what: str = "VmRSS") -> int:
    """Bytes of memory that a process holds, or with ``VmHWM`` has held at most."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) << 10
    raise AssertionError(what)


class Memory:
    """How much more memory a process has held than before this was made."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = resident(pid)
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew

    @property
    def grown(self) -> int:
        """Bytes at the peak, above what was held at first."""
        return resident(self._pid, "VmHWM") - self._before


def raw(port: int, sent: bytes, seconds: float = SECONDS) -> bytes:
    """What comes back for bytes on a connection of their own, until it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        got = b""
        try:
            connection.sendall(sent)
            while part := connection.recv(65536):
                got += part
        except ConnectionError:
            pass  # closed before all was sent: what came is what counts
        return got


def ran(*arguments: str, sent: bytes = b"", cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[bytes]:
    """A command of the program, to its end."""
    return subprocess.run(
        command(*arguments), input=sent, capture_output=True, cwd=cwd, env={**environment(), **more}, timeout=60
    )


def refused(done: subprocess.CompletedProcess[bytes], *words: str, code: int = 2) -> None:
    """That a command ended with a message that names the fault, and with the exit code for it."""
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == code, (done.returncode, out, err)
    assert "Traceback" not in out + err
    assert "error" in out + err
    assert all(word in out + err for word in words), (words, err[:2000])
