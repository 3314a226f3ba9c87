"""The client on a registry that does well: pages, layers, redirects, mirrors, TLS, and what it costs."""

import asyncio
import gc
import json
from contextlib import aclosing
from typing import Any

import pytest

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.registry.credentials import Entry, Keychain, Password, key
from image_enforcer.adapters.registry.exchange import Exchange
from image_enforcer.adapters.registry.hosts import Host, Hosts, Limits, Mirror
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import Descriptor, LegacyManifest
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.registry import Forbidden, Lying, NotFound, RateLimited, RegistryError, Unreachable
from tests.adapters.registry.asking import (
    IMPATIENT,
    QUICK,
    Clock,
    Names,
    answering_no_tls,
    asking,
    at,
    serving,
    until,
)
from tests.e2e.certificates import Authority
from tests.fakes.registry.faults import FAULTS, SCHEMA_1, SIGNED_SCHEMA_1
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import (
    FakeRegistry,
    described,
    digest_of,
    image_of,
    index_of,
)

LAYER = bytes(range(256)) * 1000
LAYER_OF = Descriptor(media_type="x", digest=Digest(digest_of(LAYER)), size=len(LAYER))


async def read(client: RegistryClient, home: Repository, content: Descriptor = LAYER_OF, start: int = 0) -> bytes:
    return b"".join([piece async for piece in client.blob(home, content, start)])


# --- tags and manifests --------------------------------------------------------------------------


@pytest.mark.parametrize("absolute", [False, True])
async def test_pages_by_cursors_that_nobody_can_guess(absolute: bool) -> None:
    with FakeRegistry(page=7, absolute=absolute) as fake:
        names = [f"t{i * 37 % 100}" for i in range(100)]
        for name in names:
            fake.image("team/app", name)
        async with asking(fake) as client:
            found = [page async for page in client.tags(at(fake))]
        assert [tag for page in found for tag in page] == names
        assert max(len(page) for page in found) == 7
        assert len(fake.seen) == 15
        assert fake.seen[0].target == "/v2/team/app/tags/list?n=1000"


async def test_a_look_costs_a_request_and_a_head_for_each_tag() -> None:
    with FakeRegistry() as fake:
        for i in range(20):
            fake.image("team/app", f"t{i}")
        async with asking(fake) as client:
            tags = [tag async for page in client.tags(at(fake)) for tag in page]
            await asyncio.gather(*[client.head(at(fake), tag) for tag in tags])
        assert len(fake.seen) == 21
        assert all(fake.counts()[("HEAD", f"/v2/team/app/manifests/{tag}")] == 1 for tag in tags)
        assert fake.connections <= 16
        assert all(r.headers["user-agent"].startswith("image-enforcer/") for r in fake.seen)


async def test_a_head_that_says_too_little_is_followed_by_a_get() -> None:
    with FakeRegistry(says_digest=False) as fake:
        digest = fake.image("team/app", "v1")
        async with asking(fake) as client:
            assert (await client.head(at(fake), "v1")).digest == digest
        assert [r.method for r in fake.seen] == ["HEAD", "GET"]


async def test_a_head_that_says_another_digest_than_was_asked_for() -> None:
    with FakeRegistry() as fake:
        digest = fake.image("team/app", "v1")
        fake.switch(FAULTS["lying-digest"])
        async with asking(fake) as client:
            with pytest.raises(Lying, match="says that it is"):
                await client.head(at(fake), digest)


