"""Questions about images that are not known: where they may be, and what is followed once somebody has asked."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from image_enforcer.ports.store import Store
from image_enforcer.services.allowance import BOUNDS
from image_enforcer.services.looking import Choice
from tests.fakes.registry.server import FakeRegistry

from .asgi import ask
from .asked import Open, opened


@pytest.fixture
def scene(registry: FakeRegistry, store: Store) -> Open:
    return lambda **more: opened(registry, store, **more)


async def test_only_what_is_followed_is_looked_up(scene: Open, registry: FakeRegistry) -> None:
    registry.image("team/other", "1")
    registry.image("team/app", "hidden")
    async with scene(choice=Choice(exclude=("hid*",))) as s:
        asked = ["team/other:1", "team/app:hidden", f"team/other@sha256:{'0' * 64}"]
        assert await s.codes(*asked) == ["not-followed"] * 3
        body = json.dumps({"images": ["evil.example/team/app:1", "docker.io/library/nginx:1"]}).encode()
        document = json.loads((await ask(s.app, "/v1/facts/asked", [body])).body)
        assert [found["code"] for found in document["images"].values()] == ["not-followed"] * 2
        assert registry.seen == []
        assert len(s.store.watched()) == 1


async def test_what_the_settings_allow_is_followed_from_then_on(scene: Open, registry: FakeRegistry) -> None:
    registry.image("shop/web", "1", (b"one",))
    registry.image("shop/web", "2", (b"two",))
    async with scene(allow=("shop/*",)) as s:
        s.flow()
        assert await s.codes("shop/none:1", "shop/web:9", wait=5) == ["not-found"] * 2
        assert [w.repository.path for w in s.store.watched()] == ["team/app"]
        assert await s.codes("shop/web:1", wait=5) == [""]
        assert [w.repository.path for w in s.store.watched()] == ["shop/web", "team/app"]
        await s.sync.once()
        assert s.tag("shop/web:2") is not None
    async with scene(allow=("shop/*",)) as s:
        assert [w.repository.path for w in s.store.watched()] == ["shop/web", "team/app"]
    async with scene(allow=("other/*",)) as s:
        assert [w.repository.path for w in s.store.watched()] == ["team/app"]


async def test_a_registry_has_one_spelling(scene: Open, registry: FakeRegistry) -> None:
    async with scene(allow=("*/*",), anywhere=True) as s:
        s.flow()
        body = json.dumps({"images": ["LocalHost:1/team/app:1", "Registry.example/a"], "wait": 5}).encode()
        document = json.loads((await ask(s.app, "/v1/facts/asked", [body])).body)
        assert [found["code"] for found in document["images"].values()] == ["not-followed"] * 2
        assert "write its registry localhost:1" in document["images"]["LocalHost:1/team/app:1"]["text"]
        assert registry.seen == []
        assert len(s.store.watched()) == 1


@pytest.mark.parametrize("place", ["10.0.0.1:5000", f"{'a' * 64}.example", "127.0.0.1:1", "[::1]:1", "169.254.169.254"])
async def test_what_is_allowed_but_not_named_is_reached_at_public_addresses_only(scene: Open, place: str) -> None:
    async with scene(allow=("*/*",), anywhere=True) as s:
        s.flow()
        body = json.dumps({"images": [f"{place}/team/app:1"], "wait": 5}).encode()
        document = json.loads((await ask(s.app, "/v1/facts/asked", [body])).body)
        assert [found["code"] for found in document["images"].values()] == ["forbidden"]
        assert len(s.store.watched()) == 1


async def test_no_more_are_followed_than_may_be(scene: Open, registry: FakeRegistry) -> None:
    for name in ("a", "b"):
        registry.image(f"shop/{name}", "1", (name.encode(),))
    async with scene(allow=("shop/*",), bounds=replace(BOUNDS, followed=2)) as s:
        s.flow()
        assert await s.codes("shop/a:1", wait=5) == [""]
        assert await s.codes("shop/b:1", wait=5) == ["overload"]
        assert len(s.store.watched()) == 2
