"""Every fault of the fake registry ends as a named error, soon, and no credential goes anywhere else."""

from collections.abc import Iterator
from typing import Final

import pytest

from image_enforcer.adapters.registry.client import RegistryClient
from image_enforcer.adapters.registry.credentials import Password
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import Descriptor
from image_enforcer.ports.registry import (
    Forbidden,
    Lying,
    NotAuthorised,
    NotFound,
    RateLimited,
    RegistryError,
    Unreachable,
    Unsupported,
)
from tests.adapters.registry.asking import IMPATIENT, PATIENT, QUICK, Clock, Names, asking, at, serving
from tests.e2e.certificates import Authority
from tests.fakes.registry.faults import FAULTS, PRIVATE_PLACES, TEXTS
from tests.fakes.registry.server import FakeRegistry, digest_of
from tests.fakes.registry.tokens import basic

ALICE: Final = Password("alice", "s3cret-password")
LAYER: Final = b"the bytes of a layer" * 4
Family = type[RegistryError]

ANYWHERE: Final[dict[str, Family]] = {
    **dict.fromkeys((name for name in FAULTS if name.startswith("429-")), RateLimited),
    "503-later": RateLimited,
    **dict.fromkeys(("500", "502", "503", "504", "error-control"), Unreachable),
    "403": NotAuthorised, "404": NotFound, "204": Lying, "418": Lying, "304": Lying,
    **dict.fromkeys(
        ("reset", "closed", "silent", "slow-headers", "silent-after-headers", "slow-body", "cut-headers", "cut-body"),
        Unreachable,
    ),
    **dict.fromkeys(("reset-body", "cut-chunks", "lying-length-more", "closes-after-length-more"), Unreachable),
    "endless-chunks": Lying,
    **dict.fromkeys(("no-http", "bad-chunks", "endless-headers", "huge-header", "length-negative", "gzip"), Lying),
    "length-less": Lying,
    **{f"redirect-{name}": Forbidden for name in PRIVATE_PLACES},
    **dict.fromkeys(("redirect-loop", "redirect-longer", "redirect-nowhere", "redirect-garbage"), Lying),
    **{name: Forbidden for name in FAULTS if name.startswith("redirect-host-")},
    **dict.fromkeys(("redirect-file", "redirect-port", "redirect-user", "redirect-backslash"), Forbidden),
    "redirect-elsewhere": NotAuthorised,
    "401-malformed": Lying, "401-silent": NotAuthorised, "401-unknown": Unsupported, "401-no-realm": Unsupported,
    "401-huge": Forbidden, "401-many": Lying, "401-utf-8": Lying, "401-forever": NotAuthorised,
    **{name: Forbidden for name in FAULTS if name.startswith("realm-")},
}  # fmt: skip
"""What goes wrong whatever is asked for."""
MANIFEST: Final[dict[str, Family]] = {
    **dict.fromkeys(("header-utf-8", "length-huge", "lying-digest", "bad-digest", "wrong-type"), Lying),
    **dict.fromkeys(("other-bytes", "short", "long", "empty"), Lying),
    **dict.fromkeys(("not-json", "not-an-object", "no-utf-8", "huge", "deep", "deep-unread", "two-kinds"), Lying),
    **dict.fromkeys(("twice", "other-case", "no-version", "negative-size", "huge-size", "bad-inner-digest"), Lying),
    **dict.fromkeys(("upper-inner-digest", "many-layers", "many-children"), Lying),
    "html-type": Unsupported, "unknown-type": Unsupported, "no-type": Unsupported, "redirect-plain": Forbidden,
}  # fmt: skip
BLOB: Final[dict[str, Family]] = {
    **dict.fromkeys(("other-bytes", "short", "long", "empty", "416", "other-part"), Lying),
    "length-huge": Unreachable,  # no more than the descriptor promises is read of it
}
TAGS: Final[dict[str, Family]] = {
    **{name: Lying for name in FAULTS if name.startswith(("pages-", "tags-")) and name != "tags-null"},
    **dict.fromkeys(("not-json", "not-an-object", "no-utf-8", "deep", "empty", "short", "length-huge"), Lying),
}
TOKEN: Final[dict[str, Family]] = {
    **dict.fromkeys(("token-401", "token-403"), NotAuthorised), "token-404": Unsupported, "token-429": RateLimited,
    "token-500": Unreachable, "token-redirect": Forbidden, "silent": Unreachable, "closed": Unreachable, "gzip": Lying,
    "endless-chunks": Lying,
    **dict.fromkeys((f"token-{what}" for what in ("garbage", "huge", "empty", "none", "control", "number")), Lying),
}  # fmt: skip
HARMLESS: Final = {"tags-null", "cookie"}
SLOW: Final = {"silent", "slow-headers", "silent-after-headers", "slow-body", "lying-length-more", "length-huge"}
CASES: Final = [
    *(("manifest", name, family) for name, family in {**ANYWHERE, **MANIFEST}.items()),
    *(("blob", name, family) for name, family in {**ANYWHERE, **BLOB}.items()),
    *(("tags", name, family) for name, family in {**ANYWHERE, **TAGS}.items()),
    *(("token", name, family) for name, family in TOKEN.items()),
]


