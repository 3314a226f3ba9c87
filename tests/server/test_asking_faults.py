"""Reviews of images that are not known: a worker that lies, dies or is not there changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_enforcer.services.asking import PAUSE
from tests.fakes.registry.http import Connection, Reply, Request

from .asking import Answer, FakeWorker, Open, answered, opened, says


@pytest.fixture
def scene(worker: FakeWorker, tmp_path: Path) -> Open:
    return lambda **more: opened(worker, tmp_path, **more)


LIES: dict[str, Answer] = {
    "an error": says(b"{}", 500),
    "no such path": says(b"{}", 404),
    "an older worker": says(b"{}", 405),
    "another token": says(b"{}", 401),
    "elsewhere": says(b"", 302),
    "no JSON": says(b"<html>"),
    "nothing": says(b""),
    "another document": says([1]),
    "no revision": says({"epoch": "e"}),
    "a revision that is none": says({"epoch": "e", "revision": "2"}),
    "a revision below all": says({"epoch": "e", "revision": -1}),
    "a revision above all": says({"epoch": "e", "revision": 1 << 70}),
    "another store": answered(1, "other"),
    "a revision to come": answered(1 << 60),
    "too much": says(b'{"epoch": "' + b"x" * (2 << 20) + b'"}'),
    "depths": says(b"[" * 200_000),
    "no text": says(b'{"epoch": "\xff", "revision": 1}'),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_worker_that_lies_changes_nothing(scene: Open, worker: FakeWorker, lie: str) -> None:
    worker.answer = LIES[lie]
    async with scene(most=2.0) as s:
        assert "nobody has looked up what docker.io/library/nginx:new points to (not-resolved)" in await s.reason(
            "nginx:new"
        )
        assert await s.status("nginx") == {"allowed": True}
    assert [r.path for r in worker.requests] == ["/v1/facts/asked"]


async def test_a_worker_that_dies_in_the_middle_is_left_alone_for_a_while(scene: Open, worker: FakeWorker) -> None:
    async def die(request: Request, connection: Connection) -> Reply | None:
        del request
        await connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"epoch": "e", "rev')
        connection.reset()
        return None

    worker.answer = die
    now = [1000.0]
    async with scene(clock=lambda: now[0]) as s:
        assert "(not-resolved)" in await s.reason("nginx:new")
        assert [event for event, _ in s.told] == ["failed"]
        assert "(not-resolved)" in await s.reason("nginx:newer")
        assert len(worker.questions) == 1
        worker.answer = answered()
        now[0] += PAUSE
        assert "(not-resolved)" in await s.reason("nginx:newer")
        assert len(worker.questions) == 2
        assert [event for event, _ in s.told] == ["failed", "recovered"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", f"http://{'a' * 64}:8383"])
async def test_a_worker_that_is_not_there(scene: Open, url: str) -> None:
    async with scene(url=url) as s:
        assert "(not-resolved)" in await s.reason("nginx:new")
        assert [event for event, _ in s.told] == ["failed"]