@pytest.mark.parametrize("media_type", [SCHEMA_1, SIGNED_SCHEMA_1])
async def test_schema_1_is_known_and_not_judged(media_type: str) -> None:
    with FakeRegistry() as fake:
        content = json.dumps({"schemaVersion": 1, "name": "team/app", "fsLayers": [{"blobSum": "x"}]}).encode()
        fake.manifest("team/app", content, media_type, "old")
        async with asking(fake) as client:
            assert isinstance(await client.manifest(at(fake), "old"), LegacyManifest)
            assert (await client.head(at(fake), "old")).media_type == media_type


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
async def test_longer_digests(algorithm: str) -> None:
    with FakeRegistry() as fake:
        layer = Digest(fake.blob("team/app", LAYER, algorithm))
        digest = fake.manifest("team/app", json.dumps(image_of()).encode(), algorithm=algorithm)
        async with asking(fake) as client:
            assert (await client.manifest(at(fake), digest)).digest == digest
            assert await read(client, at(fake), Descriptor(media_type="x", digest=layer, size=len(LAYER))) == LAYER
            fake.switch(FAULTS["other-bytes"])
            with pytest.raises(Lying):
                await client.manifest(at(fake), digest)


async def test_a_digest_that_was_asked_for_is_what_comes() -> None:
    with FakeRegistry() as fake:
        digest = fake.image("team/app", "v1")
        other = fake.image("team/app", "v2", (b"other",))
        stored = fake.repositories["team/app"]
        stored.manifests[digest] = stored.manifests[other]
        async with asking(fake) as client:
            with pytest.raises(Lying, match="its digest is"):
                await client.manifest(at(fake), digest)


# --- referrers -----------------------------------------------------------------------------------


def signed(fake: FakeRegistry, subject: str, kind: str) -> dict[str, Any]:
    content = json.dumps(image_of(artifactType=kind, subject={**described(b"", "x"), "digest": subject})).encode()
    fake.manifest("team/app", content)
    return described(content, "application/vnd.oci.image.manifest.v1+json", artifactType=kind)


async def test_referrers_in_pages() -> None:
    with FakeRegistry(page=2) as fake:
        subject = Digest(fake.image("team/app", "v1"))
        wanted = [signed(fake, subject, f"application/{i}")["digest"] for i in range(5)]
        async with asking(fake) as client:
            assert [d.digest for d in await client.referrers(at(fake), subject)] == wanted
            [one] = await client.referrers(at(fake), subject, "application/3")
            assert one.digest == wanted[3]
        assert "artifactType=application%2F3" in [r.target.partition("?")[2] for r in fake.seen]


@pytest.mark.parametrize("filters", [True, False])
@pytest.mark.parametrize("lies", [True, False])
async def test_referrers_are_sifted_whatever_a_registry_says_of_that(filters: bool, lies: bool) -> None:
    """``OCI-Filters-Applied`` says that a registry has sifted them already; nothing rests on its word."""
    with FakeRegistry() as fake:
        fake.filters = filters
        if lies:
            fake.headers["OCI-Filters-Applied"] = "artifactType"
        subject = Digest(fake.image("team/app", "v1"))
        wanted = [signed(fake, subject, f"application/{i}")["digest"] for i in range(3)]
        async with asking(fake) as client:
            assert [d.digest for d in await client.referrers(at(fake), subject, "application/1")] == [wanted[1]]
            assert await client.referrers(at(fake), subject, "application/none") == ()
            assert len(await client.referrers(at(fake), subject)) == 3


async def test_referrers_by_tag_of_a_digest_that_is_longer_than_tags() -> None:
    """Such a tag may belong to another digest with the same beginning."""
    with FakeRegistry(referrers=False) as fake:
        subject = Digest(fake.manifest("team/app", json.dumps(image_of()).encode(), algorithm="sha512"))
        mine, foreign = signed(fake, subject, "application/a"), signed(fake, "sha512:" + "0" * 128, "application/b")
        tag = f"sha512-{subject.partition(':')[2][:64]}"
        fake.manifest("team/app", json.dumps(index_of([mine, foreign])).encode(), index_of([])["mediaType"], tag)
        async with asking(fake) as client:
            assert [d.digest for d in await client.referrers(at(fake), subject)] == [mine["digest"]]


async def test_referrers_that_break_off_are_not_all() -> None:
    with FakeRegistry(page=1) as fake:
        subject = Digest(fake.image("team/app", "v1"))
        for i in range(3):
            signed(fake, subject, f"application/{i}")

        async def second(request: Request, reply: Reply, _: Connection, __: FakeRegistry) -> Reply:
            return Reply(status=404) if "cursor" in request.target else reply

        fake.switch(second, "/referrers/")
        async with asking(fake) as client:
            with pytest.raises(Lying, match="break off"):
                await client.referrers(at(fake), subject)


