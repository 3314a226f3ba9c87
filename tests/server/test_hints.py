"""Notifications of registries: with a token, and only about what is followed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Look
from image_enforcer.ports.store import Store
from image_enforcer.server.hints import HintsApp
from image_enforcer.server.tokens import Tokens

from .asgi import ask

NOW = datetime(2026, 11, 27, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
FOLLOWED = Repository(registry="registry.corp:5000", path="team/app")
BODY = json.dumps({"push_data": {"tag": "1"}, "repository": {"repo_name": "team/app"}}).encode()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    opened.watch([FOLLOWED], NOW)
    (work,) = opened.claim_looks("test", NOW, timedelta(minutes=1), 1)
    look = Look(repository=FOLLOWED, at=NOW, tags=(), listed=frozenset())
    opened.record_look(work, look, NOW + timedelta(hours=1))
    yield opened
    opened.close()


@pytest.fixture
def app(store: Store, tmp_path: Path) -> HintsApp:
    (tmp_path / "tokens").write_text("secret\n", "utf-8")
    return HintsApp(store, lambda: LATER, Tokens(str(tmp_path / "tokens")))


def due(store: Store) -> bool:
    return store.watched()[0].next_look <= LATER


@pytest.mark.parametrize("sent", ["header", "query"])
async def test_what_is_named_is_due(app: HintsApp, store: Store, sent: str) -> None:
    assert not due(store)
    headers = {"authorization": "Bearer secret"} if sent == "header" else {}
    query = "" if sent == "header" else "?token=secret"
    reply = await ask(app, f"/v1/hints/registry.corp:5000{query}", [BODY], headers=headers)
    assert (reply.status, json.loads(reply.body)) == (200, {"named": 1, "followed": 1})
    assert due(store)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/hints/registry.corp:5000", BODY, 401),
        ("/v1/hints/registry.corp:5000?token=other", BODY, 401),
        ("/v1/hints/registry.corp:5000?token=secret&token=secret", BODY, 401),
        ("/v1/hints/registry.corp:5000?token=secret", b"{}", 400),
        ("/v1/hints/other.corp?token=secret", BODY, 200),
        ("/v1/hints/?token=secret", BODY, 400),
        ("/v1/hints/a\0b?token=secret", BODY, 400),
        ("/v1/hints/a%00b?token=secret", BODY, 400),
        ("/v1/hints/registry.corp%3A5000?token=secret", BODY, 400),
        ("/v1/hints/registry.corp:5000/team?token=secret", BODY, 400),
        (f"/v1/hints/{'x' * 9000}?token=secret", BODY, 400),
        (f"/v1/hints/a:{'5' * 9000}?token=secret", BODY, 400),
    ],
)
async def test_anything_else_starts_no_look(app: HintsApp, store: Store, path: str, body: bytes, status: int) -> None:
    reply = await ask(app, path, [body])
    assert reply.status == status
    assert not due(store)


async def test_a_notification_that_names_nothing_is_told_why(app: HintsApp, store: Store) -> None:
    body = json.dumps({"events": [{"action": "push", "target": {"repository": "team/app"}}]}).encode()
    reply = await ask(app, "/v1/hints/registry.corp:5000?token=secret", [body])
    told = json.loads(reply.body)
    assert (reply.status, told["named"], told["followed"]) == (200, 0, 0)
    assert "mediaType" in told["message"]
    assert not due(store)


async def test_a_notification_that_is_too_large_or_breaks_off_starts_nothing(app: HintsApp, store: Store) -> None:
    """Also where the pieces that were kept would say something by themselves."""
    path = "/v1/hints/registry.corp:5000?token=secret"
    assert (await ask(app, path, [BODY, b" " * (1 << 20)])).status == 413
    assert (await ask(app, path, [BODY], cut=True)).status == 400
    assert not due(store)
    assert (await ask(app, path, [BODY])).status == 200
    assert due(store)


async def test_only_posts(app: HintsApp) -> None:
    assert (await ask(app, "/v1/hints/registry.corp:5000?token=secret", method="GET")).status == 405
