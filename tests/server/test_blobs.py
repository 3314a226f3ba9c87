"""Blobs over HTTP, from a registry that may lie or go away: what comes whole is right, and all else breaks off."""

import asyncio
import contextlib
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.registry.credentials import Credential, Password
from image_enforcer.adapters.registry.hosts import Limits
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import Descriptor
from image_enforcer.server.blobs import AT_ONCE, BadSecret, BlobsApp, BlobServer
from image_enforcer.server.certificates import BadCertificate
from image_enforcer.server.listening import CannotListen
from image_enforcer.server.protocol import CUT
from image_enforcer.services.handing import LASTS, Links
from image_enforcer.settings import Address, Tls
from tests.adapters.registry.asking import IMPATIENT, QUICK, asking, at, until
from tests.e2e.certificates import Authority
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import FakeRegistry, digest_of
from tests.services.synced import Heard

LAYER = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(40_000))
SECRET = "s" * 32
LOOPBACK = Address(host="127.0.0.1", port=0)


@dataclass
class Answer:
    """What came. ``whole`` says whether as much came as was promised."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def whole(self) -> bool:
        return len(self.body) == int(self.headers["content-length"])


@dataclass
class Scene:
    """A registry, and blobs of it that are served."""

    registry: FakeRegistry
    server: BlobServer
    heard: Heard
    links: Links
    tls: ssl.SSLContext | None = None
    open: list[asyncio.StreamWriter] = field(default_factory=list)

    def link(self, content: bytes = LAYER, size: int | None = None, path: str = "team/app") -> str:
        digest = Digest(digest_of(content))
        described = Descriptor(media_type="x", digest=digest, size=len(content) if size is None else size)
        return self.links.make(at(self.registry, path), described)

    async def connect(self, link: str, method: str = "GET", extra: str = "") -> asyncio.StreamReader:
        place, _, path = link.partition("://")[2].partition("/")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(place.rpartition(":")[2]), ssl=self.tls)
        self.open.append(writer)
        writer.write(f"{method} /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n{extra}\r\n".encode())
        return reader

    def abort(self) -> None:
        """Break off what was connected last."""
        writer = self.open.pop()  # held: one that nobody holds any more complains that it was not closed
        writer.transport.abort()

    async def fetch(self, link: str, method: str = "GET", extra: str = "") -> Answer:
        reader = await self.connect(link, method, extra)
        pieces: list[bytes] = []
        # A connection that is broken off loses what had not been read; what had been, counts.
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                pieces.append(piece)
        head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(int(first.split()[1]), headers, body)


@asynccontextmanager
async def scene(
    registry: FakeRegistry, *, stall: float = 30.0, tls: Tls | None = None, credential: Credential | None = None,
    limits: Limits = QUICK,
) -> AsyncIterator[Scene]:  # fmt: skip
    heard = Heard()
    server = BlobServer(LOOPBACK, tls, secret=SECRET, stall=stall)
    async with asking(registry, credential, limits=limits) as client, server.serving(client, heard):
        found = Scene(registry, server, heard, server.links)
        try:
            yield found
        finally:
            for writer in found.open:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()


@pytest.fixture
async def served() -> AsyncIterator[Scene]:
    with FakeRegistry() as registry:
        registry.blob("team/app", LAYER)
        async with scene(registry) as found:
            yield found


async def test_what_a_link_leads_to_is_passed_on(served: Scene) -> None:
    answer = await served.fetch(served.link())
    assert (answer.status, answer.body == LAYER) == (200, True)
    assert answer.headers["content-length"] == str(len(LAYER))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert served.heard.failures == []
    assert (await served.fetch(served.link())).body == LAYER, "a link may be used again"


async def test_head_says_the_length_and_asks_nobody(served: Scene) -> None:
    answer = await served.fetch(served.link(), "HEAD")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, str(len(LAYER)), b"")
    assert served.registry.seen == []


async def test_a_part_is_the_whole(served: Scene) -> None:
    answer = await served.fetch(served.link(), extra="Range: bytes=5-10\r\n")
    assert (answer.status, answer.body == LAYER) == (200, True)


async def test_an_empty_blob(served: Scene) -> None:
    served.registry.blob("team/app", b"")
    answer = await served.fetch(served.link(b""))
    assert (answer.status, answer.body, answer.whole) == (200, b"", True)


@pytest.mark.parametrize("content", [b"x", b"x" * 65536, b"x" * 65537])
async def test_small_blobs(served: Scene, content: bytes) -> None:
    served.registry.blob("team/app", content)
    assert (await served.fetch(served.link(content))).body == content


async def test_credentials_are_ours_and_stay_here() -> None:
    with FakeRegistry(auth="bearer", private=frozenset({"*"})) as registry:
        registry.tokens.users["alice"] = "s3cret"
        registry.blob("team/app", LAYER)
        async with scene(registry, credential=Password("alice", "s3cret")) as found:
            answer = await found.fetch(found.link())
            assert answer.body == LAYER
            assert "authorization" not in answer.headers


async def test_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("127.0.0.1")
    with FakeRegistry() as registry:
        registry.blob("team/app", LAYER)
        tls = Tls(cert_file=str(pair.certificate), key_file=str(pair.key))
        async with scene(registry, tls=tls) as found:
            found.tls = ssl.create_default_context(cafile=str(authority.certificate))
            assert found.link().startswith("https://127.0.0.1:")
            assert (await found.fetch(found.link())).body == LAYER


# --- what is not served ---------------------------------------------------------------------------


async def test_an_expired_link(served: Scene) -> None:
    served.links = Links("http://" + served.link().split("/")[2], SECRET.encode(), lambda: time.time() - LASTS - 1)
    assert (await served.fetch(served.link())).status == 410
    assert served.registry.seen == []


async def test_a_forged_link(served: Scene) -> None:
    good = served.link()
    served.links = Links("http://" + good.split("/")[2], b"o" * 32, time.time)
    assert (await served.fetch(served.link())).status == 404
    assert served.registry.seen == []


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link.replace(digest_of(LAYER), digest_of(b"other")),
        lambda link: link.rpartition("/")[0],
        lambda link: link + "/",
        lambda link: link + "x",
        lambda link: link.replace("/v1/blobs/", "/v2/team/app/blobs/"),
        lambda link: link.replace("/v1/blobs/", "/v1/blobs//"),
        lambda link: link.partition("/v1/")[0] + "/",
        lambda link: link.partition("/v1/")[0] + "/v1/blobs/",
        lambda link: link.partition("/v1/")[0] + "/v1/blobs/" + "a" * 10_000,
        lambda link: link.partition("/v1/")[0] + "/v1/blobs/..%2f..%2fetc",
        lambda link: link.partition("/v1/")[0] + f"/v1/blobs/.{'A' * 43}/{digest_of(LAYER)}",
        lambda link: link.partition("/v1/")[0] + f"/v1/blobs/A.{'A' * 43}/{digest_of(LAYER)}",
    ],
)
async def test_there_is_nothing_else(served: Scene, change: object) -> None:
    assert callable(change)
    served.registry.blob("team/app", b"other")
    answer = await served.fetch(change(served.link()))
    assert (answer.status, answer.whole) == (404, True)
    assert served.registry.seen == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_nothing_but_reading(served: Scene, method: str) -> None:
    answer = await served.fetch(served.link(), method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert served.registry.seen == []


async def test_a_query_changes_nothing(served: Scene) -> None:
    assert (await served.fetch(served.link() + "?ns=evil.example")).body == LAYER
    assert [request.path for request in served.registry.seen if "evil" in request.target] == []


# --- registries -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("404", 404, "not-found"), ("403", 403, "not-authorised"), ("429-silent", 503, "rate-limited"),
        ("500", 502, "unreachable"), ("closed", 502, "unreachable"), ("no-http", 502, "lying"),
        ("length-huge", 502, ""), ("418", 502, ""),
    ],
)  # fmt: skip
async def test_a_registry_that_has_nothing(served: Scene, name: str, status: int, code: str) -> None:
    served.registry.switch(FAULTS[name], "/blobs/")
    answer = await served.fetch(served.link())
    assert not (answer.status == 200 and answer.whole)
    if code:
        assert (answer.status, answer.whole) == (status, True)
        assert f"[{code}]" in answer.body.decode()
        assert served.heard.failures == [(f"{at(served.registry)} blobs", code)]
    assert len(served.heard.failures) == 1


@pytest.mark.parametrize(
    "name",
    [
        "cut-body", "reset-body", "cut-chunks", "endless-chunks", "bad-chunks", "closes-after-length-more",
        "length-less", "gzip", "other-bytes", "short", "long", "empty",
    ],
)  # fmt: skip
async def test_what_is_not_what_was_promised_never_comes_whole(
    served: Scene, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    served.registry.switch(FAULTS[name], "/blobs/")
    answer = await served.fetch(served.link())
    assert not (answer.status == 200 and answer.whole)
    assert answer.body != LAYER
    assert len(served.heard.failures) == 1
    assert served.heard.failures[0][1] in ("lying", "unreachable", "unsupported")
    assert caplog.records == []


@pytest.mark.parametrize("content", [b"x", b"x" * 1000])
async def test_false_content_of_one_piece_does_not_come_at_all(served: Scene, content: bytes) -> None:
    served.registry.blob("team/app", content)
    served.registry.switch(FAULTS["other-bytes"], "/blobs/")
    answer = await served.fetch(served.link(content))
    assert (answer.status, b"lying" in answer.body) == (502, True)


@pytest.mark.parametrize("size", [0, 1, len(LAYER) - 1, len(LAYER) + 1])
async def test_a_manifest_that_lies_about_the_size(served: Scene, size: int) -> None:
    answer = await served.fetch(served.link(size=size))
    assert not (answer.status == 200 and answer.whole)
    assert answer.body != LAYER


async def test_a_registry_that_says_nothing_any_more() -> None:
    with FakeRegistry() as registry:
        registry.blob("team/app", LAYER)
        registry.switch(FAULTS["silent-after-headers"], "/blobs/")
        async with scene(registry, limits=IMPATIENT) as found:
            answer = await found.fetch(found.link())
            assert not (answer.status == 200 and answer.whole)
            assert [code for _, code in found.heard.failures] == ["unreachable"]


async def test_it_goes_on_after_all_that(served: Scene) -> None:
    for name in ("cut-body", "other-bytes", "closed"):
        served.registry.switch(FAULTS[name], "/blobs/", times=3)
        await served.fetch(served.link())
        served.registry._switched.clear()
        assert (await served.fetch(served.link())).body == LAYER
    assert served.heard.recoveries


# --- clients --------------------------------------------------------------------------------------


class Endless:
    """A registry's answer of which piece after piece is sent, until nobody takes it any more."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def __call__(self, request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> None:
        lines = {**reply.headers, "Content-Length": str(1 << 40)}
        try:
            await connection.send(Reply(headers=lines).written("HEAD"))
            while True:
                await connection.send(b"\0" * 65536)
                self.sent += 65536
        finally:
            self._loop.call_soon_threadsafe(self.ended.set)


