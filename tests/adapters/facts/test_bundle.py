"""Bundles of documents: what stands in them and where, also where keys are odd, and that one tells of one revision."""

import io
import json
import tarfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.adapters.facts import bundle
from image_enforcer.analysis.documents import Layout
from image_enforcer.domain.facts import Changes, Entry, Kind
from image_enforcer.domain.manifest import Platform
from image_enforcer.domain.reference import Repository
from image_enforcer.opa import bundles
from image_enforcer.ports.facts import FactsError

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
ONE, TWO, INDEX, HALF, LONE, MIXED = (f"sha256:{digit * 64}" for digit in "123456")
LAYERS = {ONE: ["sha256:" + "a" * 64], TWO: ["sha256:" + "a" * 64, "sha256:" + "b" * 64]}
HUB = Layout(registry="docker.io")
LAYER = {"Layer": {"Name": "n"}}


def described(digest: str) -> dict[str, Any]:
    return {"digest": digest, "size": 1, "media_type": "application/octet-stream"}


def image(digest: str) -> dict[str, Any]:
    return {
        "kind": "image", "media_type": "m", "size": 1, "config": described("sha256:" + "c" * 64), "runnable": True,
        "layers": [described(layer) for layer in LAYERS[digest]],
    }  # fmt: skip


def index(*digests: str, architecture: str = "") -> dict[str, Any]:
    """An index of images; with ``architecture``, the first is for that one and the others are for s390x."""
    children = [described(d) for d in digests]
    for child, name in zip(children, [architecture, *["s390x"] * len(children)], strict=False):
        if architecture:
            child["platform"] = {"os": "linux", "architecture": name}
    return {"kind": "index", "media_type": "i", "children": children}


def entry(kind: Kind, key: str, value: Any, revision: int = 1) -> Entry:
    return Entry(kind=kind, key=key, value=None if value is None else json.dumps(value).encode(), revision=revision)


MANIFESTS = [
    entry(Kind.MANIFEST, ONE, image(ONE)), entry(Kind.MANIFEST, TWO, image(TWO)),
    entry(Kind.MANIFEST, INDEX, index(ONE, TWO)), entry(Kind.MANIFEST, HALF, index(ONE, LONE)),
]  # fmt: skip


def changes(since: int, entries: Iterable[Entry], *, newest: int = 0, epoch: str = "e") -> Changes:
    told = tuple(entries)
    revision = max([since, *(e.revision for e in told)])
    return Changes(
        epoch=epoch, since=since, began=0, revision=revision, newest=newest or revision, entries=told
    )  # fmt: skip


def tag(name: str, digest: str | None = ONE, revision: int = 1) -> Entry:
    return entry(Kind.TAG, name, {"digest": digest}, revision)


def made(*batches: Changes, layout: Layout = HUB, as_of: datetime = NOON) -> tuple[str, bytes]:
    file = io.BytesIO()
    etag = bundle.make(file, batches, as_of, layout)
    return etag, file.getvalue()


