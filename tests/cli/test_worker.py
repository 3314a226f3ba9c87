"""`worker` and `serve --facts` as processes of their own, beside a registry and a scanner."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.clair_images import Flaw
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.server import FakeRegistry
from tests.server.running import SECONDS, Running, _collect, command, environment, request, serving
from tests.services.synced import VULNERABLE, known_world, scannable
from tools.demo import free_port

IDENTIFIER = "5bd61202-d4db-49dd-aefe-3bc514ded1d6"
POLICY = """package io.k8s.image_policy

verify := {"kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1", "status": status}

status := {"allowed": false, "reason": "critical [critical]"} if {
	some facts in input.images
	facts.counts.Critical > 0
} else := {"allowed": true}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.rego"
    path.write_text(POLICY, encoding="utf-8")
    return path


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
async def clair() -> AsyncIterator[FakeClairV4]:
    async with FakeClairV4(known_world()) as running:
        yield running


@contextlib.contextmanager
def working(registry: FakeRegistry, clair: FakeClairV4, folder: Path, *more: str) -> Iterator[Running]:
    """A worker that is ready; ``port`` is where its facts are."""
    arguments = [
        "worker", "-repository", "team/app", "-poll-delay", "1s", "-registry-url", registry.url, "-clair-url",
        clair.url, "--store", f"sqlite:///{folder / 'store.db'}", "-o", "json",
    ]  # fmt: skip
    arguments += more or ("--addr", "127.0.0.1:0")
    process = subprocess.Popen(
        command(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**environment(), "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")},
    )  # fmt: skip
    worker = Running(process)
    readers = [
        threading.Thread(target=_collect, args=(stream, into))
        for stream, into in ((process.stdout, worker.decided), (process.stderr, worker.said))
    ]
    for reader in readers:
        reader.start()
    try:
        worker.until(lambda: any(e["event"] == "ready" for e in worker.decided) or process.poll() is not None)
        ready = [e["text"] for e in worker.decided if e["event"] == "ready"]
        assert ready, worker.said
        worker.port = int(ready[0].partition(",")[0].rpartition(":")[2])
        yield worker
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        for reader in readers:
            reader.join(SECONDS)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def review(*images: str) -> bytes:
    document = {
        "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "spec": {"containers": [{"image": image} for image in images], "namespace": "shop"},
    }  # fmt: skip
    return json.dumps(document).encode()


def verdicts(server: Running, registry: FakeRegistry) -> dict[str, Any]:
    """What is said of the images now."""
    found = {}
    for tag in ("bad", "good", "later"):
        status = server.post(review(f"{registry.place}/team/app:{tag}"))
        found[tag] = "allowed" if status["allowed"] else status["reason"].rpartition("[")[2].rstrip("]")
    return found


async def test_what_the_worker_has_seen_is_decided_also_when_it_is_gone(
    registry: FakeRegistry, clair: FakeClairV4, policy: Path, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "team/app", "bad", VULNERABLE)
    scannable(clair.world, registry, "team/app", "good", {"base": VULNERABLE["base"]})
    await asyncio.to_thread(_lives, registry, clair, policy, tmp_path)


def _lives(registry: FakeRegistry, clair: FakeClairV4, policy: Path, folder: Path) -> None:
    known = {"bad": "critical", "good": "allowed", "later": "unknown-image"}
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(working(registry, clair, folder))
        facts = ("--facts", f"http://127.0.0.1:{worker.port}", "--facts-copy", str(folder / "facts.db"))
        server = stack.enter_context(serving([policy], [], *facts))
        server.until(lambda: server.get("/readyz")[0] == 200)
        server.until(lambda: verdicts(server, registry) == known)
        worker.process.kill()
        assert worker.process.wait(SECONDS) == -signal.SIGKILL
        server.until(lambda: any("cannot be reached" in str(line.get("said")) for line in server.said))
        assert {line["level"] for line in server.said if "cannot be reached" in str(line.get("said"))} == {"warning"}
        assert verdicts(server, registry) == known
        assert server.get("/readyz")[0] == 200

        scannable(clair.world, registry, "team/app", "later", {"more": VULNERABLE["base"]})
        again = stack.enter_context(working(registry, clair, folder, "--addr", f"127.0.0.1:{worker.port}"))
        server.until(lambda: verdicts(server, registry) == {**known, "later": "allowed"})
        assert again.stop() == 0
        assert server.stop() == 0
        assert again.said == []
        assert all(":" in line["facts_revision"] for line in server.decided)
    assert not any("Traceback" in str(line) for line in [*server.said, *worker.said])


async def test_a_review_before_any_facts_is_refused_and_a_scan_that_takes_long_does_not_hold_the_end_up(
    registry: FakeRegistry, clair: FakeClairV4, policy: Path, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "team/app", "bad", VULNERABLE)
    clair.gate.clear()
    await asyncio.to_thread(_waits, registry, clair, policy, tmp_path)


