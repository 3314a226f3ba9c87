"""Deliveries to OPA's data interface: what is put and deleted, what is sent anew, and that nothing is lost."""

import json
import sqlite3
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from image_enforcer.adapters.sinks.opa import OpaSink
from image_enforcer.analysis.documents import Layout
from image_enforcer.domain.facts import Entry, Kind
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.sink import SinkError
from image_enforcer.ports.store import Store
from image_enforcer.services.delivering import MARK, Delivering
from image_enforcer.services.putting import AT_ONCE
from tests.fakes.clair_images import BASE, CURL
from tests.fakes.clair_v4 import FakeClairV4
from tests.fakes.opa_data import FakeOpaData
from tests.fakes.parted import Parted
from tests.fakes.registry.server import FakeRegistry
from tests.services.synced import VULNERABLE, Synced, index, known_world, scannable, syncing


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def opa() -> Iterator[FakeOpaData]:
    with FakeOpaData() as fake:
        yield fake


@pytest.fixture
async def clair() -> AsyncIterator[FakeClairV4]:
    async with FakeClairV4(known_world()) as running:
        yield running


APP = ("docker", "layers", "team", "app")


def tags(opa: FakeOpaData, *path: str) -> set[str]:
    """The tags that stand at a path, where their digests do as well."""
    return {name for name in opa.at(*(path or APP)) if not name.startswith("sha256:")}


async def test_tags_and_layers_are_put_and_go_again(
    registry: FakeRegistry, opa: FakeOpaData, clair: FakeClairV4, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "team/app", "v1", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair, opa=opa.url) as synced:
        summary = await synced.again()
        assert (summary.put, summary.deleted, summary.troubles) == (4, 0, [])
        assert synced.heard.deliveries == [(4, 0, True)]
        (digest,) = opa.at(*APP).keys() - {"v1"}
        assert opa.at(*APP, digest) == opa.at(*APP, "v1")
        layers = [layer["digest"] for layer in opa.at(*APP, "v1")["layers"]]
        features = [opa.at("clair", "layers", layer)["Layer"]["Features"] for layer in layers]
        assert any(f.get("Vulnerabilities") for f in features[0])
        opa.seen.clear()
        await synced.again()
        assert opa.sent() + opa.sent("DELETE") == []
        del registry.repositories["team/app"].tags["v1"]
        summary = await synced.again()
        assert summary.deleted == 4
        assert opa.at(*APP) == {}
        assert opa.at("clair", "layers") == {}
        assert synced.heard.deliveries[-1] == (0, 4, False)


