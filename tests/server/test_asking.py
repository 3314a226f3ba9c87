"""Reviews of images that are not known: the worker is asked, within the deadline, or the answer is "unknown"."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.domain.facts import Kind
from image_enforcer.server.reviews import PATHS
from image_enforcer.server.tokens import Tokens
from image_enforcer.services.asking import EARLY, MOST_IMAGES
from image_enforcer.services.informing import Require
from tests.adapters.facts import replicas
from tests.adapters.registry.asking import until
from tests.fakes.registry.http import Connection, Reply, Request
from tests.services.test_gather import IMAGE, image, scan, tag

from .asgi import encoded
from .asking import FakeWorker, Open, answered, opened, says
from .running import SECONDS, command, environment, request


@pytest.fixture
def scene(worker: FakeWorker, tmp_path: Path) -> Open:
    return lambda **more: opened(worker, tmp_path, **more)


async def test_what_the_worker_finds_out_decides_the_review_that_asked(scene: Open, worker: FakeWorker) -> None:
    async with scene() as s:

        async def find(request: Request, connection: Connection) -> Reply | None:
            s.finds("new")
            return await answered(2)(request, connection)

        worker.answer = find
        assert await s.status("nginx:new", "nginx:latest") == {"allowed": True}
        assert worker.questions == [
            {"images": ["docker.io/library/nginx:new"], "require": "scanned", "wait": 20.0}
        ]  # fmt: skip
        assert await s.status("nginx:new") == {"allowed": True}
        assert len(worker.questions) == 1
        lines = [json.loads(line) for line in (s.folder / "decisions.log").read_text("utf-8").splitlines()]
        assert [line["facts_revision"] for line in lines] == ["e:2", "e:2"]


async def test_what_it_finds_out_is_waited_for_until_the_copy_has_it(scene: Open, worker: FakeWorker) -> None:
    worker.answer = answered(5)
    async with scene() as s:
        asking = asyncio.create_task(s.status("nginx:new"))
        await until(lambda: bool(worker.questions))
        s.facts.revision = 4  # something else has changed
        await asyncio.sleep(0.2)
        assert not asking.done()
        s.finds("new", 5)
        assert await asking == {"allowed": True}


async def test_what_arrives_without_an_answer_decides_at_the_deadline(scene: Open, worker: FakeWorker) -> None:
    now = [1000.0]
    async with scene(most=20.0, clock=lambda: now[0]) as s:
        asking = asyncio.create_task(s.status("nginx:new"))
        await until(lambda: bool(worker.questions))
        s.finds("new")
        now[0] += 20.0 - EARLY
        assert await asking == {"allowed": True}


async def test_the_policy_and_not_the_worker_has_the_last_word(scene: Open, worker: FakeWorker) -> None:
    """An answer that says "known" of what is not changes nothing."""
    worker.answer = says(
        {"epoch": "e", "revision": 1, "images": {"docker.io/library/nginx:new": {"known": True}}, "allowed": True}
    )
    async with scene() as s:
        assert "(not-resolved)" in await s.reason("nginx:new")


@pytest.mark.parametrize(
    "images",
    [
        ("nginx",), ("nginx:new", "nginx:-"), ("nginx:new", "nginx:failed"),
        tuple(f"nginx:{n}" for n in range(MOST_IMAGES + 1)),
    ],
)  # fmt: skip
async def test_nobody_is_asked_where_it_would_help_nothing(
    scene: Open, worker: FakeWorker, images: tuple[str, ...]
) -> None:
    async with scene() as s:
        other = "sha256:" + "1" * 64
        s.facts.put(*tag(other, "failed"))
        s.facts.put(*image(other))
        trouble = {"code": "x", "text": "x", "at": "2026-03-01T12:00:00Z"}
        s.facts.put(*scan(other, state="failed", trouble=trouble))
        await s.status(*images)
        assert worker.questions == []


async def test_nobody_is_asked_where_nothing_is_required_or_there_are_no_facts(scene: Open, worker: FakeWorker) -> None:
    async with scene(require=Require.NOTHING) as s:
        assert await s.status("nginx:new") == {"allowed": True}
    async with scene() as s:
        s.facts.broken = "facts.db: gone"
        assert "(no-facts)" in await s.reason("nginx:new")
    assert worker.questions == []


async def test_an_unscanned_image_is_asked_about_where_that_is_required(scene: Open, worker: FakeWorker) -> None:
    async with scene() as s:
        worker.answer = answered(2)
        s.facts.facts.pop((Kind.SCAN, IMAGE))
        asking = asyncio.create_task(s.status("nginx"))
        await until(lambda: bool(worker.questions))
        s.facts.put(*scan())
        s.facts.revision = 2
        assert await asking == {"allowed": True}
    async with scene(require=Require.RESOLVED) as s:
        s.facts.facts.pop((Kind.SCAN, IMAGE))
        assert await s.status("nginx") == {"allowed": True}
    assert len(worker.questions) == 1


async def test_who_carries_no_token_causes_nothing(scene: Open, worker: FakeWorker, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("good-token\n", "utf-8")
    async with scene(most=0.2, tokens=Tokens(str(tmp_path / "tokens"))) as s:
        assert "[unauthenticated]" in await s.reason("nginx:new")
        assert worker.questions == []
        assert "(not-resolved)" in await s.reason("nginx:new", headers={"authorization": "Bearer good-token"})
        await until(lambda: len(worker.questions) == 1)


async def test_the_quick_way_leaves_it_to_the_other_one(scene: Open, worker: FakeWorker) -> None:
    async with scene(most=0.2) as s:
        said: list[bytes] = []
        assert s.reviews.at_once(PATHS[0], [], None, encoded("nginx"), said.append)
        assert not s.reviews.at_once(PATHS[0], [], None, encoded("nginx:new"), said.append)
        assert len(said) == 1
        assert "(not-resolved)" in await s.reason("nginx:new", tried=True)
        await until(lambda: len(worker.questions) == 1)


POLICY = 'package io.k8s.image_policy\n\nverify := {"status": {"allowed": true}}\n'


@pytest.mark.parametrize("protected", [True, False])
def test_beyond_this_machine_only_those_who_say_who_they_are_have_the_worker_asked(
    worker: FakeWorker, tmp_path: Path, protected: bool
) -> None:
    (tmp_path / "policy.rego").write_text(POLICY, "utf-8")
    (tmp_path / "tokens").write_text("good-token\n", "utf-8")
    worker.answer = answered()
    replicas.made(tmp_path / "facts.db")
    serve = command(
        "serve", "--policy", str(tmp_path / "policy.rego"), "--addr", "0.0.0.0:0", "--allow-http", "--admin-addr",
        "127.0.0.1:0", "--facts", worker.url, "--facts-copy", str(tmp_path / "facts.db"), "--facts-max-age", "0",
        *(("--token-file", str(tmp_path / "tokens")) if protected else ()),
    )  # fmt: skip
    process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
    try:
        assert process.stderr is not None
        said: list[dict[str, Any]] = []
        while not any(line["msg"] == "ready" for line in said):
            said.append(json.loads(process.stderr.readline()))
        port = int(next(line["addr"] for line in said if line["msg"] == "ready").rpartition(":")[2])
        for headers in ({}, {"Authorization": "Bearer good-token"}):
            status, body = request(port, "POST", "/image-policy", encoded("nginx:new"), headers)
            assert status == 200
            expected = b"[unauthenticated]" if protected and not headers else b"(not-resolved)"
            assert expected in body
        assert len(worker.questions) == int(protected)
        assert any("the worker is not asked" in line["msg"] for line in said) is not protected
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