def _waits(registry: FakeRegistry, clair: FakeClairV4, policy: Path, folder: Path) -> None:
    with serving([policy], [], "--facts", str(folder / "facts.db")) as server:
        assert server.get("/readyz")[0] == 503
        server.until(lambda: any("no facts have been fetched" in str(line.get("reason")) for line in server.said))
        assert [line["facts"] for line in server.said if line["msg"] == "ready"] == [str(folder / "facts.db")]
        assert [line["level"] for line in server.said if "reason" in line] == ["warning"]
        assert verdicts(server, registry)["bad"] == "unknown-image"
        with working(registry, clair, folder) as worker:
            worker.until(clair.indexing.is_set)
            pulled = subprocess.run(
                command("pull", f"http://127.0.0.1:{worker.port}", "--to", str(folder / "facts.db"), "--once"),
                capture_output=True, text=True, timeout=60, check=False, env=environment(),
            )  # fmt: skip
            assert (pulled.returncode, pulled.stderr) == (0, "")
            assert worker.stop() == 0
        assert server.get("/readyz")[0] == 200
        status = server.post(review(f"{registry.place}/team/app:bad"))
        assert (status["allowed"], "(not-scanned)" in status["reason"]) == (False, True)
        assert server.stop() == 0


async def test_what_clair_notifies_of_is_decided_long_before_reports_are_due(
    registry: FakeRegistry, clair: FakeClairV4, policy: Path, tmp_path: Path
) -> None:
    flaws = list(clair.world.flaws)
    clair.world.flaws.clear()
    digest = scannable(clair.world, registry, "team/app", "bad", VULNERABLE)
    await asyncio.to_thread(_notified, registry, clair, policy, tmp_path, digest, flaws)


def _notified(
    registry: FakeRegistry, clair: FakeClairV4, policy: Path, folder: Path, digest: str, flaws: list[Flaw]
) -> None:
    tokens = folder / "tokens"
    tokens.write_text("secret\n", encoding="utf-8")
    options = ("--addr", "127.0.0.1:0", "--recheck", "1h", "--hint-token-file", str(tokens))
    with contextlib.ExitStack() as stack:
        worker = stack.enter_context(working(registry, clair, folder, *options))
        facts = ("--facts", f"http://127.0.0.1:{worker.port}", "--facts-copy", str(folder / "facts.db"))
        server = stack.enter_context(serving([policy], [], *facts))
        server.until(lambda: verdicts(server, registry)["bad"] == "allowed")
        clair.world.flaws += flaws
        clair.notifications[IDENTIFIER] = [(digest, "added")]
        hook = json.dumps({"notification_id": IDENTIFIER, "callback": "http://127.0.0.1:1/"}).encode()
        path = "/v1/clair/notifications"
        assert request(worker.port, "POST", path, hook)[0] == 401
        assert request(worker.port, "POST", path, hook, {"Authorization": "Bearer secret"})[0] == 200
        server.until(lambda: verdicts(server, registry)["bad"] == "critical")
        worker.until(lambda: bool(clair.read) and any(e["event"] == "noticed" for e in worker.decided))
        assert clair.read == {IDENTIFIER}
        assert [(e["notifications"], e["images"]) for e in worker.decided if e["event"] == "noticed"] == [(1, 1)]
        assert worker.stop() == 0
        assert server.stop() == 0


async def test_an_image_that_was_just_pushed_is_decided_in_the_first_review_that_names_it(
    registry: FakeRegistry, clair: FakeClairV4, policy: Path, tmp_path: Path
) -> None:
    """Though the worker will not look at its repository again for an hour."""
    scannable(clair.world, registry, "team/app", "old", {"base": VULNERABLE["base"]})
    await asyncio.to_thread(_asks, registry, clair, policy, tmp_path)