def unpacked(content: bytes) -> dict[str, Any]:
    """The files of a bundle, decoded. Of no object a key may stand twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        assert len(found) == len(pairs)
        return found

    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as tar:
        members = tar.getmembers()
        assert all(member.isfile() for member in members)
        return {m.name: json.loads(tar.extractfile(m).read(), object_pairs_hook=once) for m in members}  # type: ignore[union-attr]


def data(*entries: Entry, layout: Layout = HUB) -> Any:
    """The documents of these entries beside some manifests."""
    return unpacked(made(changes(0, [*MANIFESTS, *entries]), layout=layout)[1])["data.json"]


def layers(document: dict[str, Any]) -> list[str]:
    return [layer["digest"] for layer in document["layers"]]


def test_documents_stand_where_policies_look() -> None:
    layer = {"Layer": {"Name": LAYERS[ONE][0], "Features": [{"Name": "ä"}]}}
    found = data(
        tag("docker.io/library/nginx:1"), tag("docker.io/library/nginx:2", TWO), tag("docker.io/a/b/c:1", INDEX),
        tag("other:5000/library/nginx:1", TWO), entry(Kind.HELD, f"docker.io/library/nginx@{TWO}", {"digest": TWO}),
        entry(Kind.LAYER, LAYERS[ONE][0], layer),
    )  # fmt: skip
    nginx = found["docker"]["layers"]["library"]["nginx"]
    assert {name: layers(document) for name, document in nginx.items()} == {
        "1": LAYERS[ONE], "2": LAYERS[TWO], TWO: LAYERS[TWO]
    }  # fmt: skip
    assert nginx["2"]["schemaVersion"] == 2
    assert set(layers(found["docker"]["layers"]["a"]["b"]["c"]["1"])) == set(LAYERS[TWO])
    assert layers(found["docker"]["registries"]["other:5000"]["library/nginx"]["1"]) == LAYERS[TWO]
    assert found["clair"] == {"layers": {LAYERS[ONE][0]: layer}}


def test_what_is_not_known_has_no_document_or_one_without_layers() -> None:
    found = data(
        tag("docker.io/a:nowhere", None), tag("docker.io/a:unfetched", LONE), tag("docker.io/a:half", HALF),
        tag("docker.io/b:nowhere", None),
    )  # fmt: skip
    assert set(found["docker"]["layers"]) == {"a"}
    assert set(found["docker"]["layers"]["a"]) == {"half"}
    assert "layers" not in found["docker"]["layers"]["a"]["half"]
    assert data() == {}


def test_what_no_node_runs_does_not_count() -> None:
    nodes = (Platform(os="linux", architecture="amd64"),)
    entries = [entry(Kind.MANIFEST, MIXED, index(TWO, LONE, architecture="amd64")), tag("docker.io/a:1", MIXED)]
    document = data(*entries, layout=Layout(registry="docker.io", nodes=nodes))["docker"]["layers"]["a"]["1"]
    assert layers(document) == LAYERS[TWO]
    assert "layers" not in data(*entries)["docker"]["layers"]["a"]["1"]


BAD = [
    (Kind.TAG, "docker.io/a:1", {"digest": 3}), (Kind.TAG, "docker.io/a:1", {}), (Kind.HELD, "docker.io/a@x", []),
    (Kind.LAYER, LONE, {"Layer": {}}), (Kind.MANIFEST, ONE, {"kind": "image"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "key", "value"), BAD)
def test_what_is_no_fact_is_in_no_bundle(kind: Kind, key: str, value: Any) -> None:
    with pytest.raises(FactsError, match="workers of this version"):
        made(changes(0, [tag("docker.io/b:1"), *MANIFESTS, entry(kind, key, value)]))


def test_what_is_no_json_cannot_write_other_documents() -> None:
    text = b'{"Layer":{"Name":"n"}},"docker":{"layers":{}}'
    with pytest.raises(FactsError, match="no layer"):
        made(changes(0, [Entry(kind=Kind.LAYER, key=LONE, value=text, revision=1)]))


def test_the_manifest_names_the_revision_and_just_these_roots(tmp_path: Path) -> None:
    layout = Layout(registry="docker.io", docker_root=("images",), clair_root=("scans", "clair"))
    etag, content = made(changes(0, [*MANIFESTS, tag("docker.io/a:1", revision=7)]), layout=layout)
    files = unpacked(content)
    assert files[".manifest"] == {
        "revision": "e:7", "roots": ["images", "scans/clair", "docker/registries", "image_enforcer/facts"]
    }  # fmt: skip
    assert files["image_enforcer/facts/data.json"] == {"epoch": "e", "revision": 7, "as_of": NOON.isoformat()}
    assert set(files) == {".manifest", "image_enforcer/facts/data.json", "data.json"}
    assert etag.startswith('"e:7:')
    place = tmp_path / "bundle.tar.gz"
    place.write_bytes(content)
    read = bundles.read_bundle(str(place))
    assert (read.manifest.revision, set(read.manifest.roots)) == ("e:7", set(files[".manifest"]["roots"]))


ROOTS = [
    {"docker_root": ("docker",)}, {"docker_root": ("clair", "layers", "x")}, {"clair_root": ("docker", "layers")},
    {"clair_root": ("image_enforcer",)}, {"docker_root": ("a%41",)},
]  # fmt: skip


@pytest.mark.parametrize("roots", ROOTS)
def test_roots_that_opa_would_not_take_are_refused(roots: dict[str, Any]) -> None:
    with pytest.raises(FactsError, match="layer_root and clair_root"):
        made(changes(0, []), layout=Layout(registry="docker.io", **roots))


def test_the_same_documents_are_the_same_bytes_and_others_have_another_etag() -> None:
    first = made(changes(0, [*MANIFESTS, tag("docker.io/a:1")]))
    again = made(changes(0, [tag("docker.io/a:1")], newest=2), changes(1, [*MANIFESTS]))
    assert again == first
    elsewhere = [entry(Kind.REPOSITORY, "docker.io/a", {}, 9), entry(Kind.SCAN, ONE, {}, 8)]
    assert made(changes(0, [*MANIFESTS, tag("docker.io/a:1"), *elsewhere])) == first
    others = [
        made(changes(0, [*MANIFESTS, tag("docker.io/a:1", revision=2)])),
        made(changes(0, [*MANIFESTS, tag("docker.io/a:2")])),
        made(changes(0, [*MANIFESTS, tag("docker.io/a:1")], epoch="f")),
        made(changes(0, [*MANIFESTS, tag("docker.io/a:1")]), as_of=NOON + timedelta(hours=1)),
        made(changes(0, [*MANIFESTS, tag("docker.io/a:1")]), layout=Layout(registry="other")),
    ]
    assert len({first[0], *(etag for etag, _ in others)}) == 6


def test_what_comes_later_holds_and_what_is_gone_goes() -> None:
    _, content = made(
        changes(0, [*MANIFESTS, tag("docker.io/a:1"), tag("docker.io/a:2"), tag("docker.io/b:1")], newest=3),
        changes(1, [tag("docker.io/a:1", TWO, 2), entry(Kind.TAG, "docker.io/b:1", None, 3)]),
    )
    files = unpacked(content)
    found = files["data.json"]["docker"]["layers"]
    assert {name: layers(document) for name, document in found["a"].items()} == {"1": LAYERS[TWO], "2": LAYERS[ONE]}
    assert set(found) == {"a"}
    assert files[".manifest"]["revision"] == "e:3"


@pytest.mark.parametrize("second", [changes(1, [], epoch="f"), changes(0, [])])
def test_no_bundle_is_of_two_states(second: Changes) -> None:
    with pytest.raises(FactsError, match="try again"):
        made(changes(0, [tag("docker.io/a:1")], newest=2), second)


def test_where_one_document_would_lie_around_another_it_has_a_place_of_its_own() -> None:
    found = data(tag("docker.io/a:b"), tag("docker.io/a/b:c", TWO), tag("docker.io/a:bb"), tag("docker.io/a/b:b", TWO))
    assert set(found["docker"]["layers"]["a"]) == {"b", "bb"}
    assert set(found["docker"]["layers"]["a"]["b"]) == {"b", "c"}
    assert layers(found["docker"]["registries"]["docker.io"]["a"]["b"]) == LAYERS[ONE]
    followed = frozenset(Repository(registry="docker.io", path=path) for path in ("a", "a/b"))
    found = data(tag("docker.io/a:b"), layout=Layout(registry="docker.io", repositories=followed))
    assert layers(found["docker"]["registries"]["docker.io"]["a"]["b"]) == LAYERS[ONE]
    found = data(
        tag("docker.io/a:b"), tag("docker.io/a/b:c", TWO), layout=Layout(registry="docker.io", repositories=followed)
    )
    assert set(found["docker"]["layers"]["a"]["b"]) == {"c"}
    assert layers(found["docker"]["registries"]["docker.io"]["a"]["b"]) == LAYERS[ONE]


ODD = ["..", ".", "../../x", 'a"]},{', "%2e%2e", "\x00", "\n", "data.json", ".manifest", "p.rego", "é\U0001f600", "\\"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_stay_in_their_places(name: str) -> None:
    _, content = made(changes(0, [
        *MANIFESTS, tag(f"docker.io/x/{name}:{name}"), tag(f"other/x/{name}:{name}"), entry(Kind.LAYER, name, LAYER),
    ]))  # fmt: skip
    files = unpacked(content)
    assert set(files) == {".manifest", "image_enforcer/facts/data.json", "data.json"}
    found = files["data.json"]
    below = found["docker"]["layers"]["x"]
    for step in [*name.split("/"), name]:
        below = below[step]
    assert layers(below) == LAYERS[ONE]
    assert layers(found["docker"]["registries"]["other"][f"x/{name}"][name]) == LAYERS[ONE]
    assert found["clair"] == {"layers": {name: LAYER}}


STEP = st.text(alphabet='ab"\\,]}{[\n\x00é.%', min_size=1, max_size=3)


@given(st.lists(st.tuples(st.sampled_from(["docker.io", "o"]), st.lists(STEP, min_size=1, max_size=3), STEP)))
def test_any_names_come_to_the_documents_that_they_name(names: list[tuple[str, list[str], str]]) -> None:
    keys = {f"{registry}/{'/'.join(path)}:{name}": (registry, path, name) for registry, path, name in names}
    wanted: dict[str, Any] = {}
    taken = {tuple(path[:n]) for registry, path, _ in keys.values() if registry == "docker.io" for n in range(1, 4)}
    paths = [
        ("docker", "layers", *path, name) if registry == "docker.io" and (*path, name) not in taken else
        ("docker", "registries", registry, "/".join(path), name)
        for registry, path, name in keys.values()
    ]  # fmt: skip
    for path in sorted(paths, key=len, reverse=True):
        below = wanted
        for step in path[:-1]:
            below = below.setdefault(step, {})
        below.setdefault(path[-1], LAYERS[ONE])

    def lists(found: Any) -> Any:
        return layers(found) if "schemaVersion" in found else {k: lists(v) for k, v in found.items()}

    assert lists(data(*map(tag, keys))) == wanted
