"""Looks at a registry over HTTP: what they ask, what they find, and what they make of trouble."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from image_enforcer.adapters.facts import replica_file
from image_enforcer.adapters.facts.local import LocalFacts
from image_enforcer.analysis import reference
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.facts import Kind
from image_enforcer.domain.manifest import OCI_MANIFEST, Descriptor, Manifest, Platform
from image_enforcer.domain.reference import Repository
from image_enforcer.domain.watched import Tag
from image_enforcer.ports.registry import Registry, Unreachable
from image_enforcer.ports.store import ClaimLost
from image_enforcer.services import looking
from image_enforcer.services.gather import gather
from image_enforcer.services.looking import Choice, Looking, allowing
from tests.adapters.registry.asking import asking, at
from tests.contract.contents import MINUTE, NOON, image, repository
from tests.fakes.registry.faults import FAULTS
from tests.fakes.registry.server import INDEX, MANIFEST, FakeRegistry, described, index_of
from tests.services.synced import index, syncing


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


def asked(registry: FakeRegistry) -> Counter[str]:
    """What has been asked since the last time: lists of tags, heads and gets of manifests."""
    found: Counter[str] = Counter()
    for request in registry.seen:
        kind = "list" if request.path.endswith("/tags/list") else request.method
        found[kind] += 1
    registry.seen.clear()
    return found


async def test_a_second_look_costs_a_list_and_a_head_for_each_tag_that_may_move(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    for tag in ("latest", "edge", "v1", "v2"):
        registry.image("team/app", tag, (tag.encode(),))
    async with syncing(registry, tmp_path, choice=Choice(immutable=("v*",))) as synced:
        await synced.again()
        first = asked(registry)
        assert (first["list"], first["HEAD"], first["GET"]) == (1, 4, 4)
        await synced.again()
        assert asked(registry) == Counter({"list": 1, "HEAD": 2})
        registry.image("team/app", "edge", (b"newer",))
        await synced.again()
        assert asked(registry) == Counter({"list": 1, "HEAD": 2, "GET": 1})
        await synced.again()
        assert asked(registry) == Counter({"list": 1, "HEAD": 2})


async def test_a_digest_behind_several_tags_is_fetched_once(registry: FakeRegistry, tmp_path: Path) -> None:
    for tag in ("a", "b", "c"):
        registry.image("team/app", tag)
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        assert asked(registry)["GET"] == 1
        assert len({synced.tag(tag)["digest"] for tag in "abc"}) == 1


async def test_the_images_of_an_index_are_fetched_and_what_is_said_about_them_is_not(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    digest, children = index(
        registry, "team/app", "multi", [("amd64", b"one"), ("arm64", b"two"), ("unknown", b"statement")]
    )
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        assert asked(registry)["GET"] == 3
        assert synced.fact(Kind.MANIFEST, digest)["kind"] == "index"
        assert [synced.fact(Kind.MANIFEST, child) is not None for child in children] == [True, True, False]


async def test_an_index_within_an_index_is_not_followed_and_not_known(registry: FakeRegistry, tmp_path: Path) -> None:
    """No runtime starts what is two indexes deep: it is told apart from what is known."""
    inner, images = index(registry, "team/app", "inner", [("amd64", b"layer")])
    registry.image("team/app", "plain", (b"another layer",))
    stored = registry.repositories["team/app"]
    plain = stored.tags["plain"]
    listed = [
        described(stored.manifests[digest][1], kind, platform={"os": "linux", "architecture": architecture})
        for digest, kind, architecture in ((inner, INDEX, "amd64"), (plain, MANIFEST, "arm64"))
    ]
    del stored.tags["inner"], stored.tags["plain"]
    outer = registry.manifest("team/app", json.dumps(index_of(listed)).encode(), INDEX, "outer")
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        fetched = {r.path.rpartition("/")[2] for r in registry.seen if r.method == "GET" and "/manifests/" in r.path}
        assert fetched == {outer, inner, plain}
        assert synced.fact(Kind.MANIFEST, images[0]) is None
        replica_file.make(tmp_path / "facts.db", [synced.store.changes(0, 1000)], synced.clock())
        with contextlib.closing(LocalFacts(tmp_path / "facts.db")) as copy:
            name = f"{synced.home()}:outer"
            facts = gather([name], copy, synced.clock())[name]
            arm64 = gather([name], copy, synced.clock(), nodes=(Platform(os="linux", architecture="arm64"),))[name]
    assert not facts["known"]
    assert ("no-manifest", f"the manifest {inner} is not known") in [(r["code"], r["text"]) for r in facts["unknown"]]
    # Nodes that run the other one are not concerned.
    assert [reason["code"] for reason in arm64["unknown"]] == ["not-scanned"]


async def test_an_index_without_one_of_its_images_is_asked_for_until_it_is_whole(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    digest, children = index(registry, "team/app", "multi", [("amd64", b"one"), ("arm64", b"two")])
    missing = registry.repositories["team/app"].manifests.pop(children[1])
    async with syncing(registry, tmp_path) as synced:
        summary = await synced.again()
        assert [(about, t.code) for about, t in summary.troubles] == [(f"{synced.home()}:multi", "not-found")]
        assert synced.tag("multi")["digest"] == digest
        assert synced.fact(Kind.MANIFEST, digest) is None
        registry.repositories["team/app"].manifests[children[1]] = missing
        summary = await synced.again()
        assert summary.troubles == []
        assert synced.fact(Kind.MANIFEST, digest) is not None
        assert synced.fact(Kind.MANIFEST, children[1]) is not None


async def test_what_no_node_runs_is_fetched_once_there_is_one_that_does(registry: FakeRegistry, tmp_path: Path) -> None:
    digest, children = index(
        registry, "team/app", "multi", [("amd64", b"one"), ("arm64", b"two"), ("unknown", b"statement")]
    )
    amd64, arm64 = (Platform(os="linux", architecture=name) for name in ("amd64", "arm64"))
    async with syncing(registry, tmp_path, nodes=(amd64,)) as synced:
        await synced.again()
        await synced.again()
        assert asked(registry)["GET"] == 2
        assert synced.fact(Kind.MANIFEST, digest)["kind"] == "index"
        assert [synced.fact(Kind.MANIFEST, child) is not None for child in children] == [True, False, False]
    async with syncing(registry, tmp_path, nodes=(amd64, arm64)) as synced:
        await synced.again(1000)
        await synced.again()
        assert asked(registry)["GET"] == 2
        assert [synced.fact(Kind.MANIFEST, child) is not None for child in children] == [True, True, False]


async def test_a_tag_that_moves_to_what_cannot_be_read_does_not_keep_the_old_digest(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    old = registry.image("team/app", "latest", (b"old",))
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        assert synced.tag("latest")["digest"] == old
        new = registry.manifest("team/app", b'{"schemaVersion": 2, "layers": "none"}', tag="latest")
        summary = await synced.again()
        assert [about for about, _ in summary.troubles] == [f"{synced.home()}:latest"]
        assert synced.tag("latest")["digest"] == new
        assert synced.fact(Kind.MANIFEST, new) is None


async def test_a_tag_that_goes_between_the_list_and_its_head_is_gone(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.image("team/app", "stays")
    registry.image("team/app", "goes", (b"x",))
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        registry.switch(FAULTS["404"], "/manifests/goes")
        summary = await synced.again()
        assert summary.troubles == []
        assert synced.tag("goes") is None
        assert synced.tag("stays") is not None


async def test_trouble_with_a_head_keeps_what_is_known_and_says_so(registry: FakeRegistry, tmp_path: Path) -> None:
    digest = registry.image("team/app", "latest")
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        registry.switch(FAULTS["403"], "/manifests/latest", 1)
        summary = await synced.again()
        assert [t.code for _, t in summary.troubles] == ["not-authorised"]
        found = synced.tag("latest")
        assert (found["digest"], found["trouble"]["code"]) == (digest, "not-authorised")
        await synced.again()
        assert "trouble" not in synced.tag("latest")


async def test_a_tag_that_could_never_be_resolved_has_no_digest(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.image("team/app", "latest")
    registry.switch(FAULTS["lying-digest"], "/manifests/latest")
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        found = synced.tag("latest")
        assert synced.fact(Kind.MANIFEST, found["digest"] or "") is None


async def test_who_wants_to_be_left_alone_is(registry: FakeRegistry, tmp_path: Path) -> None:
    for number in range(40):
        registry.image("team/app", f"t{number}", (b"%d" % number,))
    registry.switch(FAULTS["429-forever"], "/manifests/")
    async with asking(registry) as client:

        async def missing(digests: object) -> frozenset[Digest]:
            return frozenset()

        found = await Looking(client, missing, lambda: NOON).look(at(registry), {}, Choice())
    assert found.pause > 60
    assert {trouble.code for _, trouble in found.look.troubles} == {"rate-limited"}
    assert len(found.look.troubles) == 40
    assert registry.count("HEAD", "/manifests/") <= 16


async def test_what_is_over_the_bytes_of_a_look_is_trouble_of_its_tags_and_the_next_one_goes_on(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    for number in range(60):
        registry.image("team/app", f"t{number}", (b"%d" % number,))
    size = max(len(content) for _, content in registry.repositories["team/app"].manifests.values())
    async with syncing(registry, tmp_path, budget=25 * size) as synced:
        summary = await synced.again()
        assert {trouble.code for _, trouble in summary.troubles} == {"too-many-bytes"}
        assert 20 < len(summary.troubles) <= 60 - 25
        whole = [tag for tag in synced.store.tags(synced.home()) if "trouble" not in synced.tag(tag)]
        assert len(whole) == 60 - len(summary.troubles)
        assert all(synced.fact(Kind.MANIFEST, synced.tag(tag)["digest"]) is not None for tag in whole)
        late = synced.tag(next(about.rpartition(":")[2] for about, _ in summary.troubles))
        assert (late["trouble"]["code"], synced.fact(Kind.MANIFEST, late["digest"])) == ("too-many-bytes", None)
        asked(registry)
        assert len((await synced.again()).troubles) < len(summary.troubles)
        assert (await synced.again()).troubles == []
        assert asked(registry)["GET"] == len(summary.troubles), "none is fetched twice"


async def test_of_a_repository_that_has_no_more_room_nothing_more_is_fetched(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    for number in range(10, 70):
        registry.image("team/app", f"t{number}", (b"%d" % number,))
    size = max(len(content) for _, content in registry.repositories["team/app"].manifests.values())
    async with syncing(registry, tmp_path, heaviest=40 * size) as synced:
        summary = await synced.again()
        assert {trouble.code for _, trouble in summary.troubles} == {"repository-full"}
        assert 60 - 40 - 8 <= len(summary.troubles) <= 60 - 40  # some requests are under way at the end
        late = synced.tag(next(about.rpartition(":")[2] for about, _ in summary.troubles))
        assert (late["trouble"]["code"], synced.fact(Kind.MANIFEST, late["digest"])) == ("repository-full", None)
        asked(registry)
        assert len((await synced.again()).troubles) == len(summary.troubles)
        assert asked(registry)["GET"] == 0, "nothing is fetched for nothing"
        kept = [tag for tag in registry.repositories["team/app"].tags if "trouble" not in synced.tag(tag)]
        for tag in kept[:30]:
            del registry.repositories["team/app"].tags[tag]
        await synced.again()  # what is gone makes room for the next look
        assert (await synced.again()).troubles == []


async def test_an_index_with_more_than_the_bytes_of_a_look_becomes_whole_with_the_next_ones(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    digest, children = index(registry, "team/app", "multi", [(f"arch{n}", b"%d" % n) for n in range(60)])
    size = sum(len(content) for _, content in registry.repositories["team/app"].manifests.values())
    async with syncing(registry, tmp_path, budget=int(size * 0.8)) as synced:
        summary = await synced.again()
        assert [(about, t.code) for about, t in summary.troubles] == [(f"{synced.home()}:multi", "too-many-bytes")]
        assert synced.fact(Kind.MANIFEST, digest) is None
        assert (await synced.again()).troubles == []
        assert synced.fact(Kind.MANIFEST, digest) is not None
        assert all(synced.fact(Kind.MANIFEST, child) is not None for child in children)
        assert registry.count("GET", "/v2/team/app/manifests/") == 60 + 2


async def test_manifests_are_handed_on_in_parts(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PART", 2000)
    digests = {registry.image("team/app", f"t{number}", (b"%d" % number,)) for number in range(60)}
    async with asking(registry) as client:
        held: list[tuple[Manifest, ...]] = []

        async def keep(part: Sequence[Manifest]) -> None:
            held.append(tuple(part))
            await asyncio.sleep(0.01)

        look = Looking(client, lambda digests: asyncio.sleep(0, frozenset(digests)), lambda: NOON)
        found = await look.look(at(registry), {}, Choice(), keep)
    sizes = [sum(len(manifest.content) for manifest in part) for part in held]
    assert len(held) > 3
    assert max(sizes) < 2000 + 9 * 1000
    assert sum(len(manifest.content) for manifest in found.look.manifests) < 2000 + 9 * 1000
    kept = [manifest.digest for part in (*held, found.look.manifests) for manifest in part]
    assert len(kept) == found.fetched == 60
    assert set(kept) == digests


async def test_what_parts_end_with_ends_the_look(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PART", 1)
    registry.image("team/app", "latest")
    async with asking(registry) as client:

        async def keep(part: Sequence[Manifest]) -> None:
            raise ClaimLost("it is another's")

        look = Looking(client, lambda digests: asyncio.sleep(0, frozenset(digests)), lambda: NOON)
        with pytest.raises(ClaimLost):
            await look.look(at(registry), {}, Choice(), keep)


class Slow:
    """A registry that takes its time for some tags, and for lists where it is told so."""

    def __init__(self, *names: str, lists: bool = False) -> None:
        self.names = names
        self.lists = lists
        self.asked: list[str] = []

    async def tags(self, repository: Repository) -> AsyncIterator[tuple[str, ...]]:
        if self.lists:
            await asyncio.sleep(60)
        yield "a", "b", "slow"

    async def head(self, repository: Repository, reference: str, *, urgent: bool = False) -> Descriptor:
        self.asked.append(reference)
        if reference in self.names:
            await asyncio.sleep(60)
        return Descriptor(media_type=OCI_MANIFEST, digest=image(reference).digest, size=1)

    async def manifest(self, repository: Repository, reference: str, *, urgent: bool = False) -> Manifest:
        if image("b").digest == reference and "manifest of b" in self.names:
            await asyncio.sleep(60)
        return next(found for found in map(image, ("a", "b", "slow")) if found.digest == reference)


def looking_at(registry: Slow) -> Looking:
    # Two thirds of it are for what is told at once: far more than that takes, on a busy machine too.
    return Looking(
        cast("Registry", registry), lambda digests: asyncio.sleep(0, frozenset(digests)), lambda: NOON,
        longest=timedelta(seconds=3),
    )  # fmt: skip


async def test_a_look_ends_in_time_and_what_it_did_not_reach_is_in_trouble_and_not_gone() -> None:
    look = (await looking_at(Slow("slow", "manifest of b")).look(repository(), {}, Choice())).look
    assert {tag: trouble.code for tag, trouble in look.troubles} == {"slow": "too-slow", "b": "too-slow"}
    assert look.listed == {"a", "b", "slow"}
    assert look.tags == (("a", image("a").digest), ("b", image("b").digest))
    assert [manifest.digest for manifest in look.manifests] == [image("a").digest]


async def test_a_list_that_takes_too_long_fails_the_look() -> None:
    with pytest.raises(Unreachable, match=r"list of tags .* within 2 s"):
        await looking_at(Slow(lists=True)).look(repository(), {}, Choice())


async def test_the_next_look_begins_with_what_was_not_seen_for_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "AT_ONCE", 1)
    registry, digest = Slow(), image("a").digest
    known = {
        name: Tag(name=name, digest=digest, since=NOON, seen_at=NOON + seen * MINUTE)
        for name, seen in (("a", 2), ("b", 1))
    }  # fmt: skip
    await looking_at(registry).look(repository(), known, Choice())
    assert registry.asked == ["slow", "b", "a"]


async def test_two_pages(tmp_path: Path) -> None:
    with FakeRegistry(page=3) as registry:
        for number in range(5):
            registry.image("team/app", f"t{number}")
        async with syncing(registry, tmp_path) as synced:
            await synced.again()
            assert asked(registry)["list"] == 2
            assert sorted(synced.store.tags(synced.home())) == [f"t{n}" for n in range(5)]


async def test_a_tag_that_stands_on_two_pages_is_one(registry: FakeRegistry, tmp_path: Path) -> None:
    registry.image("team/app", "a")
    async with asking(registry) as client:
        body = json.dumps({"tags": ["a", "a"]}).encode()

        async def twice(request, reply, connection, fake):  # type: ignore[no-untyped-def]
            reply.body = body
            return reply

        registry.switch(twice, "/tags/list")
        look = Looking(client, lambda digests: asyncio.sleep(0, frozenset(digests)), lambda: NOON)
        found = await look.look(at(registry), {}, Choice())
    assert [tag for tag, _ in found.look.tags] == ["a"]
    assert registry.count("HEAD", "/manifests/a") == 1


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (Choice(), ["1.0", "1.1-rc1", "latest"]),
        (Choice(include=("1.*",)), ["1.0", "1.1-rc1"]),
        (Choice(include=("1.*",), exclude=("*-rc?",)), ["1.0"]),
        (Choice(exclude=("*",)), []),
    ],
)
async def test_tags_are_chosen(registry: FakeRegistry, tmp_path: Path, choice: Choice, wanted: list[str]) -> None:
    for tag in ("latest", "1.0", "1.1-rc1"):
        registry.image("team/app", tag)
    async with syncing(registry, tmp_path, choice=choice) as synced:
        await synced.again()
        assert sorted(synced.store.tags(synced.home())) == wanted


@pytest.mark.parametrize(
    ("glob", "name", "expected"),
    [
        ("*.corp.example/*", "registry.corp.example/team/app", True),
        ("*.corp.example/*", "registry.corp.example/app", True),
        ("*.corp.example/*", "evil.example/x.corp.example/app", False),
        ("*.corp.example/*", "docker.io/evil/x.corp.example/app", False),
        ("*host:5000/*", "localhost:5000/team/app", True),
        ("*host:5000/*", "lOcAlHost:5000/team/app", False),
        ("*host:5000/*", "LOCALHOST:5000/team/app", False),
        ("Registry.Corp/*", "registry.corp/app", True),
        ("*/*", "Registry.corp/app", False),
        ("registry.corp/team/*", "registry.corp/team/a/b", True),
        ("registry.corp/team/*", "registry.corp/teams/a", False),
        ("registry.corp", "registry.corp/app", False),
    ],
)
def test_what_is_allowed(glob: str, name: str, expected: bool) -> None:
    assert allowing([glob])(reference.parse(name).home) is expected