async def test_a_client_that_goes_away_ends_the_download(served: Scene) -> None:
    endless = Endless()
    served.registry.switch(endless, "/blobs/")
    reader = await served.connect(served.link(size=1 << 40))
    await reader.readexactly(1 << 20)
    served.abort()
    await asyncio.wait_for(endless.ended.wait(), 20)
    assert served.heard.failures == []
    served.registry._switched.clear()
    assert (await served.fetch(served.link())).body == LAYER


async def test_no_more_is_read_than_the_client_takes(served: Scene) -> None:
    endless = Endless()
    served.registry.switch(endless, "/blobs/")
    reader = await served.connect(served.link(size=1 << 40))
    await reader.readexactly(1 << 20)
    before = -1
    while before != endless.sent:
        before = endless.sent
        await asyncio.sleep(0.3)
    assert endless.sent < 64 << 20  # what buffers of two connections hold
    served.abort()
    await asyncio.wait_for(endless.ended.wait(), 20)


async def test_a_client_that_takes_nothing_is_cut_off() -> None:
    with FakeRegistry() as registry:
        registry.blob("team/app", LAYER)
        async with scene(registry, stall=2.0) as found:
            endless = Endless()
            registry.switch(endless, "/blobs/")
            await found.connect(found.link(size=1 << 40))
            await until(lambda: bool(found.heard.failures))
            assert found.heard.failures == [(f"{at(registry)} blobs", "slow-reader")]
            await asyncio.wait_for(endless.ended.wait(), 20)
            registry._switched.clear()
            assert (await found.fetch(found.link())).body == LAYER


