"""Notifications of Clair over HTTP: what they are about is asked for at once, and nothing else comes of them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from image_enforcer.adapters.scanners.clair_v1 import ClairV1
from image_enforcer.adapters.scanners.clair_v4 import ClairV4
from image_enforcer.adapters.scanners.exchange import Limits
from image_enforcer.adapters.scanners.notifications import V1Notifier, V4Notifier
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import clair_v1
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import ImageManifest
from image_enforcer.ports.store import Store, StoreUnreachable
from image_enforcer.server.notifications import PATH, NotificationsApp
from image_enforcer.server.tokens import Tokens
from image_enforcer.services import noticing as service
from image_enforcer.services.noticing import Noticing
from tests.adapters.registry.asking import until
from tests.contract.contents import HOUR, NOON, image, repository, result
from tests.contract.store.steps import a_look
from tests.fakes.clair_images import World
from tests.fakes.clair_v1 import FakeClairV1
from tests.fakes.clair_v4 import FakeClairV4
from tests.services.synced import Heard

from .asgi import Reply, ask

ONE = "5bd61202-d4db-49dd-aefe-3bc514ded1d6"
OTHER = "11111111-1111-1111-1111-111111111111"
LATER = NOON + timedelta(minutes=5)
LIMITS = Limits(connect=5, document=5, scan=5, report=1 << 20)
A, B, C = image("a", ["base", "a"]), image("b", ["base", "b"]), image("c", ["other"])


@dataclass
class Scene:
    """A scanner that has seen three images, and who takes its notifications. ``slept`` are the pauses so far."""

    clair: Any
    name: str
    store: Store
    app: NotificationsApp
    heard: Heard
    slept: list[float]
    failing: "Failing"

    async def post(self, identifier: str, **more: Any) -> Reply:
        hook: dict[str, Any] = {"notification_id": identifier, "callback": "http://127.0.0.1:1/elsewhere"}
        if self.name == "clair-v1":
            hook = {"Notification": {"Name": identifier}}
        return await ask(self.app, f"{PATH}?token=secret", [json.dumps(hook).encode()], **more)

    def due(self) -> set[Digest]:
        """The images whose reports are due by now."""
        claimed = self.store.claim_scans(self.name, "1", "test", LATER, timedelta(0), 10)
        return {work.manifest.digest for work in claimed}

    def affects(self, identifier: str, *images: ImageManifest) -> None:
        """Let Clair have a notification about images, by the topmost layers of their chains where it knows layers."""
        if self.name == "clair-v4":
            self.clair.notifications[identifier] = [(found.digest, "added") for found in images]
        else:
            self.clair.notifications[identifier] = [chain(found)[-1] for found in images]


class Failing:
    """A store in which images cannot be made due, the first times."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.left = 0

    def images(self, scanner: str, after: str, most: int) -> Sequence[ImageManifest]:
        return self._store.images(scanner, after, most)

    def due_now(self, scanner: str, digests: Collection[Digest] | None, now: datetime) -> int:
        if self.left > 0:
            self.left -= 1
            raise StoreUnreachable("away")
        return self._store.due_now(scanner, digests, now)


def chain(found: ImageManifest) -> tuple[str, ...]:
    return clair_v1.names([layer.digest for layer in found.layers])


