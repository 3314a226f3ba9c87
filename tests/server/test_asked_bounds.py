"""Questions about images that are not known: how many are looked up, and for how long."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from image_enforcer.ports.store import Store
from image_enforcer.server.asked import MOST
from image_enforcer.services.allowance import BOUNDS
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry

from .asked import Open, opened

NEVER = 3600.0


@pytest.fixture
def scene(registry: FakeRegistry, store: Store) -> Open:
    return lambda **more: opened(registry, store, **more)


async def test_a_flood_of_random_tags_causes_so_many_look_ups_and_no_more(scene: Open, registry: FakeRegistry) -> None:
    registry.image("calm/app", "1")
    async with scene(follow=("team/app", "calm/app"), bounds=replace(BOUNDS, at_once_each=30)) as s:
        registry.image("calm/app", "2", (b"two",))
        for start in range(0, 1000, MOST):
            await s.told(*(f"team/app:{number}" for number in range(start, start + MOST)))
        assert s.heads("/team/app/") == BOUNDS.rate_each * BOUNDS.burst
        assert (await s.told("team/app:fresh")) == ["overload"]
        assert (await s.told("calm/app:2")) == [""]
        before = s.heads("/team/app/")
        s.seconds.seconds += 1
        await s.told(*(f"team/app:more{number}" for number in range(MOST)))
        assert s.heads("/team/app/") - before == BOUNDS.rate_each


async def test_a_flood_over_all_that_is_followed_is_bounded_too(scene: Open, registry: FakeRegistry) -> None:
    names = tuple(f"team/app{number}" for number in range(10))
    async with scene(follow=names, bounds=replace(BOUNDS, at_once_each=30)) as s:
        for turn in range(40):
            await s.told(*(f"{name}:x{turn}" for name in names))
        assert s.heads() == BOUNDS.rate * BOUNDS.burst


async def hang(request: Request, reply: Reply, connection: Connection, registry: FakeRegistry) -> Reply | None:
    """Never answers."""
    del request, registry
    await connection.wait(NEVER)
    return reply


async def test_a_registry_that_does_not_answer_is_waited_for_so_long_and_holds_up_nobody_else(
    scene: Open, registry: FakeRegistry
) -> None:
    registry.image("team/app", "old", (b"old",))
    async with scene() as s:
        s.flow()
        registry.switch(hang, "/manifests/slow")
        registry.image("team/app", "new", (b"new",))
        assert await s.codes("team/app:slow1", "team/app:old", wait=0.2) == ["waiting", ""]
        assert await s.codes("team/app:new", wait=5) == [""]
        # No more than so many are under way there.
        await asyncio.gather(*(s.codes(f"team/app:slow{n}", wait=0.1) for n in range(20)))
        assert s.heads("/slow") <= BOUNDS.at_once_each
        assert await s.codes("team/app:slow99", wait=0.1) == ["overload"]
        s.answering.draining = True
        assert await s.codes("team/app:slow1", wait=NEVER) == ["waiting"]


async def test_a_look_up_ends_though_its_registry_does_not(scene: Open, registry: FakeRegistry) -> None:
    async with scene(bounds=replace(BOUNDS, longest=0.05)) as s:
        s.flow()
        registry.switch(hang, "/manifests/")
        assert await s.codes("team/app:slow", wait=10) == ["unreachable"]