async def ask(what: str, client: RegistryClient, server: FakeRegistry) -> object:
    home = at(server, "app")
    if what == "blob":
        content = Descriptor(media_type="x", digest=Digest(digest_of(LAYER)), size=len(LAYER))
        return [piece async for piece in client.blob(home, content)]
    if what == "tags":
        return [page async for page in client.tags(home)]
    return await client.manifest(home, "v1")


PARTS: Final = {"manifest": "/manifests/", "blob": "/blobs/", "tags": "/tags/", "token": "/token"}


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with FakeRegistry(auth="bearer") as running:
        running.image("app", "v1", (LAYER,))
        running.tokens.users["alice"] = "s3cret-password"
        yield running


@pytest.mark.parametrize(("what", "name", "family"), CASES, ids=[f"{what}-{name}" for what, name, _ in CASES])
async def test_each_fault_is_a_named_error(
    what: str, name: str, family: Family, other: FakeRegistry, authority: Authority
) -> None:
    tls = serving(authority.issue("registry")) if name == "redirect-plain" else None
    clock, names = Clock(), Names({"inside.example": ["10.0.0.1"]})
    with FakeRegistry(auth="bearer", elsewhere=other.url if name == "redirect-elsewhere" else "", tls=tls) as fake:
        fake.image("app", "v1", (LAYER,))
        fake.tokens.users["alice"] = "s3cret-password"
        fake.switch(FAULTS[name], PARTS[what])
        # Where it is not the waiting that tells, no time is to be short.
        limits = IMPATIENT if name in SLOW and family is Unreachable else QUICK
        ca = str(authority.certificate) if tls else ""
        async with asking(fake, ALICE, limits=limits, clock=clock, names=names, ca_file=ca) as client:
            began = clock.skipped
            with pytest.raises(RegistryError) as caught:
                await ask(what, client, fake)
        told = str(caught.value)
        assert isinstance(caught.value, family), (type(caught.value), told)
        assert told.isprintable()
        assert "s3cret" not in told
        assert "token-" not in told.replace("/token", "")
        # Bounded effort: few requests, and no more waiting than there is patience.
        assert len(fake.seen) <= 3 * limits.pages
        assert clock.skipped - began <= limits.patience
        # What came here was meant for here, and nothing went elsewhere.
        tokens = {f"Bearer {token}" for token in fake.tokens.issued}
        assert fake.credentials <= {basic("alice", "s3cret-password"), *tokens}
        assert all(r.authorization != basic("alice", "s3cret-password") for r in fake.seen if r.path != "/token")
        assert other.credentials == set()
        assert other.tokens.asked == []


def test_every_fault_is_tried() -> None:
    assert {name for _, name, _ in CASES} | HARMLESS == set(FAULTS)
    assert len(FAULTS) >= 40
    assert all(TEXTS[name] for name in FAULTS)


async def test_null_for_tags_is_none() -> None:
    with FakeRegistry() as fake:
        fake.image("app", "v1")
        fake.switch(FAULTS["tags-null"], "/tags/")
        async with asking(fake) as client:
            assert await ask("tags", client, fake) == [()]


async def test_cookies_are_not_kept() -> None:
    with FakeRegistry() as fake:
        fake.image("app", "v1")
        fake.switch(FAULTS["cookie"])
        async with asking(fake) as client:
            await ask("manifest", client, fake)
            await ask("manifest", client, fake)
        assert not any("cookie" in request.headers for request in fake.seen)


@pytest.mark.parametrize("name", ["500", "503", "reset", "closed", "cut-body", "429-seconds", "429-date", "token-500"])
async def test_what_passes_is_got_over(name: str) -> None:
    clock = Clock()
    with FakeRegistry(auth="bearer") as fake:
        digest = fake.image("app", "v1")
        fake.switch(FAULTS[name], "/token" if name == "token-500" else "/manifests/", times=1)
        async with asking(fake, limits=QUICK if name != "429-seconds" else PATIENT, clock=clock) as client:
            if name == "429-date":
                with pytest.raises(RateLimited) as caught:  # forty seconds are more than there is patience
                    await client.manifest(at(fake, "app"), "v1")
                assert 38 <= caught.value.retry_after <= 41
                clock.skipped += 41
            assert (await client.manifest(at(fake, "app"), "v1")).digest == digest
        if name == "429-seconds":
            assert clock.skipped >= 30
        assert clock.skipped <= 45


async def test_nobody_listens() -> None:
    with FakeRegistry() as fake:
        pass
    async with asking(fake) as client:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await client.manifest(at(fake), "v1")