@pytest.fixture(params=["clair-v4", "clair-v1"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    (tmp_path / "tokens").write_text("secret\n", "utf-8")
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    store.watch([repository()], NOON)
    (look,) = store.claim_looks("test", NOON, HOUR, 1)
    store.record_look(look, a_look(repository(), {"a": A, "b": B, "c": C}), NOON + HOUR)
    for work in store.claim_scans(request.param, "1", "test", NOON, HOUR, 10):
        store.record_scan(work, replace(result(work, at=NOON), scanner=request.param, next_at=NOON + HOUR))
    heard, slept, failing = Heard(), list[float](), Failing(store)
    kept = cast("Store", failing)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0.001)

    async with contextlib.AsyncExitStack() as stack:
        stack.callback(store.close)
        clair: Any
        if request.param == "clair-v4":
            clair = await stack.enter_async_context(FakeClairV4(World()))
            v4 = ClairV4(clair.url, clock=lambda: 0.0, chance=lambda: 0.5, limits=LIMITS)
            stack.push_async_callback(v4.close)
            noticing = Noticing(kept, V4Notifier(v4.exchange), request.param, heard, lambda: LATER, sleep)
        else:
            clair = await stack.enter_async_context(FakeClairV1(World()))
            v1 = ClairV1(clair.url, clock=lambda: 0.0, chance=lambda: 0.5, limits=LIMITS)
            stack.push_async_callback(v1.close)
            noticing = Noticing(kept, V1Notifier(v1.exchange), request.param, heard, lambda: LATER, sleep, page=1)
        app = NotificationsApp(Tokens(str(tmp_path / "tokens")))
        app.noticing = noticing
        running = asyncio.create_task(noticing.run())
        yield Scene(clair, request.param, store, app, heard, slept, failing)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_what_it_is_about_is_due_and_it_is_marked_as_read(scene: Scene) -> None:
    scene.affects(ONE, A, C)
    assert scene.due() == set()
    assert (await scene.post(ONE)).status == 200
    await until(lambda: scene.clair.read == {ONE})
    assert scene.due() == {A.digest, C.digest}
    await until(lambda: bool(scene.heard.notices))
    assert scene.heard.notices == [(1, 2)]
    assert scene.heard.failures == []


@pytest.mark.parametrize("scene", ["clair-v1"], indirect=True)
async def test_a_layer_that_several_images_stand_on_is_about_all_of_them(scene: Scene) -> None:
    assert chain(A)[0] == chain(B)[0]
    scene.clair.notifications[ONE] = [chain(A)[0]]
    await scene.post(ONE)
    await until(lambda: scene.clair.read == {ONE})
    assert scene.due() == {A.digest, B.digest}


async def test_the_same_once_more_and_one_that_is_gone_do_no_harm(scene: Scene) -> None:
    scene.affects(ONE, A)
    for identifier in (OTHER, ONE, ONE.upper(), ONE):
        assert (await scene.post(identifier)).status == 200
    await until(lambda: scene.clair.read == {ONE})
    await until(lambda: sum(count for count, _ in scene.heard.notices) == 2)
    assert scene.due() == {A.digest}
    assert scene.heard.failures == []


async def test_one_that_expires_before_it_is_fetched_is_about_nothing(scene: Scene) -> None:
    scene.affects(ONE, A)
    scene.clair.spoil("bad-gateway")
    assert (await scene.post(ONE)).status == 200
    await until(lambda: bool(scene.slept))
    del scene.clair.notifications[ONE]
    scene.clair.faults.clear()
    await until(lambda: bool(scene.heard.notices))
    assert scene.heard.notices == [(1, 0)]
    assert scene.due() == set()


async def test_a_clair_that_is_down_is_asked_again(scene: Scene) -> None:
    scene.affects(ONE, B)
    scene.clair.spoil("hang-up", times=7)  # a request on a connection that was kept may be sent once more
    assert (await scene.post(ONE)).status == 200
    await until(lambda: scene.clair.read == {ONE})
    assert scene.due() == {B.digest}
    assert scene.slept[:3] == [1.0, 2.0, 4.0]
    assert {about for about, _ in scene.heard.failures} == {f"{scene.name} notifications"}
    await until(lambda: bool(scene.heard.recoveries))


async def test_it_is_not_asked_for_ever(scene: Scene) -> None:
    scene.affects(ONE, B)
    scene.clair.spoil("html-500", on=f"GET {'/notifier' if scene.name == 'clair-v4' else '/v1/notifications'}")
    assert (await scene.post(ONE)).status == 200
    await until(lambda: len(scene.slept) == service.TRIES)
    asked = len(scene.clair.asked)
    await asyncio.sleep(0.05)
    assert len(scene.clair.asked) == asked
    assert max(scene.slept) == service.LONGEST_PAUSE
    assert scene.due() == set()
    scene.clair.faults.clear()
    await scene.post(ONE)
    await until(lambda: scene.clair.read == {ONE})


async def test_one_that_cannot_be_read_does_not_hold_the_others_up(scene: Scene) -> None:
    scene.affects(ONE, A)
    scene.affects(OTHER, B)
    at = "/notifier/api/v1/notification/" if scene.name == "clair-v4" else "/v1/notifications/"
    scene.clair.spoil("not-json", on=f"GET {at}{ONE}")
    await scene.post(ONE)
    await scene.post(OTHER)
    await until(lambda: OTHER in scene.clair.read)
    assert scene.due() == {B.digest}


async def test_a_store_that_is_away_is_tried_again(scene: Scene) -> None:
    scene.affects(ONE, A)
    scene.failing.left = 2
    await scene.post(ONE)
    await until(lambda: scene.clair.read == {ONE})
    assert scene.due() == {A.digest}
    assert scene.heard.failures == [(f"{scene.name} notifications", "store")] * 2


async def test_too_many_are_to_be_sent_again(scene: Scene) -> None:
    scene.clair.spoil("hang")
    for number in range(service.MOST):
        assert (await scene.post(f"{number:08x}{ONE[8:]}")).status == 200
    assert (await scene.post(ONE)).status == 503
    assert (await scene.post(f"{7:08x}{ONE[8:]}")).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, b'{"notification_id": "%s"}', 401),
        (f"{PATH}?token=other", b'{"notification_id": "%s"}', 401),
        (f"{PATH}?token=secret&token=secret", b'{"notification_id": "%s"}', 401),
        (f"{PATH}?token=secret", b"", 400),
        (f"{PATH}?token=secret", b"{}", 400),
        (f"{PATH}?token=secret", b"\xff\xfe", 400),
        (f"{PATH}?token=secret", b"[" * 60_000, 400),
        (f"{PATH}?token=secret", b'{"notification_id": "../../indexer"}', 400),
        (f"{PATH}?token=secret", b'{"Notification": {"Name": "a/b"}}', 400),
        (f"{PATH}?token=secret", b'{"notification_id": "%s", "x": "' + b"x" * (2 << 20) + b'"}', 413),
    ],
)
async def test_anything_else_is_refused_and_clair_is_not_asked(
    scene: Scene, path: str, body: bytes, status: int
) -> None:
    reply = await ask(scene.app, path, [body.replace(b"%s", ONE.encode())])
    assert reply.status == status
    assert reply.headers["content-length"] == str(len(reply.body))
    await asyncio.sleep(0.01)
    assert scene.clair.asked == []


async def test_only_posts_and_only_where_a_clair_is_asked(scene: Scene) -> None:
    assert (await scene.post(ONE, method="GET")).status == 405
    assert (await ask(scene.app, PATH, headers={"authorization": "Bearer secret"}, pieces=[b"{}"])).status == 400
    scene.app.noticing = None
    assert (await scene.post(ONE)).status == 503


async def test_the_address_in_a_message_is_never_asked(scene: Scene) -> None:
    async with FakeClairV4(World()) as elsewhere:
        hook = {"notification_id": ONE, "callback": f"{elsewhere.url}/", "Notification": {"Name": ONE}}
        assert (await ask(scene.app, f"{PATH}?token=secret", [json.dumps(hook).encode()])).status == 200
        await until(lambda: bool(scene.heard.notices))
        assert elsewhere.asked == []
