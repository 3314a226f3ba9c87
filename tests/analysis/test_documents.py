"""The documents of older policies: where they are put, and what stands in them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.analysis.documents import Layout, children, manifest_document
from image_enforcer.domain.manifest import Platform
from image_enforcer.domain.reference import Repository

HUB = "docker.io"


def hub(path: str) -> Repository:
    return Repository(registry=HUB, path=path)


def layout(*paths: str) -> Layout:
    return Layout(registry=HUB, repositories=frozenset(map(hub, paths)))


def image(*layers: str) -> dict[str, Any]:
    content = {"size": 1, "media_type": "application/x"}
    return {
        "kind": "image", "media_type": "application/image", "size": 2, "runnable": True,
        "config": {"digest": "sha256:c", **content}, "layers": [{"digest": layer, **content} for layer in layers],
    }  # fmt: skip


def index(*digests: str, attestations: tuple[str, ...] = ()) -> dict[str, Any]:
    listed = [{"digest": d, "media_type": "m", "platform": {"os": "linux", "architecture": d}} for d in digests]
    listed += [
        {"digest": d, "media_type": "m", "platform": {"os": "unknown", "architecture": "unknown"}} for d in attestations
    ]
    return {"kind": "index", "media_type": "application/index", "children": listed}


def read(document: bytes | None) -> Any:
    return None if document is None else json.loads(document)


def test_the_one_registry_has_paths_without_a_name() -> None:
    places = layout("library/nginx")
    assert places.image(hub("library/nginx"), "1.27") == ("docker", "layers", "library", "nginx", "1.27")
    assert places.layer("sha256:a") == ("clair", "layers", "sha256:a")


def test_another_registry_never_lands_among_them() -> None:
    evil = Repository(registry="evil.example", path="library/nginx")
    places = Layout(registry=HUB, repositories=frozenset({hub("library/nginx"), evil}))
    assert places.image(evil, "1.27") == ("docker", "registries", "evil.example", "library/nginx", "1.27")
    assert places.image(hub("library/nginx"), "1.27")[:2] == ("docker", "layers")


def test_a_tag_that_would_run_into_a_repository_has_a_place_of_its_own() -> None:
    places = layout("a", "a/b", "a/b/c", "a/bc")
    assert places.image(hub("a"), "b") == ("docker", "registries", HUB, "a", "b")
    assert places.image(hub("a/b"), "c") == ("docker", "registries", HUB, "a/b", "c")
    assert places.image(hub("a"), "c") == ("docker", "layers", "a", "c")
    assert places.image(hub("a/b"), "b") == ("docker", "layers", "a", "b", "b")


@pytest.mark.parametrize("tag", ["layers", "config", "manifests", "schemaVersion", "fsLayers"])
def test_a_tag_makes_no_repository_look_like_a_manifest(tag: str) -> None:
    places = layout("team/app", "team/app/v1")
    assert places.image(hub("team/app/v1"), tag) == ("docker", "registries", HUB, "team/app/v1", tag)
    assert places.image(hub("other"), tag) == ("docker", "registries", HUB, "other", tag)
    below = f"team/app/v1/{tag}/more"
    places = layout("team/app", below)
    assert places.image(hub(below), "x") == ("docker", "registries", HUB, below, "x")
    assert places.image(hub("team/app"), "v1") == ("docker", "layers", "team", "app", "v1")
    assert layout(f"{tag}/app").image(hub(f"{tag}/app"), "x") == ("docker", "layers", tag, "app", "x")


def test_a_layout_has_another_name_where_anything_is_elsewhere() -> None:
    found = {
        layout("a").name, layout("a", "a/b").name, Layout(registry="other.example").name,
        Layout(registry=HUB, docker_root=("x",)).name, Layout(registry=HUB, clair_root=("x",)).name,
    }  # fmt: skip
    assert len(found) == 5
    assert layout("a", "a/b").name == layout("a/b", "a").name
    # One more repository that is in nobody's way moves nothing.
    assert layout("a").name == layout("a", "b").name == layout().name
    assert layout("a", "a/b").name == layout("a", "a/b", "c", "a/layers").name


step = st.sampled_from(["a", "b", "c", "ab"])
paths = st.lists(step, min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(st.sampled_from([HUB, "evil.example"]), paths, step), min_size=2, max_size=12, unique=True))
def test_no_document_lies_within_another(images: list[tuple[str, str, str]]) -> None:
    repositories = {Repository(registry=registry, path=path) for registry, path, _ in images}
    places = Layout(registry=HUB, repositories=frozenset(repositories))
    found = [places.image(Repository(registry=registry, path=path), tag) for registry, path, tag in images]
    assert len(set(found)) == len(images)
    for one in found:
        for other in found:
            assert one is other or other[: len(one)] != one


def test_an_image_is_docker_schema_2() -> None:
    document = read(manifest_document("sha256:i", {"sha256:i": image("sha256:l1", "sha256:l2")}))
    assert (document["schemaVersion"], document["mediaType"]) == (2, "application/image")
    assert document["config"] == {"digest": "sha256:c", "mediaType": "application/x", "size": 1}
    assert [layer["digest"] for layer in document["layers"]] == ["sha256:l1", "sha256:l2"]


def test_an_index_has_the_layers_of_all_its_images() -> None:
    manifests = {
        "sha256:x": index("sha256:a", "sha256:b", attestations=("sha256:s",)),
        "sha256:a": image("sha256:base", "sha256:1"), "sha256:b": image("sha256:base", "sha256:2"),
    }  # fmt: skip
    document = read(manifest_document("sha256:x", manifests))
    assert [layer["digest"] for layer in document["layers"]] == ["sha256:base", "sha256:1", "sha256:2"]
    assert [m["digest"] for m in document["manifests"]] == ["sha256:a", "sha256:b"]
    assert children(manifests["sha256:x"]) == ("sha256:a", "sha256:b")
    assert children(manifests["sha256:a"]) == ()


def test_an_index_without_one_of_its_images_has_no_layers() -> None:
    manifests = {"sha256:x": index("sha256:a", "sha256:b"), "sha256:a": image("sha256:1")}
    assert "layers" not in read(manifest_document("sha256:x", manifests))
    assert "layers" not in read(manifest_document("sha256:e", {"sha256:e": index()}))
    nested = {"sha256:x": index("sha256:y"), "sha256:y": index("sha256:a"), "sha256:a": image("sha256:1")}
    assert "layers" not in read(manifest_document("sha256:x", nested))


@pytest.mark.parametrize("flaw", [{"runnable": False}, {"layers": []}])
def test_what_cannot_run_has_no_layers_nor_an_index_of_it(flaw: dict[str, Any]) -> None:
    manifests = {
        "sha256:x": index("sha256:a", "sha256:b"),
        "sha256:a": image("sha256:1"),
        "sha256:b": image("sha256:2"),
    }
    assert "layers" in read(manifest_document("sha256:x", manifests))
    manifests["sha256:b"] |= flaw
    assert "layers" not in read(manifest_document("sha256:x", manifests))
    assert "layers" not in read(manifest_document("sha256:b", manifests))


def test_what_no_node_runs_is_left_out() -> None:
    nodes = (Platform(os="linux", architecture="sha256:a"),)
    manifests = {"sha256:x": index("sha256:a", "sha256:b"), "sha256:a": image("sha256:1")}
    document = read(manifest_document("sha256:x", manifests, nodes))
    assert [layer["digest"] for layer in document["layers"]] == ["sha256:1"]
    assert [m["digest"] for m in document["manifests"]] == ["sha256:a"]
    assert children(manifests["sha256:x"], nodes) == ("sha256:a",)
    assert Layout(registry=HUB, nodes=nodes).name != layout().name


def test_what_is_not_known_has_no_document_and_schema_1_no_layers() -> None:
    assert manifest_document("sha256:x", {}) is None
    legacy = {"kind": "legacy", "media_type": "application/old"}
    assert read(manifest_document("sha256:x", {"sha256:x": legacy})) == {
        "schemaVersion": 1, "mediaType": "application/old"
    }  # fmt: skip
