"""`serve` refuses what it cannot do, with exit code 2, a message and the next step."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from image_enforcer.cli.faults import Fault
from image_enforcer.cli.serve import address
from image_enforcer.settings import Address
from tests.server.running import ROOT, command, environment

POLICY = "package io.k8s.image_policy\n\nverify := true\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with these arguments, to its end."""
    return subprocess.run(
        command("serve", *arguments), capture_output=True, text=True, timeout=60, check=False, env=environment(),
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy that can be used."""
    file = tmp_path / "policy.rego"
    file.write_text(POLICY, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--policy"),
        (("--policy", "nosuch.rego"), "nosuch.rego"),
        (("--policy", "{policy}", "--data", "nosuch.json"), "nosuch.json"),
        (("--policy", "{policy}", "--addr", "8181"), "--addr '8181' is not HOST:PORT"),
        (("--policy", "{policy}", "--addr", "a:b"), "is not HOST:PORT"),
        (("--policy", "{policy}", "--admin-addr", "8282"), "hint: --admin-addr 127.0.0.1:8282"),
        (("--policy", "{policy}", "--addr", "127.0.0.1:99999"), "is not HOST:PORT"),
        (("--policy", "{policy}", "--addr", "::1:80"), "is not HOST:PORT"),
        (("--policy", "{policy}", "--addr", "0.0.0.0:0"), "--allow-http"),
        (("--policy", "{policy}", "--addr", ":0"), "--allow-http"),
        (("--policy", "{policy}", "--addr", "nosuch.invalid:0", "--allow-http"), "cannot listen on nosuch.invalid:0"),
        (("--policy", "{policy}", "--tls-cert-file", "x"), "must be given together"),
        (("--policy", "{policy}", "--client-ca-file", "x"), "needs --tls-cert-file"),
        (("--policy", "{policy}", "--tls-cert-file", "{policy}", "--tls-private-key-file", "{policy}"), "not a PEM"),
        (("--policy", "{policy}", "--token-file", "nosuch"), "nosuch: No such file"),
        (("--policy", "{policy}", "--evaluation-timeout", "0"), "--evaluation-timeout"),
        (("--policy", "{policy}", "--evaluation-timeout", "x"), "evaluation-timeout"),
        (("--policy", "{policy}", "--shutdown-grace-period", "-1"), "not negative"),
        (("--policy", "{policy}", "--shutdown-grace-period", "nan"), "not negative, and at most 3600"),
        (("--policy", "{policy}", "--shutdown-wait-period", "inf"), "not negative, and at most 3600"),
        (("--policy", "{policy}", "--token-file", ""), "--token-file names no file"),
        (("--policy", "{policy}", "--client-ca-file", ""), "--client-ca-file names no file"),
        (("--policy", "{policy}", "--tls-cert-file", ""), "--tls-cert-file names no file"),
        (("--policy", "{policy}", "--facts-ask", "5"), "--facts-ask needs a worker to ask"),
        (("--policy", "{policy}", "--facts", "facts.db", "--facts-ask", "5"), "--facts-ask needs a worker to ask"),
        (("--policy", "{policy}", "--facts", "http://w", "--facts-ask", "21"), "--facts-ask is 0 to 20 seconds"),
        (("--policy", "{policy}", "--facts", "http://w", "--facts-ask", "nan"), "--facts-ask is 0 to 20 seconds"),
        (
            ("--policy", "{policy}", "--addr", "0.0.0.0:0", "--allow-http", "--facts", "http://w", "--facts-ask", "5"),
            "--facts-ask lets whoever reaches it have registries asked",
        ),
        (("--policy", "{policy}", "--facts", "http://w", "--facts-token-file", "nosuch"), "nosuch: No such file"),
        (("--policy", "{policy}", "--exempt-namespace", ""), "'' is not the name of a namespace"),
        (("--policy", "{policy}", "--exempt-namespace", "*"), "there are no patterns"),
        (("--policy", "{policy}", "--audit-namespace", "a,b"), "--audit-namespace 'a,b' is not the name"),
        (("--policy", "{policy}", "--addr", f"127.0.0.1:{'1' * 5000}"), "is not HOST:PORT"),
        (("--policy", "{policy}", "--addr", f"{'a' * 300}:0", "--allow-http"), "label too long"),
        (("--policy", "{policy}", "--log-level", "loud"), "debug, info, warning, error"),
        (("--policy", "{policy}", "--facts", ""), "--facts names nothing"),
        (("--policy", "{policy}", "--facts", "ftp://worker"), "--facts 'ftp://worker' is no address"),
        (("--policy", "{policy}", "--facts", "127.0.0.1:8383"), "--facts http://127.0.0.1:8383"),
        (("--policy", "{policy}", "--facts", "http://w", "--facts-copy", "{policy}"), "this is no copy of facts"),
        (("--policy", "{policy}", "--facts", "http://w", "--facts-ca-file", "nosuch"), "nosuch cannot be read"),
        (("--policy", "{policy}", "--facts", f"https://{'a' * 64}"), "is no address"),
        (("--policy", "{policy}", "--facts-copy", "x.db"), "options about facts need --facts"),
        (("--policy", "{policy}", "--facts", "x.db", "--facts-token-file", "x"), "are for a worker's address"),
        (("--policy", "{policy}", "--facts", "x.db", "--facts-require", "all"), "facts-require"),
        (("--policy", "{policy}", "--nosuch"), "--nosuch"),
        (("--policy", "ftp://example.com"), "not the URL of an OPA server"),
        (("--policy", "http://kim:hunter2@example.com"), "may not hold a password"),
        (("--policy", "http://example.com", "--data", "{policy}"), "loads its policies and data itself"),
    ],
)
def test_what_cannot_be_done_is_said(policy: str, arguments: tuple[str, ...], said: str) -> None:
    done = run(*(a.replace("{policy}", policy) for a in arguments))
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("error[IE")
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "text", ["package", "package io.k8s.image_policy\n\nverify := x", "\0", "package a\n\np := 1 if {"]
)
def test_a_policy_that_does_not_compile_is_shown_with_its_place(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.rego"
    file.write_text(text, encoding="utf-8")
    done = run("--policy", str(file), "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0")
    assert done.returncode == 2
    assert "broken.rego:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("flag", ["--addr", "--admin-addr"])
def test_a_port_in_use_is_named(policy: str, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        other = "--admin-addr" if flag == "--addr" else "--addr"
        done = run("--policy", policy, flag, where, other, "127.0.0.1:0")
    assert done.returncode == 2
    assert f"cannot listen on {where}: address already in use; choose another {flag}" in done.stderr


def test_check_loads_everything_and_exits(policy: str, tmp_path: Path) -> None:
    done = run("--policy", str(ROOT / "policies"), "--data", str(ROOT / "data"), "--check")
    assert (done.returncode, done.stdout.startswith("ok: policy sha256:")) == (0, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run("--policy", str(empty), "--check")
    assert (done.returncode, "no policy defines" in done.stderr) == (2, True)


def test_check_reads_certificates_and_tokens_too(policy: str) -> None:
    samples = ("--policy", str(ROOT / "policies"), "--check")
    done = run(*samples, "--token-file", "nosuch")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error[IE2009]: nosuch: No such file")
    done = run(*samples, "--tls-cert-file", policy, "--tls-private-key-file", policy)
    assert (done.returncode, done.stdout) == (2, "")
    assert "not a PEM certificate" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--facts", "x.db", "--facts-max-age", "x"), "--facts-max-age 'x' is no length of time"),
        (("--facts", "http://w", "--facts-token-file", "nosuch"), "nosuch: No such file"),
        (("--facts", "http://w", "--facts-ca-file", "nosuch"), "nosuch cannot be read"),
        (("--facts", "http://w", "--facts-copy", str(ROOT / "README.md")), "this is no copy of facts"),
        (("--facts", "nosuch.db"), "image-enforcer pull --once --to nosuch.db"),
        (("--facts", str(ROOT / "README.md")), "this is no replica"),
        (("--facts", "127.0.0.1:8383"), "has no scheme"),
        (("--facts", "http://w", "--facts-registry", "https://x"), "no registry's name"),
    ],
)
def test_check_reads_what_is_said_of_facts(arguments: tuple[str, ...], said: str) -> None:
    done = run("--policy", str(ROOT / "policies"), "--check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_check_asks_no_worker(tmp_path: Path) -> None:
    copy = tmp_path / "facts.db"
    done = run("--policy", str(ROOT / "policies"), "--check", "--facts", "http://w.invalid", "--facts-copy", str(copy))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("localhost:0", "localhost", 0, True),
        ("[::1]:443", "::1", 443, True),
        ("0.0.0.0:1", "0.0.0.0", 1, False),
        (":8181", "", 8181, False),
        ("[::]:8181", "::", 8181, False),
        ("127.example.com:1", "127.example.com", 1, False),
    ],
)
def test_addresses(text: str, host: str, port: int, loopback: bool) -> None:
    found = address(text, "--addr")
    assert found == Address(host=host, port=port)
    assert found.loopback is loopback


@pytest.mark.parametrize("text", ["", "80", "a:", "a:-1", "a:65536", "a:١", "::1:80", "[::1]80"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Fault):
        address(text, "--addr")