# --- layers --------------------------------------------------------------------------------------


async def test_a_layer_that_breaks_off_goes_on_where_it_stopped() -> None:
    with FakeRegistry() as fake:
        fake.blob("team/app", LAYER)
        fake.switch(FAULTS["cut-body"], "/blobs/", times=1)
        pieces: list[bytes] = []

        async def take(client: RegistryClient) -> None:
            async for piece in client.blob(at(fake), LAYER_OF, sum(map(len, pieces))):
                pieces.append(piece)

        async with asking(fake) as client:
            with pytest.raises(Unreachable, match="breaks off"):
                await take(client)
            got = sum(map(len, pieces))
            assert 0 < got < len(LAYER)
            await take(client)
        assert b"".join(pieces) == LAYER
        assert fake.seen[-1].headers["range"] == f"bytes={got}-"


async def test_a_registry_that_knows_no_parts_sends_all_and_all_is_verified() -> None:
    with FakeRegistry(ranges=False) as fake:
        fake.blob("team/app", LAYER)
        async with asking(fake) as client:
            for start in (1, 65_536, 200_000):
                assert await read(client, at(fake), start=start) == LAYER[start:]
            fake.switch(FAULTS["other-bytes"], "/blobs/")
            with pytest.raises(Lying, match="what was sent as"):
                await read(client, at(fake), start=65_536)


@pytest.mark.parametrize("name", ["long", "endless-chunks"])
async def test_no_more_is_read_than_was_promised(name: str) -> None:
    with FakeRegistry() as fake:
        fake.blob("team/app", LAYER)
        fake.switch(FAULTS[name], "/blobs/")
        pieces: list[int] = []

        async def take(client: RegistryClient) -> None:
            async for piece in client.blob(at(fake), LAYER_OF):
                pieces.append(len(piece))

        async with asking(fake) as client:
            with pytest.raises(Lying, match="sends more than"):
                await take(client)
        assert sum(pieces) <= len(LAYER)


@pytest.mark.parametrize(("name", "told"), [("other-part", "another part"), ("416", "416")])
async def test_another_part_than_was_asked_for(name: str, told: str) -> None:
    with FakeRegistry() as fake:
        fake.blob("team/app", LAYER)
        fake.switch(FAULTS[name], "/blobs/")
        async with asking(fake) as client:
            with pytest.raises(Lying, match=told):
                await read(client, at(fake), start=1000)


async def test_a_layer_elsewhere_gets_no_credentials() -> None:
    with FakeRegistry() as cdn, FakeRegistry(auth="bearer", elsewhere=cdn.url) as fake:
        fake.tokens.users["alice"] = "secret"
        cdn.blob("x", LAYER)
        fake.image("team/app", "v1", (LAYER,))
        async with asking(fake, Password("alice", "secret")) as client:
            assert await read(client, at(fake)) == LAYER
            assert await read(client, at(fake), start=1000) == LAYER[1000:]
            cdn.repositories.clear()
            with pytest.raises(NotFound, match="BLOB_UNKNOWN") as caught:
                await read(client, at(fake))
            assert "s3cret" not in str(caught.value)
        assert cdn.credentials == set()
        assert cdn.seen[0].target.endswith("?signature=s3cret")
        assert cdn.seen[1].headers["range"] == "bytes=1000-"


async def test_what_was_left_for_another_place_gets_no_credentials_on_its_way_back() -> None:
    with FakeRegistry() as other, FakeRegistry(auth="basic", private=frozenset({"*"})) as fake:
        fake.tokens.users["alice"] = "secret"
        fake.image("team/app", "v1")

        async def away(request: Request, reply: Reply, *_: object) -> Reply:
            return reply if reply.status == 401 else Reply(status=302, headers={"Location": f"{other.url}/x"})

        async def back(*_: object) -> Reply:
            return Reply(status=302, headers={"Location": f"{fake.url}/v2/back"})

        fake.switch(away, "/manifests/")
        other.switch(back)
        async with asking(fake, Password("alice", "secret")) as client:
            with pytest.raises(RegistryError):
                await client.manifest(at(fake), "v1")
        assert [bool(r.authorization) for r in fake.seen] == [False, True, False]
        assert fake.seen[-1].path == "/v2/back"
        assert other.credentials == set()


