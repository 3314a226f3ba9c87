"""A real Clair notifies the worker of a vulnerability that has become known; the facts say so before any recheck."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.facts import Kind
from tests.postgresql import Server

from . import supply
from .conftest import peer
from .images import debian, push
from .servers import COMMAND, free_port, request, running
from .supply import vulnerability

LIMIT = 240.0
"""Seconds. Clair looks for what is new once a minute, and sends what it found once a minute: it takes no shorter."""


@pytest.mark.timeout(400)
@pytest.mark.slow
def test_a_vulnerability_reaches_the_facts_without_waiting_for_a_recheck(
    docker_registry: str, server: Server, tmp_path: Path
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    (tmp_path / "tokens").write_text("hush\n", "utf-8")
    store = tmp_path / "store.db"
    binary, importer = peer("clair", "clair"), peer("clair-import", "clair")
    known = [vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")]
    first = push(docker_registry, "noticed/app", "1", [debian(("zlib1g", "1:1.2.13", "zlib"))])
    other = push(docker_registry, "noticed/app", "2", [debian(("openssl", "3.0.11-1~deb12u2", "openssl"))])
    hook = f"{address}/v1/clair/notifications"
    with supply.clair(binary, importer, server.new_database(), tmp_path / "clair", hook, "hush") as clair:
        clair.know(known)
        worker = [
            COMMAND, "worker", "--repository", "noticed/app", "--registry-url", docker_registry, "--clair-url",
            clair.url, "--store", f"sqlite:///{store}", "--addr", f"127.0.0.1:{port}", "--poll-delay", "1s",
            "--recheck", "6h", "--hint-token-file", str(tmp_path / "tokens"), "-o", "json",
        ]  # fmt: skip
        log = tmp_path / "worker.log"
        with running(worker, log, f"{address}/v1/facts/changes?epoch=none", ready_status=409):
            until(lambda: {counts(store, one.digest) for one in (first, other)} == {0, 1})
            # What Clair tells of the first set is over with before the second one comes.
            time.sleep(1)
            clair.know([*known, vulnerability("CVE-2026-0002", "zlib", "1:99")])
            began = time.monotonic()
            until(lambda: counts(store, first.digest) == 1)
            print(f"a new vulnerability is in the facts after {time.monotonic() - began:.1f} s")
            lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
            assert any(line["event"] == "noticed" and line["images"] for line in lines), lines
            assert request(hook, {"notification_id": "11111111-1111-1111-1111-111111111111"}).status == 401


def until(found: Any) -> None:
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < LIMIT, f"it has not come in {LIMIT} s"
        time.sleep(0.2)


def counts(path: Path, digest: str) -> int:
    """How many vulnerabilities the facts say an image has; -1 where there is no report yet."""
    store = open_store(f"sqlite:///{path}")
    try:
        entry = store.entries(Kind.SCAN, [digest]).get(digest)
    finally:
        store.close()
    value = json.loads(entry.value) if entry is not None and entry.value is not None else {}
    return int(value.get("counts", {}).get("total", -1))