async def test_a_client_that_takes_a_little_now_and_then_is_cut_off() -> None:
    """Each piece takes ten seconds, which would be allowed; all together they are too few."""
    now, cut, taken = [0.0], asyncio.Event(), [0]
    heard = Heard()

    async def send(message: MutableMapping[str, Any]) -> None:
        taken[0] += len(message.get("body", b""))
        now[0] += 10

    async def receive() -> MutableMapping[str, Any]:
        await cut.wait()
        return {"type": "http.disconnect"}

    with FakeRegistry() as registry:
        registry.blob("team/app", LAYER)
        async with asking(registry) as client:
            links = Links("http://here", SECRET.encode(), time.time)
            app = BlobsApp(client, links, heard, lambda: now[0], 30.0)
            described = Descriptor(media_type="x", digest=Digest(digest_of(LAYER)), size=len(LAYER))
            path = links.make(at(registry), described).removeprefix("http://here")
            scope = {"type": "http", "method": "GET", "path": path, "extensions": {CUT: {"cut": cut.set}}}
            await app(scope, receive, send)
    assert cut.is_set()
    assert 0 < taken[0] < len(LAYER)
    assert [code for _, code in heard.failures] == ["slow-reader"]


async def test_many_at_once(served: Scene) -> None:
    answers = await asyncio.gather(*(served.fetch(served.link()) for _ in range(AT_ONCE + 20)))
    assert all(answer.body == LAYER for answer in answers)