async def test_a_slow_layer_is_given_up_and_a_slow_reader_is_not() -> None:
    limits = Limits(document=5.0, idle=2.0, slowest=32 << 10, tries=1, rate=1000.0)
    clock = Clock()
    with FakeRegistry() as fake:
        fake.blob("team/app", LAYER)
        async with asking(fake, limits=limits, clock=clock) as client:
            got = 0
            async for piece in client.blob(at(fake), LAYER_OF):
                clock.skipped += 3600
                got += len(piece)
            assert got == len(LAYER)
            fake.switch(FAULTS["slow-body"], "/blobs/")
            with pytest.raises(Unreachable, match="too slowly"):
                await read(client, at(fake))


# --- bounds of what it takes, and what it leaves behind --------------------------------------------


async def test_who_is_cancelled_leaves_the_client_usable() -> None:
    with FakeRegistry(auth="bearer") as fake:
        fake.image("team/app", "v1", (LAYER,))
        fake.switch(FAULTS["silent"], "/token", times=1)
        fake.switch(FAULTS["silent"], "/manifests/", times=1)
        fake.switch(FAULTS["silent-after-headers"], "/blobs/", times=1)
        async with asking(fake) as client:
            for ask in (lambda: client.manifest(at(fake), "v1"), lambda: read(client, at(fake))):
                task = asyncio.ensure_future(ask())
                seen = len(fake.seen)
                await until(lambda seen=seen: len(fake.seen) > seen)  # type: ignore[misc]
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            fake.auth = ""
            await client.manifest(at(fake), "v1")
            assert await read(client, at(fake)) == LAYER
        gc.collect()  # what was left open would warn, and warnings are errors


async def test_who_stops_in_the_middle_leaves_nothing_open() -> None:
    with FakeRegistry(page=1) as fake:
        fake.image("team/app", "v1", (LAYER * 20,))
        fake.image("team/app", "v2")
        big = Descriptor(media_type="x", digest=Digest(digest_of(LAYER * 20)), size=len(LAYER) * 20)
        async with asking(fake) as client:
            for _ in range(40):  # more than may be read at a time
                async for _piece in client.blob(at(fake), big):
                    break
                pages = client.tags(at(fake))
                async with aclosing(pages):  # type: ignore[type-var]
                    await anext(pages)
            assert await read(client, at(fake), big) == LAYER * 20
        gc.collect()