def _asks(registry: FakeRegistry, clair: FakeClairV4, policy: Path, folder: Path) -> None:
    (folder / "settings.yaml").write_text(f"allow: ['{registry.place}/shop/*']\n", "utf-8")
    with contextlib.ExitStack() as stack:
        more = ("--addr", "127.0.0.1:0", "--poll-delay", "1h", "--settings", str(folder / "settings.yaml"))
        worker = stack.enter_context(working(registry, clair, folder, *more))
        worker.until(lambda: any(e["event"] == "scanned" for e in worker.decided))  # else it is asked about that too
        url = f"http://127.0.0.1:{worker.port}"
        facts = ("--facts", url, "--facts-copy", str(folder / "facts.db"), "--facts-ask", "20")
        server = stack.enter_context(serving([policy], [], *facts))

        def said(image: str) -> str:
            status = server.post(review(f"{registry.place}/{image}"))
            return "allowed" if status["allowed"] else status["reason"].rpartition("[")[2].rstrip("]")

        server.until(lambda: server.get("/readyz")[0] == 200 and said("team/app:old") == "allowed")
        scannable(clair.world, registry, "team/app", "bad", VULNERABLE)
        scannable(clair.world, registry, "team/app", "good", {"more": VULNERABLE["base"]})
        scannable(clair.world, registry, "shop/web", "good", {"shop": VULNERABLE["base"]})
        registry.seen.clear()
        assert said("team/app:good") == "allowed"
        assert said("team/app:bad") == "critical"
        assert said("team/app:none") == "unknown-image"
        assert said("other/app:1") == "unknown-image"
        assert not any("/team/app/tags/" in path or "/other/" in path for _, path in registry.counts())
        assert said("shop/web:good") == "allowed"
        assert b'image_enforcer_asked_total{known="true"} 3.0' in server.get("/metrics")[1]
        worker.until(lambda: sum(e["event"] == "asked" for e in worker.decided) >= 4)
        asked = [(e["reference"].rpartition("/")[2], e["code"]) for e in worker.decided if e["event"] == "asked"]
        assert asked == [("app:good", ""), ("app:bad", ""), ("app:none", "not-found"), ("web:good", "")]
        assert worker.stop() == 0
        assert said("team/app:gone") == "unknown-image"
        assert said("team/app:good") == "allowed"
        assert server.stop() == 0
    assert not any("Traceback" in str(line) for line in [*server.said, *worker.said])


async def test_a_worker_tells_how_it_does_on_another_address(
    registry: FakeRegistry, clair: FakeClairV4, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "team/app", "bad", VULNERABLE)
    await asyncio.to_thread(_observed, registry, clair, tmp_path)


def _observed(registry: FakeRegistry, clair: FakeClairV4, tmp_path: Path) -> None:
    admin = free_port()
    more = ("--addr", "127.0.0.1:0", "--admin-addr", f"127.0.0.1:{admin}")
    with working(registry, clair, tmp_path, *more) as worker:

        def figures() -> bytes:
            status, text = request(admin, "GET", "/metrics")
            assert status == 200
            return text

        worker.until(lambda: b'image_enforcer_images{state="scanned"} 1.0' in figures())
        assert b"image_enforcer_scans_total 1.0" in figures()
        assert b'image_enforcer_repositories{state="well"} 1.0' in figures()
        assert request(admin, "GET", "/readyz") == (200, b"ok\n")
        assert request(admin, "GET", "/v1/facts/changes")[0] == 404
        arguments = ["sync", "--repository", "a/b", "--once", "--admin-addr", f"127.0.0.1:{admin}"]
        taken = subprocess.run(
            command(*arguments), env={**environment(), "XDG_STATE_HOME": str(tmp_path / "other")}, capture_output=True,
            check=False, timeout=SECONDS,
        )  # fmt: skip
        assert (taken.returncode, b"choose another --admin-addr" in taken.stderr) == (2, True)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(SECONDS) == 0


async def test_of_two_servers_one_keeps_the_copy_and_the_other_takes_over(
    registry: FakeRegistry, clair: FakeClairV4, policy: Path, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "team/app", "good", {"base": VULNERABLE["base"]})
    await asyncio.to_thread(_takes_over, registry, clair, policy, tmp_path)


def _takes_over(registry: FakeRegistry, clair: FakeClairV4, policy: Path, folder: Path) -> None:
    known = {"bad": "unknown-image", "good": "allowed", "later": "unknown-image"}
    with working(registry, clair, folder) as worker, contextlib.ExitStack() as stack:
        facts = ("--facts", f"http://127.0.0.1:{worker.port}", "--facts-copy", str(folder / "facts.db"))
        one = stack.enter_context(serving([policy], [], *facts))
        one.until(lambda: one.get("/readyz")[0] == 200)
        other = stack.enter_context(serving([policy], [], *facts))
        other.until(lambda: any(str(line.get("said")).startswith("waiting") for line in other.said))
        assert not any(str(line.get("said")).startswith("waiting") for line in one.said)
        other.until(lambda: verdicts(other, registry) == verdicts(one, registry) == known)
        one.process.kill()
        one.process.wait(SECONDS)
        scannable(clair.world, registry, "team/app", "later", {"more": VULNERABLE["base"]})
        other.until(lambda: verdicts(other, registry) == {**known, "later": "allowed"})
        assert other.stop() == 0
        assert worker.stop() == 0
    assert {line["level"] for line in other.said} == {"info"}


def test_a_signal_to_all_processes_is_a_normal_end(policy: Path, tmp_path: Path) -> None:
    copy = str(tmp_path / "facts.db")
    more = ("--facts", "http://127.0.0.1:1", "--facts-copy", copy, "--shutdown-wait-period", "1.5")
    with serving([policy], [], *more) as server:
        server.until(lambda: any("cannot be reached" in str(line.get("said")) for line in server.said))
        pid = server.process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
        os.kill(int(child), signal.SIGTERM)
        assert server.stop() == 0
    assert "error" not in {line["level"] for line in server.said}
    assert server.messages()[-1] == "stopped"
