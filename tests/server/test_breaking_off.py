"""What goes on in the background and breaks off in a way that nobody foresaw ends the process: never is it silent."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.server.running import SECONDS, environment

BREAK = """
import sys
import {module} as module
async def broken(self, *_):
    raise RuntimeError("broken off")
module.{name} = broken
from image_enforcer.cli.main import main
sys.exit(main({arguments!r}))
"""
WORKER = [
    "worker", "--addr", "127.0.0.1:0", "--repository", "team/app", "--registry-url", "http://127.0.0.1:1",
    "--clair-url", "http://127.0.0.1:1",
]  # fmt: skip
SERVE = ["serve", "--addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0", "--allow-http"]
"""Beside a store of their own, and a policy."""


def ended(folder: Path, module: str, name: str, *arguments: str) -> tuple[int, str]:
    """The exit code of a process in which a method breaks off, and what it said. It ends by itself."""
    code = BREAK.format(module=f"image_enforcer.{module}", name=name, arguments=list(arguments))
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=2 * SECONDS, check=False, cwd=folder,
        env={**environment(), "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")},
    )  # fmt: skip
    return process.returncode, process.stdout + process.stderr


@pytest.mark.parametrize(("module", "name"), [("server.worker", "Server.serve"), ("services.noticing", "Noticing.run")])
def test_a_worker_ends(tmp_path: Path, module: str, name: str) -> None:
    code, said = ended(tmp_path, module, name, *WORKER, "--store", f"sqlite:///{tmp_path / 'store.db'}")
    assert code not in (0, 130, 143), said
    assert "broken off" in said


def test_a_server_ends(tmp_path: Path) -> None:
    policy = tmp_path / "policy.rego"
    policy.write_text("package io.k8s.image_policy\n\nallow := true\n", encoding="utf-8")
    code, said = ended(tmp_path, "server.run", "Server.serve", *SERVE, "--policy", str(policy))
    assert code not in (0, 130, 143), said
    assert "broken off" in said
