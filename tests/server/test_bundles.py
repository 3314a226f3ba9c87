"""Bundles over HTTP, as OPA asks for them: what is answered, what is kept, and when another one is made."""

import asyncio
import gzip
import io
import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from image_enforcer.adapters.facts import bundle
from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis.documents import Layout
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.domain.watched import Look
from image_enforcer.ports.facts import FactsError
from image_enforcer.ports.store import Publishing, Store
from image_enforcer.server.bundles import PATH, Bundles
from image_enforcer.server.facts import FactsApp
from image_enforcer.server.tokens import Tokens
from image_enforcer.wiring.facts import snapshot
from tests.contract.contents import HOUR, MINUTE, NOON, image, repository
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.opa_data import FakeOpaData
from tests.fakes.parted import Parted
from tests.fakes.registry.server import FakeRegistry
from tests.server.asgi import Reply, ask
from tests.services.synced import VULNERABLE, index, known_world, scannable, syncing

REPOSITORY = repository()
TOKEN = {"Authorization": "Bearer good-token-0123456789"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{tmp_path / 'store.db'}")) as opened:
        opened.watch([REPOSITORY], NOON)
        look(opened, "v1")
        yield opened


def look(store: Store, *tags: str) -> None:
    """Another look at the repository, which has these tags."""
    at = NOON + store.info().revision * MINUTE
    store.hint(REPOSITORY, at)
    (work,) = store.claim_looks("test", at + HOUR, HOUR, 1)
    images = {tag: image(f"image {tag}") for tag in tags}
    found = Look(
        repository=REPOSITORY, at=at, tags=tuple((t, i.digest) for t, i in images.items()), listed=frozenset(tags),
        manifests=tuple(images.values()),
    )  # fmt: skip
    store.record_look(work, found, at + HOUR)


class Making:
    """Makes bundles, and counts them. ``fault`` is raised instead, once."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout or Layout(registry="docker.io")
        self.made = 0
        self.fault: Exception | None = None

    def __call__(self, file: BinaryIO, batches: Iterator[Changes], as_of: datetime) -> str:
        self.made += 1
        etag = bundle.make(file, batches, as_of, self.layout)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        return etag


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.moment = NOON + 5 * MINUTE

    def __call__(self) -> datetime:
        return self.moment


def app_of(
    store: Store, making: Making | None = None, *, tokens: Tokens | None = None, clock: Clock | None = None,
    rest: float = 0,
) -> FactsApp:  # fmt: skip
    return FactsApp(store, snapshot, tokens, Bundles(store, making or Making(), clock or Clock(), rest))


async def get(app: FactsApp, *etags: str, **headers: str) -> Reply:
    """What OPA asks; it sends the header also where it has nothing."""
    return await ask(app, PATH, method="GET", headers={"If-None-Match": ", ".join(etags), **headers})


def files(reply: Reply) -> dict[str, Any]:
    assert reply.status == 200, reply.body
    with tarfile.open(fileobj=io.BytesIO(reply.body), mode="r:gz") as tar:
        return {m.name: json.loads(tar.extractfile(m).read()) for m in tar.getmembers()}  # type: ignore[union-attr]


def tags(reply: Reply) -> set[str]:
    nginx = files(reply)["data.json"]["docker"]["layers"]["library"]["nginx"]
    return {name for name in nginx if not name.startswith("sha256:")}


async def test_a_bundle_is_a_gzipped_tarball_with_its_revision_and_etag(store: Store) -> None:
    reply = await get(app_of(store))
    info = store.info()
    assert tags(reply) == {"v1"}
    assert reply.headers["content-type"] == "application/gzip"
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert gzip.decompress(reply.body)
    assert files(reply)[".manifest"] == {
        "revision": f"{info.epoch}:{info.revision}",
        "roots": ["docker/layers", "clair/layers", "docker/registries", "image_enforcer/facts"],
    }
    assert reply.headers["etag"].startswith(f'"{info.epoch}:{info.revision}:')


async def test_it_holds_what_sync_puts_into_a_running_opa(tmp_path: Path) -> None:
    with FakeRegistry() as registry, FakeOpaData() as opa:
        async with FakeClairV4(known_world()) as clair:
            scannable(clair.world, registry, "team/app", "v1", VULNERABLE)
            index(registry, "team/app", "whole", [("amd64", b"x"), ("arm64", b"y")])
            _, (child, _) = index(registry, "team/app", "half", [("amd64", b"p"), ("arm64", b"q")])
            registry.image("team/app", "gone", (b"g",))
            registry.image("a", "b", (b"one",))
            registry.image("a/b", "c", (b"two",))
            registry.repositories["team/app"].manifests.pop(child)
            paths = ("team/app", "a", "a/b")
            home = partial(repository, registry=registry.place)
            layout = Layout(registry=registry.place, repositories=frozenset(map(home, paths)))
            async with syncing(registry, tmp_path, *paths, clair=clair, opa=opa.url, layout=layout) as synced:
                await synced.again()
                registry.repositories["team/app"].tags.pop("gone")
                await synced.again()
                found = files(await get(app_of(synced.store, Making(layout))))["data.json"]
        assert found == {name: opa.documents[name] for name in ("docker", "clair")}
        team = found["docker"]["layers"]["team"]["app"]
        assert "gone" not in team
        assert len(team["whole"]["layers"]) == 2
        assert "layers" not in team.get("half", {})
        assert found["clair"]["layers"]
        assert found["docker"]["registries"][registry.place]["a"]["b"]["layers"]


async def test_who_has_it_gets_nothing_again(store: Store) -> None:
    app = app_of(store)
    etag = (await get(app)).headers["etag"]
    for sent in ([etag], [f"W/{etag}"], ['"other"', etag, '"older"'], ["*"]):
        reply = await get(app, *sent)
        assert (reply.status, reply.body, reply.headers) == (304, b"", {"etag": etag})
    for sent in (['"other"'], [etag.strip('"')], [""], [etag[:-1]]):
        assert (await get(app, *sent)).status == 200


async def test_a_change_makes_another_and_a_look_that_finds_nothing_does_not(store: Store) -> None:
    making = Making()
    app = app_of(store, making)
    first = (await get(app)).headers["etag"]
    look(store, "v1")
    assert (await get(app, first)).status == 304
    assert making.made == 1
    look(store, "v1", "v2")
    reply = await get(app, first)
    assert tags(reply) == {"v1", "v2"}
    look(store, "v2")
    assert tags(await get(app, reply.headers["etag"])) == {"v2"}
    assert making.made == 3


async def test_another_worker_at_the_same_store_gives_the_same(store: Store) -> None:
    first = await get(app_of(store))
    look(store, "v1")
    other = app_of(store)
    assert (await get(other, first.headers["etag"])).status == 304
    assert (await get(other)).body == first.body


class _Told:
    """A store that tells what the test says."""

    def __init__(self) -> None:
        self.epoch, self.revision, self.floor = "one", 9, 0
        self.asked = 0
        self.forgotten = False

    def changes(self, since: int, most: int, began: int = 0, rest: str = "", stamp: str = "") -> Changes:
        """Everything is of the newest revision."""
        self.asked += 1
        if since < self.floor or since > self.revision:
            since = 0
        value = json.dumps({"kind": "legacy", "media_type": "m"}).encode()
        entries = (
            () if since or self.forgotten else (Entry(kind=Kind.MANIFEST, key="sha256:1", value=value, revision=9),)
        )
        return Changes(
            epoch=self.epoch, since=since, began=self.revision, revision=self.revision, newest=self.revision,
            entries=entries,
        )  # fmt: skip


async def test_a_store_that_tells_it_in_parts_makes_the_same(store: Store) -> None:
    look(store, "v1", "v2")
    plain = await Bundles(store, Making(), Clock(), 0).newest()
    parted, making = Parted(store), Making()
    bundles = Bundles(cast(Publishing, parted), making, Clock(), 0)
    first = await bundles.newest()
    assert (first.etag, parted.parts > 3) == (plain.etag, True)
    look(store, "v1", "v2")
    assert await bundles.newest() is first
    look(store, "v2", "v3")
    assert (await bundles.newest()).etag == (await Bundles(store, Making(), Clock(), 0).newest()).etag
    assert making.made == 2


async def test_a_store_that_was_put_back_to_an_older_copy_makes_another(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as db, closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        db.backup(copy)
    look(store, "v1", "v2")
    making = Making()
    bundles = Bundles(store, making, Clock(), 0)
    first = await bundles.newest()
    with closing(open_store(f"sqlite:///{tmp_path / 'copy.db'}")) as other:
        look(other, "v1", "v3")
        look(other, "v1", "v3")
        bundles._store = other
        second = await bundles.newest()
        assert (second.etag != first.etag, making.made) == (True, 2)
        assert second.etag == (await Bundles(other, Making(), Clock(), 0).newest()).etag


async def test_a_store_that_was_replaced_or_tells_everything_anew_makes_another() -> None:
    told, making = _Told(), Making()
    bundles = Bundles(cast(Publishing, told), making, Clock(), 0)
    first = await bundles.newest()
    told.revision += 1
    assert await bundles.newest() is first
    told.epoch = "two"
    second = await bundles.newest()
    assert second.etag != first.etag
    told.floor = told.revision = 11
    told.forgotten = True
    assert (await bundles.newest()).etag != second.etag
    assert making.made == 3


async def test_those_who_ask_at_once_share_a_look_and_one_who_asks_later_has_another() -> None:
    told = _Told()
    bundles = Bundles(cast(Publishing, told), Making(), Clock(), 0)
    first = await bundles.newest()
    before = told.asked
    assert set(await asyncio.gather(*(bundles.newest() for _ in range(50)))) == {first}
    assert told.asked - before <= 2
    before = told.asked
    await bundles.newest()
    assert told.asked == before + 1


async def test_another_store_makes_another(store: Store, tmp_path: Path) -> None:
    etag = (await get(app_of(store))).headers["etag"]
    with closing(open_store(f"sqlite:///{tmp_path / 'second.db'}")) as second:
        second.watch([REPOSITORY], NOON)
        look(second, "v1")
        reply = await get(app_of(second), etag)
        assert tags(reply) == {"v1"}
        assert reply.headers["etag"] != etag


async def test_however_many_ask_one_is_made(store: Store) -> None:
    making = Making()
    app = app_of(store, making)
    replies = await asyncio.gather(*(get(app) for _ in range(20)))
    assert {(reply.status, reply.body) for reply in replies} == {(200, replies[0].body)}
    assert making.made == 1


async def test_after_one_was_made_none_is_for_a_while(store: Store) -> None:
    making = Making()
    app = app_of(store, making, rest=1e9)
    first = await get(app)
    look(store, "v2")
    assert (await get(app)).body == first.body
    assert (await get(app, first.headers["etag"])).status == 304
    assert making.made == 1


async def test_it_says_of_when_it_is_to_the_hour(store: Store) -> None:
    clock = Clock()
    app = app_of(store, clock=clock)
    first = await get(app)
    assert files(first)["image_enforcer/facts/data.json"]["as_of"] == NOON.isoformat()
    clock.moment = NOON + timedelta(minutes=59)
    assert (await get(app, first.headers["etag"])).status == 304
    clock.moment = NOON + HOUR
    later = await get(app, first.headers["etag"])
    assert files(later)["image_enforcer/facts/data.json"]["as_of"] == (NOON + HOUR).isoformat()
    assert files(later)["data.json"] == files(first)["data.json"]


async def test_who_waits_is_answered_when_something_changes(store: Store) -> None:
    app = app_of(store)
    prefer = {"Prefer": "modes=snapshot,delta;wait=30"}
    reply = await get(app, **prefer)
    assert reply.headers["content-type"] == "application/vnd.openpolicyagent.bundles"
    waiting = asyncio.create_task(get(app, reply.headers["etag"], **prefer))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await asyncio.to_thread(look, store, "v2")
    assert tags(await waiting) == {"v2"}


@pytest.mark.parametrize("wait", ["wait=1", "modes=snapshot,delta;wait=1", 'respond-async, WAIT = "1" '])
async def test_who_waits_in_vain_is_told_so(store: Store, wait: str) -> None:
    app = app_of(store)
    etag = (await get(app)).headers["etag"]
    waiting = asyncio.create_task(get(app, etag, Prefer=wait))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    assert (await asyncio.wait_for(waiting, 20)).status == 304


@pytest.mark.parametrize("prefer", ["modes=snapshot,delta", "wait=-1", "wait=x", "await=30", f"wait={'9' * 5000}"])
async def test_who_does_not_say_how_long_is_not_kept_waiting(store: Store, prefer: str) -> None:
    app = app_of(store)
    reply = await get(app, Prefer=prefer)
    assert reply.headers["content-type"] == "application/gzip"
    assert (await asyncio.wait_for(get(app, reply.headers["etag"], Prefer=prefer), 10)).status == 304


async def test_nobody_waits_for_a_server_that_ends(store: Store) -> None:
    app = app_of(store)
    etag = (await get(app)).headers["etag"]
    waiting = asyncio.create_task(get(app, etag, Prefer="wait=30"))
    await asyncio.sleep(0.05)
    app.draining = True
    assert (await asyncio.wait_for(waiting, 20)).status == 304


async def test_who_has_no_token_gets_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("good-token-0123456789\n", encoding="utf-8")
    making = Making()
    app = app_of(store, making, tokens=Tokens(str(file)))
    for headers in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic good-token-0123456789"}):
        assert (await get(app, "*", **headers)).status == 401
    assert making.made == 0
    assert (await get(app, **TOKEN)).status == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
async def test_it_is_only_read(store: Store, method: str) -> None:
    assert (await ask(app_of(store), PATH, method=method)).status == 405


async def test_without_bundles_there_are_none(store: Store) -> None:
    assert (await ask(FactsApp(store, snapshot, None), PATH, method="GET")).status == 404


@pytest.mark.parametrize("fault", [FactsError("told anew; try again"), OSError(28, "No space left on device")])
async def test_one_that_cannot_be_made_is_said_and_made_the_next_time(store: Store, fault: Exception) -> None:
    making = Making()
    app = app_of(store, making, rest=0)
    first = await get(app)
    look(store, "v2")
    making.fault = fault
    reply = await get(app, first.headers["etag"])
    assert (reply.status, json.loads(reply.body)["code"]) == (503, "unavailable")
    assert ("try again" if isinstance(fault, FactsError) else "room") in json.loads(reply.body)["message"]
    assert tags(await get(app, first.headers["etag"])) == {"v2"}


async def test_roots_that_opa_would_not_take_are_named(store: Store) -> None:
    reply = await get(app_of(store, Making(Layout(registry="docker.io", docker_root=("docker",)))))
    assert reply.status == 503
    assert "docker and docker/registries are not apart" in json.loads(reply.body)["message"]


async def test_a_bundle_that_is_being_read_stays_when_another_is_made(store: Store) -> None:
    bundles = Bundles(store, Making(), Clock(), 0)
    first = await bundles.newest()
    whole = b"".join(first.pieces())
    look(store, "v2")
    assert (await bundles.newest()).etag != first.etag
    assert b"".join(first.pieces()) == whole


async def test_a_bundle_from_before_pruning_is_made_anew(store: Store) -> None:
    making = Making()
    app = app_of(store, making)
    look(store, "v1", "v2")
    assert tags(await get(app)) == {"v1", "v2"}
    look(store, "v2")
    while store.prune(NOON + 100 * HOUR, HOUR):
        pass
    reply = await get(app)
    assert (tags(reply), making.made) == ({"v2"}, 2)
    assert (await get(app, reply.headers["etag"])).status == 304
    assert making.made == 2
