"""Who asks: Basic and Bearer, tokens that end, several names to try, and where no credential may go."""

import asyncio
import base64
import json
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.registry.credentials import (
    ANONYMOUS,
    Bearer,
    Credential,
    Entry,
    Identity,
    Keychain,
    Password,
    key,
)
from image_enforcer.adapters.registry.hosts import Host, Hosts
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import Descriptor
from image_enforcer.ports.registry import Forbidden, Lying, NotAuthorised, Unsupported
from tests.adapters.registry.asking import QUICK, Clock, Names, asking, at, serving, until
from tests.e2e.certificates import Authority
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.http import Connection, Reply, Request
from tests.fakes.registry.server import MANIFEST, FakeRegistry, challenged, digest_of
from tests.fakes.registry.tokens import basic

ALICE = Password("alice", "pässword:with colon")
LAYER = b"some layer"
LAYER_OF = Descriptor(media_type="x", digest=Digest(digest_of(LAYER)), size=len(LAYER))


def registry(auth: str, *, private: bool = True, **more: object) -> FakeRegistry:
    fake = FakeRegistry(auth=auth, private=frozenset({"*"} if private else ()), **more)  # type: ignore[arg-type]
    fake.tokens.users["alice"] = ALICE.password
    fake.image("team/app", "v1", (LAYER,))
    fake.image("team/other", "v1", (LAYER,))
    return fake


async def test_basic() -> None:
    with registry("basic") as fake:
        async with asking(fake, ALICE) as client:
            await client.head(at(fake), "v1")
            assert [bool(r.authorization) for r in fake.seen] == [False, True]
            await client.head(at(fake, "team/other"), "v1")  # known by now
            assert [bool(r.authorization) for r in fake.seen] == [False, True, True]
        assert ALICE.header == basic("alice", ALICE.password)
        async with asking(fake, Password("alice", "wrong")) as client:
            for asked in (2, 1):  # what was refused is not said twice
                before = len(fake.seen)
                with pytest.raises(NotAuthorised, match="give credentials for"):
                    await client.head(at(fake), "v1")
                assert len(fake.seen) - before == asked
        async with asking(fake) as client:
            with pytest.raises(NotAuthorised):
                await client.head(at(fake), "v1")


async def test_bearer() -> None:
    with registry("bearer") as fake:
        async with asking(fake, ALICE) as client:
            for _ in range(3):
                await client.head(at(fake), "v1")
            [asked] = fake.tokens.asked
            assert asked.method == "GET"
            assert parse_qs(urlsplit(asked.target).query) == {
                "service": ["fake"], "scope": ["repository:team/app:pull"], "account": ["alice"]
            }  # fmt: skip
            assert fake.count("HEAD", "/manifests/") == 4  # the first is refused
            await client.head(at(fake, "team/other"), "v1")
            assert len(fake.tokens.asked) == 2
            assert fake.count("HEAD", "/team/other/manifests/") == 1


async def test_strangers_get_tokens_too() -> None:
    with registry("bearer", private=False) as fake:
        async with asking(fake) as client:
            await client.head(at(fake), "v1")
        [asked] = fake.tokens.asked
        assert asked.authorization == ""
        fake.tokens.strangers = False
        async with asking(fake) as client:
            with pytest.raises(NotAuthorised, match="strangers"):
                await client.head(at(fake), "v1")


@pytest.mark.parametrize("name", ["token", "access_token"])
async def test_both_names_of_a_token(name: str) -> None:
    with registry("bearer") as fake:
        fake.tokens.field_name = name
        async with asking(fake, ALICE) as client:
            await client.head(at(fake), "v1")


@pytest.mark.parametrize(("told", "good_for"), [(300.0, 240), (None, 48), (0, 0), (-5, 0), (1e300, 69120)])
async def test_a_token_is_used_for_four_fifths_of_its_time(told: float | None, good_for: float) -> None:
    clock = Clock()
    with registry("bearer") as fake:
        fake.tokens.lifetime, fake.tokens.told_lifetime = 1e9, told
        async with asking(fake, ALICE, clock=clock) as client:
            await client.head(at(fake), "v1")
            if good_for:
                clock.skipped += good_for - 5
                await client.head(at(fake), "v1")
                assert len(fake.tokens.asked) == 1
            clock.skipped += 6
            await client.head(at(fake), "v1")
            assert len(fake.tokens.asked) == 2