async def test_a_revision_that_comes_in_parts_is_marked_when_all_of_it_was_sent(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    for number in range(3):
        registry.image("team/app", f"v{number}", (b"%d" % number,))
    async with syncing(registry, tmp_path) as synced:
        await synced.again()
        parted = Parted(synced.store)
        sink = OpaSink(opa.url)
        delivering = Delivering(cast(Any, parted), sink, Layout(registry=registry.place), now=synced.clock)
        opa.refuse = lambda method, path: 503 if method == "PUT" and opa.count()["PUT"] > 4 else 0
        with pytest.raises(SinkError):
            await delivering.deliver()
        assert parted.parts > 4
        assert opa.at(*MARK).get("revision", 0) < synced.store.info().revision
        opa.refuse = lambda method, path: 0
        await delivering.deliver()
        assert opa.at(*MARK)["revision"] == synced.store.info().revision
        assert tags(opa) == {"v0", "v1", "v2"}
        await sink.close()


async def test_a_store_that_was_put_back_to_an_older_copy_leaves_nothing_of_what_it_lost(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1", (b"1",))
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        (tmp_path / "older").mkdir()
        with (
            closing(sqlite3.connect(tmp_path / "store.db")) as db,
            closing(sqlite3.connect(tmp_path / "older" / "store.db")) as copy,
        ):
            db.backup(copy)
        registry.image("team/app", "v2", (b"2",))
        await synced.again()
        assert tags(opa) == {"v1", "v2"}
    del registry.repositories["team/app"].tags["v2"]
    async with syncing(registry, tmp_path / "older", opa=opa.url) as synced:
        for _ in range(3):
            await synced.again(7200)
        assert synced.heard.deliveries[0][2] is True
        assert tags(opa) == {"v1"}
        assert len(synced.heard.deliveries) == 1 or not synced.heard.deliveries[1][2]


async def test_a_tag_that_moves_has_another_document(registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path) -> None:
    registry.image("team/app", "v1", (b"old",))
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        before = opa.at(*APP, "v1")
        registry.image("team/app", "v1", (b"new",))
        await synced.again()
        assert opa.at(*APP, "v1") != before
        assert [path for path in opa.sent() if ":" not in path] == ["docker/layers/team/app/v1"] * 2
        assert len(opa.at(*APP)) == 2


async def test_a_tag_that_moves_to_what_cannot_be_read_loses_its_document_until_it_can(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1", (b"old",))
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        _, children = index(registry, "team/app", "v1", [("amd64", b"x"), ("arm64", b"y")])
        missing = registry.repositories["team/app"].manifests.pop(children[0])
        await synced.again()
        assert opa.at(*APP, "v1") is None
        opa.seen.clear()
        await synced.again()
        assert opa.sent() + opa.sent("DELETE") == []
        registry.repositories["team/app"].manifests[children[0]] = missing
        await synced.again()
        assert len(opa.at(*APP, "v1")["layers"]) == 2
        opa.seen.clear()
        await synced.again()
        assert opa.sent() + opa.sent("DELETE") == []


async def test_a_tag_beside_a_repository_of_its_name_and_another_registry(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("a", "b", (b"one",))
    registry.image("a/b", "c", (b"two",))
    repositories = frozenset(Repository(registry=registry.place, path=path) for path in ("a", "a/b"))
    layout = Layout(registry=registry.place, repositories=repositories)
    async with syncing(registry, tmp_path, "a", "a/b", opa=opa.url, layout=layout) as synced:
        await synced.again()
        assert tags(opa, "docker", "layers", "a", "b") == {"c"}
        assert opa.at("docker", "registries", registry.place, "a", "b")["layers"]


async def test_a_repository_that_is_followed_later_lies_in_no_documents_way(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("a", "b", (b"one",))
    registry.image("a/b", "layers", (b"two",))
    async with syncing(registry, tmp_path, "a", opa=opa.url) as synced:
        await synced.again()
        before = opa.at("docker", "layers", "a", "b")
        assert before["layers"]
        synced.store.follow(synced.home("a/b"), synced.clock(), 10)
        await synced.again()
        assert opa.at("docker", "registries", registry.place, "a", "b") == before
        assert set(opa.at("docker", "registries", registry.place, "a/b")) == {"layers"}
        assert "layers" not in opa.at("docker", "layers", "a", "b")


async def test_one_more_repository_moves_nothing(
    registry: FakeRegistry, opa: FakeOpaData, clair: FakeClairV4, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "a", "v1", VULNERABLE)
    registry.image("c", "v1", (b"other",))
    async with syncing(registry, tmp_path, "a", clair=clair, opa=opa.url) as synced:
        await synced.again()
        opa.seen.clear()
        synced.store.follow(synced.home("c"), synced.clock(), 10)
        await synced.again()
        assert opa.sent("DELETE") == []
        assert {path.partition(":")[0] for path in opa.sent()} == {"docker/layers/c/v1", "docker/layers/c/sha256"}


@pytest.mark.parametrize("batch", [500, 1])
async def test_findings_go_last_and_come_first(
    registry: FakeRegistry, opa: FakeOpaData, clair: FakeClairV4, tmp_path: Path, batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("image_enforcer.services.delivering.BATCH", batch)
    scannable(clair.world, registry, "a", "v1", VULNERABLE)
    async with syncing(registry, tmp_path, "a", clair=clair, opa=opa.url) as synced:
        await synced.again()
        # The image was found before it was scanned, so that its findings changed after it.
        (tag,) = synced.store.entries(Kind.TAG, [f"{synced.home('a')}:v1"]).values()
        layers = synced.store.entries(Kind.LAYER, [layer["digest"] for layer in opa.at(*APP[:2], "a", "v1")["layers"]])
        assert all(layer.revision > tag.revision for layer in layers.values())
        opa.documents.clear()
        opa.seen.clear()
        await synced.again()
        assert opa.sent("DELETE")[-1] == "clair/layers"
        puts = opa.sent()
        findings = [n for n, path in enumerate(puts) if path.startswith("clair/")]
        assert puts.index("docker/layers/a/v1") > max(findings)
        assert len(findings) == len(layers)  # what was sent early is not sent again


class Weighing:
    """A store that notes how many findings it is asked for at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.most = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def entries(self, kind: Kind, keys: Collection[str]) -> Mapping[str, Entry]:
        """See :class:`~image_enforcer.ports.store.Publishing`."""
        if kind is Kind.LAYER:
            self.most = max(self.most, len(keys))
        return self._store.entries(kind, keys)


async def test_however_many_images_come_together_few_findings_are_held_at_a_time(
    registry: FakeRegistry, opa: FakeOpaData, clair: FakeClairV4, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("image_enforcer.services.delivering.BATCH", 100)  # the images of one look, and little more
    for number in range(30):
        scannable(clair.world, registry, "team/app", f"v{number}", {"base": BASE, f"curl {number}": CURL})
    async with syncing(registry, tmp_path, clair=clair) as synced:
        assert (await synced.again()).scans == 30
        weighing = Weighing(synced.store)
        sink = OpaSink(opa.url)
        delivering = Delivering(cast(Any, weighing), sink, Layout(registry=registry.place), now=synced.clock)
        await delivering.deliver()
        await sink.close()
    assert len(opa.at("clair", "layers")) == 31
    puts = opa.sent()
    assert max(n for n, path in enumerate(puts) if path.startswith("clair/")) < puts.index("docker/layers/team/app/v0")
    assert 0 < weighing.most <= AT_ONCE


async def test_another_registry_never_lands_where_policies_look_for_the_one(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("library/nginx", "latest")
    layout = Layout(registry="docker.io")
    async with syncing(registry, tmp_path, "library/nginx", opa=opa.url, layout=layout) as synced:
        await synced.again()
        assert opa.at("docker", "layers") is None
        assert opa.at("docker", "registries", registry.place, "library/nginx", "latest") is not None


async def test_a_sink_that_was_started_anew_gets_everything(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    for tag in ("v1", "v2"):
        registry.image("team/app", tag)
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        whole = opa.at("docker")
        opa.documents.clear()
        summary = await synced.again()
        assert summary.put == 3
        assert synced.heard.deliveries[-1] == (3, 0, True)
        assert opa.at("docker") == whole


async def test_a_sink_that_was_put_back_to_an_older_state_is_brought_forward(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1")
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        older = dict(opa.at(*MARK))
        registry.image("team/app", "v2", (b"2",))
        await synced.again()
        del opa.at(*APP)["v2"]
        opa.at("image_enforcer")["sync"] = older
        await synced.again()
        assert tags(opa) == {"v1", "v2"}
        assert [whole for _, _, whole in synced.heard.deliveries] == [True, False, False]


@pytest.mark.parametrize("kept", ['"garbage"', "[1]", '{"revision": "x"}', "[" * 900 + "]" * 900])
async def test_a_mark_that_is_none_of_ours_is_none(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path, kept: str
) -> None:
    registry.image("team/app", "v1")
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        opa.at("image_enforcer")["sync"] = json.loads(kept)
        await synced.again()
        assert synced.heard.deliveries[-1] == (2, 0, True)
        assert opa.at(*MARK)["revision"] > 0


async def test_what_was_put_before_the_mark_is_sent_again(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1")
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        registry.image("team/app", "v2", (b"2",))
        opa.refuse = lambda method, path: -1 if (method, path) == ("PUT", "/".join(MARK)) else 0
        summary = await synced.again()
        assert [t.code for _, t in summary.troubles] == ["sink"]
        opa.refuse = lambda method, path: 0
        summary = await synced.again()
        assert (summary.put, summary.troubles) == (2, [])
        assert opa.sent().count("docker/layers/team/app/v2") == 2
        assert opa.at(*MARK)["revision"] > 1


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("status", [0, 400])
async def test_a_sink_that_is_started_anew_in_the_middle_gets_everything(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path, whole: bool, status: int
) -> None:
    for number in range(3):
        registry.image("team/app", f"v{number}", (b"%d" % number,))
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        if not whole:
            await synced.again()
            registry.image("team/app", "v3", (b"3",))
        opa.seen.clear()

        def forgets(method: str, path: str) -> int:
            if method == "PUT" and path.startswith("docker/") and len(opa.sent()) == 2:
                opa.documents.clear()  # and answers all the same, so that nobody notices
                return status  # what it refused before that is forgotten too
            return 0

        opa.refuse = forgets
        summary = await synced.again()
        assert summary.troubles == []
        assert tags(opa) == {"v0", "v1", "v2"} | (set() if whole else {"v3"})
        assert synced.heard.deliveries[-1][2] is True
        opa.seen.clear()
        await synced.again()
        assert opa.sent() == []


async def test_several_servers_behind_one_address_are_found_out(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    for number in range(3):
        registry.image("team/app", f"v{number}", (b"%d" % number,))
    other: dict[str, Any] = {}

    def takes_turns(method: str, path: str) -> int:
        nonlocal other
        if method == "GET":
            opa.documents, other = other, opa.documents
        return 0

    opa.refuse = takes_turns
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        summary = await synced.again()
        ((about, trouble),) = summary.troubles
        assert about == opa.url
        assert "several servers answer at this address" in trouble.text


async def test_a_sink_that_dies_in_the_middle_of_everything_gets_it_again(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    for number in range(30):
        registry.image("team/app", f"v{number}", (b"%d" % number,))
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        opa.refuse = lambda method, path: -1 if method == "PUT" and opa.count()["PUT"] > 10 else 0
        summary = await synced.again()
        assert [t.code for _, t in summary.troubles] == ["sink"]
        assert opa.at(*MARK).keys() == {"begun"}
        opa.refuse = lambda method, path: 0
        assert (await synced.again()).put == 60
        assert len(tags(opa)) == 30


async def test_a_document_that_is_refused_stops_no_other_and_is_sent_when_it_is_taken(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    for tag in ("bad", "good"):
        registry.image("team/app", tag)
    opa.refuse = lambda method, path: 400 if path.endswith("/bad") else 0
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        summary = await synced.again()
        assert summary.put == 2
        assert [(about.rpartition(":")[2], t.code) for about, t in summary.troubles] == [("bad", "sink")]
        assert tags(opa) == {"good"}
        registry.image("team/app", "later", (b"later",))
        summary = await synced.again()
        assert (summary.put, len(summary.troubles)) == (2, 1)
        assert tags(opa) == {"good", "later"}
        opa.refuse = lambda method, path: 0
        summary = await synced.again()
        assert (summary.put, summary.troubles) == (1, [])
        assert tags(opa) == {"good", "later", "bad"}
        opa.seen.clear()
        await synced.again()
        assert opa.sent() + opa.sent("DELETE") == []


async def test_a_deletion_that_is_refused_is_tried_again(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1")
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        await synced.again()
        del registry.repositories["team/app"].tags["v1"]
        opa.refuse = lambda method, path: 400 if method == "DELETE" else 0
        assert len((await synced.again()).troubles) == 2
        opa.refuse = lambda method, path: 0
        assert (await synced.again()).deleted == 2
        assert opa.at(*APP, "v1") is None


async def test_a_deletion_of_findings_that_is_refused_is_tried_again(
    registry: FakeRegistry, opa: FakeOpaData, clair: FakeClairV4, tmp_path: Path
) -> None:
    scannable(clair.world, registry, "team/app", "v1", VULNERABLE)
    async with syncing(registry, tmp_path, clair=clair, opa=opa.url) as synced:
        await synced.again()
        del registry.repositories["team/app"].tags["v1"]
        opa.refuse = lambda method, path: 400 if method == "DELETE" and path.startswith("clair/") else 0
        assert len((await synced.again()).troubles) == 2
        assert len((await synced.again()).troubles) == 2
        opa.refuse = lambda method, path: 0
        assert (await synced.again()).deleted == 2
        assert opa.at("clair", "layers") == {}
        opa.seen.clear()
        await synced.again()
        assert opa.sent() + opa.sent("DELETE") == []


async def test_another_store_leaves_nothing_of_the_one_before(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    for path in ("team/app", "team/other"):
        registry.image(path, "v1")
    (tmp_path / "one").mkdir()
    async with syncing(registry, tmp_path / "one", "team/app", "team/other", opa=opa.url) as synced:
        await synced.again()
        assert opa.at("docker", "layers", "team", "other", "v1") is not None
    (tmp_path / "two").mkdir()
    async with syncing(registry, tmp_path / "two", "team/app", opa=opa.url) as synced:
        await synced.again()
        assert synced.heard.deliveries == [(2, 0, True)]
        assert opa.at("docker", "layers", "team").keys() == {"app"}


async def _moved(registry: FakeRegistry, opa: FakeOpaData, folder: Path, layout: Layout) -> Synced:
    async with syncing(registry, folder, opa=opa.url, layout=layout) as synced:
        await synced.again(3600)
        return synced


async def test_another_layout_puts_everything_elsewhere(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1")
    await _moved(registry, opa, tmp_path, Layout(registry=registry.place))
    elsewhere = Layout(registry=registry.place, docker_root=("images",), clair_root=("findings", "by-layer"))
    synced = await _moved(registry, opa, tmp_path, elsewhere)
    assert synced.heard.deliveries == [(2, 0, True)]
    assert opa.at("docker", "layers") is None
    assert opa.at("images", "team", "app", "v1") is not None


async def test_a_sink_that_wants_a_token_says_so(registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path) -> None:
    registry.image("team/app", "v1")
    opa.refuse = lambda method, path: 401
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        summary = await synced.again()
        assert [t.code for _, t in summary.troubles] == ["sink"]
        assert "token" in summary.troubles[0][1].text
        assert synced.tag("v1") is not None


async def test_a_sink_that_another_worker_is_at_is_not_waited_for(
    registry: FakeRegistry, opa: FakeOpaData, tmp_path: Path
) -> None:
    registry.image("team/app", "v1")
    async with syncing(registry, tmp_path, opa=opa.url) as synced:
        work = synced.store.claim_sink(f"sink {opa.url}", "other", synced.clock(), timedelta(hours=1))
        assert work is not None
        summary = await synced.again()
        assert (summary.sinks_elsewhere, summary.put, summary.troubles) == ([opa.url], 0, [])
        assert opa.sent() == []
        synced.store.give_back(work)
        summary = await synced.again()
        assert (summary.sinks_elsewhere, summary.put) == ([], 2)
