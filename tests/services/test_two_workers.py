"""Two workers on one store: each image is scanned once, whoever dies; only what the dead one was at, once more."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import digest
from tests import postgresql
from tests.fakes.clair_images import Content, Installed, World
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.registry.server import FakeRegistry, digest_of

REPOSITORIES = ("shop/api", "shop/jobs", "shop/mail", "shop/web")
LONGEST = 100.0
"""Seconds after which nobody waits any more."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    """Skips where its wheel is not installed."""
    with postgresql.running(tmp_path_factory) as started:
        yield started


def filled(registry: FakeRegistry, world: World, count: int) -> list[str]:
    """Push so many images, each with a layer of its own; their digests."""
    made = []
    for number in range(count):
        layer = f"layer {number}".encode()
        package = Installed(f"package{number}", "1.0", "source")
        world.layers[digest.parse(digest_of(layer))] = Content("debian:12", (package,))
        made.append(registry.image(REPOSITORIES[number % len(REPOSITORIES)], str(number), (layer,)))
    return made


@contextlib.contextmanager
def worker(settings: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker, and its end."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [sys.executable, "-m", "image_enforcer", "sync", "--settings", str(settings)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def claims(store: str) -> dict[str, set[str]]:
    """The digests that are being scanned, by who does it."""
    found: dict[str, set[str]] = {}
    with contextlib.closing(psycopg.connect(store)) as conn:
        for owner, claimed in conn.execute("SELECT lease_owner, digest FROM scans WHERE lease_token IS NOT NULL"):
            found.setdefault(owner, set()).add(claimed)
    return found


def _end(log: Path) -> str:
    return log.read_text("utf-8")[-3000:]


async def until(found: Callable[[], bool], log: Path) -> None:
    began = time.monotonic()
    while not await asyncio.to_thread(found):
        assert time.monotonic() - began < LONGEST, _end(log)
        await asyncio.sleep(0.01)


async def put_through(server: postgresql.Server, folder: Path, count: int) -> None:
    """Let two workers share so many images, and kill one midway."""
    world, store = World(), server.new_database()
    log, other = folder / "first.log", folder / "second.log"
    with FakeRegistry() as registry, contextlib.ExitStack() as stack:
        wanted = filled(registry, world, count)
        async with FakeClairV4(world) as clair:
            settings = folder / "settings.yaml"
            repositories = [{"name": name} for name in REPOSITORIES]
            followed = {
                "name": registry.place, "url": registry.url, "requests_per_second": 10_000,
                "repositories": repositories,
            }  # fmt: skip
            scanner = {"kind": "clair-v4", "url": clair.url}
            told = {"registries": [followed], "scanner": scanner, "store": store, "lease": 10, "every": 600}
            settings.write_text(json.dumps(told), "utf-8")
            opened = open_store(store)
            stack.callback(opened.close)

            def posts() -> Counter[str]:
                return Counter(asked.json()["hash"] for asked in clair.asked if asked.method == "POST")

            first = stack.enter_context(worker(settings, log))
            owners: set[str] = set()

            def begun() -> bool:
                owners.update(claims(store))
                return bool(owners)

            await until(begun, log)
            (owner,) = owners
            second = stack.enter_context(worker(settings, other))
            await until(lambda: len(claims(store)) == 2, other)
            await until(lambda: clair.count("POST") >= count // 2, log)
            first.kill()
            first.wait()
            left = claims(store).get(owner, set())
            parsed = [digest.parse(one) for one in wanted]

            def done() -> bool:
                return not claims(store) and all(opened.report(one, "clair-v4") for one in parsed)

            await until(lambda: clair.count("POST") >= count, other)
            await until(done, other)
            assert second.poll() is None, _end(other)
            asked = posts()
    assert asked.keys() == set(wanted)
    again = {one for one, times in asked.items() if times > 1}
    assert again <= left
    assert all(asked[one] == 2 for one in again)
    print(f"{count} images, {len(left)} claimed by the one that died, {len(again)} of them scanned again")


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_two_workers_share_a_thousand_images_and_one_dies(server: postgresql.Server, tmp_path: Path) -> None:
    await put_through(server, tmp_path, 1000)