async def test_a_token_that_ends_early_is_renewed_once() -> None:
    with registry("bearer", page=2) as fake:
        for i in range(10):
            fake.image("team/app", f"t{i}")
        async with asking(fake, ALICE) as client:
            pages = client.tags(at(fake))
            first = await anext(pages)
            fake.tokens.revoke()
            rest = [tag async for page in pages for tag in page]
            assert [*first, *rest] == ["v1", *[f"t{i}" for i in range(10)]]
            assert len(fake.tokens.asked) == 2
            fake.tokens.revoke()
            assert [piece async for piece in client.blob(at(fake), LAYER_OF)] == [LAYER]


async def test_a_registry_that_takes_no_token_is_asked_twice_and_no_more() -> None:
    with registry("bearer") as fake:
        fake.switch(FAULTS["401-forever"], "/v2/")
        async with asking(fake, ALICE) as client:
            for times in (1, 2):
                with pytest.raises(NotAuthorised):
                    await client.head(at(fake), "v1")
                assert fake.count("HEAD", "/v2/") == 2 * times
                assert len(fake.tokens.asked) <= 2 * times


async def test_many_who_wait_share_a_token() -> None:
    with registry("bearer") as fake:
        async with asking(fake, ALICE) as client:
            await asyncio.gather(*[client.head(at(fake), "v1") for _ in range(50)])
            assert len(fake.tokens.asked) == 1
            fake.tokens.revoke()
            await asyncio.gather(*[client.head(at(fake), "v1") for _ in range(50)])
            assert len(fake.tokens.asked) == 2


async def test_who_gives_up_waiting_leaves_the_others_their_token() -> None:
    given_up = threading.Event()
    with registry("bearer") as fake:

        async def late(request: Request, reply: Reply, connection: Connection, _: FakeRegistry) -> Reply:
            while not given_up.is_set() and not await connection.wait(0.01):
                pass
            return reply

        fake.switch(late, "/token")
        async with asking(fake, ALICE) as client:
            tasks = [asyncio.create_task(client.head(at(fake), "v1")) for _ in range(3)]
            await until(lambda: len(fake.tokens.asked) == 1)
            tasks[0].cancel()
            given_up.set()
            first, *others = await asyncio.gather(*tasks, return_exceptions=True)
            assert isinstance(first, asyncio.CancelledError)
            assert all(isinstance(found, Descriptor) for found in others)
            assert len(fake.tokens.asked) == 1


async def test_a_failure_is_kept_for_nobody() -> None:
    with registry("bearer") as fake:
        fake.switch(FAULTS["token-401"], "/token", times=1)
        async with asking(fake, ALICE) as client:
            with pytest.raises(NotAuthorised, match="does not take these credentials"):
                await client.head(at(fake), "v1")
            await client.head(at(fake), "v1")


async def test_an_identity_token_is_posted() -> None:
    with registry("bearer") as fake:
        fake.tokens.refresh["refresh-me"] = "alice"
        async with asking(fake, Identity("refresh-me")) as client:
            await client.head(at(fake), "v1")
        [asked] = fake.tokens.asked
        assert (asked.method, asked.authorization) == ("POST", "")
        assert asked.form == {
            "grant_type": "refresh_token", "refresh_token": "refresh-me", "service": "fake",
            "client_id": "image-enforcer", "scope": "repository:team/app:pull",
        }  # fmt: skip
        async with asking(fake, Identity("another")) as client:
            with pytest.raises(NotAuthorised):
                await client.head(at(fake), "v1")


async def test_a_server_of_oauth2_alone_is_posted_the_password() -> None:
    with registry("bearer") as fake:
        fake.tokens.posted_only = True
        async with asking(fake, ALICE) as client:
            await client.head(at(fake), "v1")
        [_, asked] = fake.tokens.asked
        assert (asked.method, asked.authorization) == ("POST", "")
        assert asked.form == {
            "grant_type": "password", "username": "alice", "password": ALICE.password, "service": "fake",
            "client_id": "image-enforcer", "scope": "repository:team/app:pull",
        }  # fmt: skip
        async with asking(fake, Password("alice", "wrong")) as client:
            with pytest.raises(NotAuthorised, match="does not take these credentials") as caught:
                await client.head(at(fake), "v1")
            assert "wrong" not in str(caught.value)
        fake.tokens.asked.clear()
        async with asking(fake) as client:
            with pytest.raises(Unsupported):
                await client.head(at(fake), "v1")
        assert [request.method for request in fake.tokens.asked] == ["GET"]  # a stranger has nothing to post