async def test_what_is_under_way_at_the_end_breaks_off() -> None:
    with FakeRegistry() as registry:
        registry.blob("team/app", LAYER)
        endless = Endless()
        registry.switch(endless, "/blobs/")
        async with scene(registry) as found:
            reader = await found.connect(found.link(size=1 << 40))
            await reader.readexactly(1 << 20)
        await asyncio.wait_for(endless.ended.wait(), 20)


# --- what it is made from -------------------------------------------------------------------------


def test_links_of_one_process_are_nothing_to_another() -> None:
    first, second = BlobServer(LOOPBACK), BlobServer(LOOPBACK)
    with FakeRegistry() as registry:
        described = Descriptor(media_type="x", digest=Digest(digest_of(LAYER)), size=1)
        path = "/" + first.links.make(at(registry), described).partition("://")[2].partition("/")[2]
    assert first.links.read(path) is not None
    assert second.links.read(path) is None
    first.close()
    second.close()


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BadSecret, match="openssl rand"):
        BlobServer(LOOPBACK, secret="short")
    with pytest.raises(BadCertificate):
        BlobServer(LOOPBACK, Tls(cert_file=str(tmp_path / "absent"), key_file=str(tmp_path / "absent")))
    taken = BlobServer(LOOPBACK)
    port = taken._socket.getsockname()[1]
    with pytest.raises(CannotListen, match="--serve-blobs-addr"):
        BlobServer(Address(host="127.0.0.1", port=port))
    taken.close()