async def test_layers_do_not_keep_what_is_urgent_waiting() -> None:
    with FakeRegistry() as fake:
        fake.image("team/app", "v1", (LAYER,))
        fake.switch(FAULTS["silent-after-headers"], "/blobs/")
        async with asking(fake) as client:
            tasks = [asyncio.create_task(read(client, at(fake))) for _ in range(40)]
            await until(lambda: fake.count("GET", "/blobs/") >= 8)
            await asyncio.wait_for(client.head(at(fake), "v1", urgent=True), 5)
            await asyncio.wait_for(client.head(at(fake), "v1"), 5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert fake.count("GET", "/blobs/") == 8


async def test_a_registry_that_says_wait_is_left_alone() -> None:
    clock = Clock()
    with FakeRegistry() as fake:
        fake.image("team/app", "v1")
        fake.switch(FAULTS["429-forever"], "/manifests/", times=1)
        async with asking(fake, clock=clock) as client:
            for urgent in (False, True):
                with pytest.raises(RateLimited) as caught:
                    await client.head(at(fake), "v1", urgent=urgent)
                assert caught.value.retry_after == pytest.approx(3600, abs=5)
            assert len(fake.seen) == 1
            clock.skipped += 3601
            await client.head(at(fake), "v1")


async def test_what_a_registry_counts_is_told() -> None:
    told: list[tuple[str, int]] = []
    with FakeRegistry() as fake:
        fake.image("team/app", "v1")
        async with asking(fake, counted=lambda registry, left: told.append((registry, left))) as client:
            await client.head(at(fake), "v1")
            assert told == []
            fake.headers |= {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "76;w=21600"}
            await client.head(at(fake), "v1")
            fake.headers["RateLimit-Remaining"] = "75;w=21600"
            await client.manifest(at(fake), "v1")
    assert told == [(fake.place, 76), (fake.place, 75)]


async def test_a_quota_that_runs_low_is_kept_for_what_is_urgent() -> None:
    with FakeRegistry() as fake:
        fake.image("team/app", "v1")
        fake.headers |= {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "20;w=21600"}
        async with asking(fake) as client:
            await client.manifest(at(fake), "v1")
            with pytest.raises(RateLimited):
                await client.manifest(at(fake), "v1")
            await client.manifest(at(fake), "v1", urgent=True)
            await client.head(at(fake), "v1")  # which Docker Hub does not count


# --- settings ------------------------------------------------------------------------------------


async def test_an_authority_of_ones_own(authority: Authority) -> None:
    with FakeRegistry(auth="bearer", tls=serving(authority.issue("own"))) as fake:
        digest = fake.image("team/app", "v1")
        async with asking(fake) as client:
            with pytest.raises(Unreachable, match="ca_file"):
                await client.head(at(fake), "v1")
        async with asking(fake, ca_file=str(authority.certificate)) as client:
            assert (await client.head(at(fake), "v1")).digest == digest
        async with asking(fake, skip_verify=True) as client:
            assert (await client.head(at(fake), "v1")).digest == digest
        async with asking(fake, ca_file="/nowhere/ca.crt") as client:
            with pytest.raises(Forbidden, match="cannot be read"):
                await client.head(at(fake), "v1")


def test_what_is_said_of_certificates_holds_for_nobody_else() -> None:
    host = Host(name="reg.example", skip_verify=True, private_redirects=frozenset({"cdn.corp"}))
    exchange = Exchange(Names())
    assert exchange._context(host, "https://cdn.example/x") is True
    for url in ("https://reg.example/v2/", "https://reg.example:8443/token", "https://cdn.corp/x"):
        context = exchange._context(host, url)
        assert not isinstance(context, bool)
        assert not context.check_hostname


async def test_a_registry_without_tls_is_said_with_what_to_do() -> None:
    async with answering_no_tls() as place:
        clock = Clock()
        named = {place: Host(name=place, url=f"https://{place}", limits=QUICK)}
        client = RegistryClient(
            Hosts(named=named), Keychain(clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5,
            lookup=Names(),
        )  # fmt: skip
        with pytest.raises(Unreachable, match="where it speaks plain HTTP, its url begins with http://") as refused:
            await client.head(Repository(registry=place, path="team/app"), "v1")
        await client.close()
        assert "ca_file" not in str(refused.value)


async def test_tls_is_never_given_up(authority: Authority) -> None:
    with FakeRegistry(tls=serving(authority.issue("strict"))) as secure, FakeRegistry() as plain:
        plain.image("team/app", "v1")
        clock = Clock()
        named = {plain.place: Host(name=plain.place, url=f"https://{plain.place}", limits=IMPATIENT)}
        client = RegistryClient(
            Hosts(named=named), Keychain(clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5,
            lookup=Names(),
        )  # fmt: skip
        with pytest.raises(Unreachable):
            await client.head(at(plain), "v1")
        await client.close()
        assert plain.seen == []
        assert secure.seen == []


async def test_mirrors_come_first_with_credentials_of_their_own() -> None:
    with (
        FakeRegistry() as mirror,
        FakeRegistry(auth="basic", private=frozenset({"*"})) as proxy,
        FakeRegistry() as home,
    ):
        proxy.tokens.users["proxy"] = "p"
        home.image("team/app", "v1", (LAYER,))
        digest = proxy.image("team/app", "v1", (LAYER,))
        entries = [Entry(key(proxy.place), Password("proxy", "p")), Entry(key(home.place), Password("home", "h"))]
        mirrors = (Mirror(url=mirror.url), Mirror(url=proxy.url, proxy=True))
        async with asking(home, entries=entries, mirrors=mirrors) as client:
            assert (await client.head(at(home), "v1")).digest == digest
            assert (await client.manifest(at(home), digest)).digest == digest
            assert await read(client, at(home)) == LAYER
            assert home.seen == []
            assert all(r.target.endswith(f"?ns={home.place.replace(':', '%3A')}") for r in proxy.seen)
            assert len(proxy.credentials) == 1
            assert mirror.credentials == set()
            # What there is, only the registry itself knows.
            assert [page async for page in client.tags(at(home))] == [("v1",)]
            assert len(home.seen) == 1
            proxy.switch(FAULTS["500"])
            before = len(proxy.seen)
            assert (await client.head(at(home), "v1")).digest == digest
            assert len(proxy.seen) - before == 1
            assert home.credentials == set()


async def test_a_registry_that_is_not_named() -> None:
    clock, names = Clock(), Names({"reg.example": ["10.1.2.3", "fd00::1"], "mixed.example": ["10.0.0.1"]})
    client = RegistryClient(
        Hosts(), Keychain(clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5, lookup=names
    )
    for registry in ("reg.example", "REG.example:5000", "127.0.0.1:5000", "[::1]:5000", "10.0.0.1", "localhost:5000"):
        with pytest.raises((Forbidden, Unreachable)) as caught:
            await client.head(Repository(registry=registry, path="team/app"), "v1")
        assert isinstance(caught.value, Forbidden) or registry == "localhost:5000"
    await client.close()
    client = RegistryClient(
        Hosts(others=False), Keychain(clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5, lookup=names
    )
    with pytest.raises(Forbidden, match="not among the registries"):
        await client.head(Repository(registry="quay.io", path="team/app"), "v1")


async def test_one_registry_does_not_lead_to_another_that_is_named() -> None:
    """A private registry in the settings is open to who names it, and not to where others lead."""
    with FakeRegistry() as inside, FakeRegistry(host="::1") as fake:
        inside.image("team/app", "v1")
        fake.image("team/app", "v1")

        async def away(request: Request, *_: object) -> Reply:
            return Reply(status=307, headers={"Location": f"{inside.url}{request.target}"})

        fake.switch(away, "/manifests/")
        clock = Clock()
        named = {s.place: Host(name=s.place, url=s.url, limits=QUICK) for s in (inside, fake)}
        for private, error in ((frozenset[str](), Forbidden), (frozenset({"127.0.0.1"}), None)):
            named[fake.place] = Host(name=fake.place, url=fake.url, limits=QUICK, private_redirects=private)
            client = RegistryClient(
                Hosts(named=dict(named)), Keychain(clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5,
                lookup=Names(),
            )  # fmt: skip
            await client.head(at(inside), "v1")  # a connection that could be used again
            if error is None:
                await client.head(at(fake), "v1")
            else:
                with pytest.raises(error):
                    await client.head(at(fake), "v1")
            await client.close()
        assert len(inside.seen) == 3


async def test_upper_case_names_mean_the_same_host() -> None:
    with FakeRegistry() as fake:
        fake.image("team/app", "v1")
        clock = Clock()
        host = Host(name="reg.example", url=f"http://Reg.Example:{fake.port}", limits=QUICK)
        client = RegistryClient(
            Hosts(named={"reg.example": host}), Keychain(clock=clock), clock=clock, sleep=clock.sleep,
            chance=lambda: 0.5, lookup=Names({"reg.example": ["127.0.0.1"]}),
        )  # fmt: skip
        await client.head(Repository(registry="REG.Example", path="team/app"), "v1")
        await client.close()
        assert fake.seen[0].headers["host"].lower() == f"reg.example:{fake.port}"