@pytest.mark.parametrize("credential", [ALICE, Identity("refresh-me")])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_token_server_that_sends_elsewhere_takes_no_secret_along(credential: Credential, status: int) -> None:
    with registry("bearer") as fake, FakeRegistry() as other:

        async def elsewhere(request: Request, *_: object) -> Reply:
            return Reply(status=status, headers={"Location": f"{other.url}/token"})

        other.tokens.strangers = False
        fake.switch(elsewhere, "/token")
        async with asking(fake, credential) as client:
            with pytest.raises(Lying if isinstance(credential, Identity) else NotAuthorised):
                await client.head(at(fake), "v1")
        assert other.credentials == set()
        assert not any(request.body or "refresh" in request.target for request in other.seen)


async def test_a_registry_token_is_taken_as_it_is() -> None:
    with registry("bearer") as fake:
        fake.tokens.issued["given"] = (fake.tokens.clock() + 1e6, "alice", frozenset({"repository:team/app:pull"}))
        async with asking(fake, Bearer("given")) as client:
            await client.head(at(fake), "v1")
        assert fake.tokens.asked == []


async def test_names_are_tried_in_order() -> None:
    with registry("bearer") as fake:
        fake.tokens.users["bob"] = "b"
        entries = [
            Entry(key(f"{fake.place}/team/app"), Password("alice", "wrong")), Entry(key(f"{fake.place}/team"), ALICE),
            Entry(key(fake.place), Password("bob", "b")),
        ]  # fmt: skip
        async with asking(fake, entries=entries) as client:
            await client.head(at(fake), "v1")
        users = [base64.b64decode(r.authorization.split()[1]).decode().split(":")[0] for r in fake.tokens.asked]
        assert users == ["alice", "alice"]


async def test_403_is_no_reason_to_ask_for_another_token() -> None:
    with registry("bearer") as fake:
        async with asking(fake) as client:
            with pytest.raises(NotAuthorised, match="403"):
                await client.head(at(fake), "v1")
        assert len(fake.tokens.asked) == 1


async def test_services_of_several_repositories_stand_side_by_side() -> None:
    """Each repository behind a registry may want tokens for another service, and another scope for its tags."""

    async def picky(request: Request, reply: Reply, connection: Connection, fake: FakeRegistry) -> Reply:
        service = request.path.split("/")[3]
        scope = f"repository:team/{service}:{'metadata_read' if '/tags/' in request.path else 'pull'}"
        _, _, scopes = fake.tokens.issued.get(request.authorization.removeprefix("Bearer "), (0, "", frozenset()))
        if scope not in scopes:
            told = f'Bearer realm="{fake.url}/token",service="{service}",scope="{scope}",error="insufficient_scope"'
            return challenged(told)
        return reply

    with registry("", private=False) as fake:
        fake.switch(picky, "/v2/")
        async with asking(fake, ALICE) as client:
            for _ in range(3):
                for path in ("team/app", "team/other"):
                    await client.head(at(fake, path), "v1")
                    assert [page async for page in client.tags(at(fake, path))] == [("v1",)]
        told = [parse_qs(urlsplit(asked.target).query) for asked in fake.tokens.asked]
        wanted = {(s, f"repository:team/{s}:{a}") for s in ("app", "other") for a in ("pull", "metadata_read")}
        assert {(t["service"][0], t["scope"][0]) for t in told} >= wanted
        # Twelve that are answered, three that were guessed wrong, the first of which cost no token.
        assert len(fake.seen) - len(told) == 15
        assert len(told) == 5


async def test_several_scopes_are_asked_for_one_by_one() -> None:
    async def two(request: Request, reply: Reply, connection: Connection, fake: FakeRegistry) -> Reply:
        if request.authorization:
            return reply
        return challenged(f'Bearer realm="{fake.url}/token?x=1",service="s p",scope="a:b:pull,push c:d:pull"')

    with registry("", private=False) as fake:
        fake.switch(two, "/v2/")
        async with asking(fake) as client:
            await client.head(at(fake), "v1")
        [asked] = fake.tokens.asked
        assert parse_qs(urlsplit(asked.target).query) == {
            "x": ["1"], "service": ["s p"], "scope": ["a:b:pull,push", "c:d:pull"]
        }  # fmt: skip


async def test_a_token_server_that_has_moved_is_found_again() -> None:
    clock = Clock()
    with registry("bearer") as old, registry("bearer") as fake:
        realm = [old.url]

        async def moving(request: Request, reply: Reply, connection: Connection, fake: FakeRegistry) -> Reply:
            if request.authorization.removeprefix("Bearer ") in {**old.tokens.issued, **fake.tokens.issued}:
                return Reply(headers={"Docker-Content-Digest": digest_of(b""), "Content-Type": MANIFEST})
            return challenged(f'Bearer realm="{realm[0]}/token",service="fake"')

        fake.switch(moving, "/v2/")
        async with asking(fake, ALICE, clock=clock) as client:
            await client.head(at(fake), "v1")
            realm[0] = fake.url
            old.switch(FAULTS["token-500"])
            clock.skipped += 3600
            await client.head(at(fake), "v1")
        assert len(fake.tokens.asked) == 1


async def test_bearer_goes_before_basic() -> None:
    async def both(request: Request, reply: Reply, connection: Connection, fake: FakeRegistry) -> Reply:
        if request.authorization.startswith("Bearer"):
            return reply
        return challenged(f'Basic realm="x, y", Bearer realm="{fake.url}/token",service="fake"')

    with registry("", private=False) as fake:
        fake.switch(both, "/v2/")
        async with asking(fake, ALICE) as client:
            await client.head(at(fake), "v1")
        assert all(not r.authorization.startswith("Basic") for r in fake.seen if r.path != "/token")


async def test_two_registries_that_name_one_token_server_share_no_token() -> None:
    """Else one registry gets what was got for another."""
    with registry("bearer", private=False) as first, registry("", private=False) as second:

        async def as_the_first(request: Request, reply: Reply, _: Connection, fake: FakeRegistry) -> Reply:
            if request.authorization:
                return reply
            return challenged(f'Bearer realm="{first.url}/token",service="fake",scope="repository:team/app:pull"')

        second.switch(as_the_first, "/v2/")
        named = {fake.place: Host(name=fake.place, url=fake.url, limits=QUICK) for fake in (first, second)}
        clock = Clock()
        client = RegistryClient(
            Hosts(named=named), Keychain(clock=clock), clock=clock, sleep=clock.sleep, chance=lambda: 0.5,
            lookup=Names(),
        )  # fmt: skip
        await client.head(at(first), "v1")
        await client.head(at(second), "v1")
        await client.close()
        assert first.credentials.isdisjoint(second.credentials)
        assert len(first.tokens.asked) == 2


async def test_a_token_server_without_tls_is_no_place_for_a_registry_with_it(authority: Authority) -> None:
    with registry("bearer", tls=serving(authority.issue("tokens"))) as fake, registry("bearer") as plain:

        async def elsewhere(*_: object) -> Reply:
            return challenged(f'Bearer realm="{plain.url}/token",service="fake"')

        fake.switch(elsewhere, "/v2/")
        async with asking(fake, ALICE, ca_file=str(authority.certificate)) as client:
            with pytest.raises(Forbidden, match="without TLS"):
                await client.head(at(fake), "v1")
        assert plain.seen == []


async def test_secrets_are_not_in_what_is_shown() -> None:
    assert "pässword" not in repr(ALICE)
    assert "tok" not in repr(Identity("tok")) + repr(Bearer("tok"))
    assert ANONYMOUS == ANONYMOUS
    with registry("bearer") as fake:
        async with asking(fake, Password("alice", "hunter2")) as client:
            with pytest.raises(NotAuthorised) as caught:
                await client.head(at(fake), "v1")
    assert "hunter2" not in json.dumps([str(caught.value), repr(caught.value)])


async def test_where_content_is_comes_with_a_token() -> None:
    with registry("bearer", elsewhere="http://cdn.example") as fake:
        async with asking(fake, ALICE) as client:
            found = await client.location(at(fake), LAYER_OF)
        [(name, value)] = found.headers
        assert name == "Authorization"
        assert value.removeprefix("Bearer ") in fake.tokens.issued
        assert fake.count("HEAD", "/blobs/") == 2
