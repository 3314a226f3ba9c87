"""Manifests: what they say, what contradicts itself, what Go would read otherwise, and any bytes whatever."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_enforcer.analysis import digest, manifest
from image_enforcer.analysis.manifest import BadManifest, UnsupportedManifest, parse
from image_enforcer.domain.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA_1,
    SIGNED_SCHEMA_1,
    ImageIndex,
    ImageManifest,
    LegacyManifest,
    Platform,
)

LAYER = {"mediaType": "application/layer", "digest": "sha256:" + "a" * 64, "size": 3}
CONFIG = {"mediaType": OCI_CONFIG, "digest": "sha256:" + "c" * 64, "size": 2}
IMAGE: dict[str, Any] = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
INDEX: dict[str, Any] = {"schemaVersion": 2, "manifests": [{**LAYER, "mediaType": OCI_MANIFEST}]}


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def test_an_image() -> None:
    said = {**IMAGE, "artifactType": "a/b", "subject": LAYER, "annotations": {"Layers": "x", "layers": "y"}}
    content = encoded(said)
    found = parse(content, f"{OCI_MANIFEST}; charset=utf-8", digest.of(content))
    assert isinstance(found, ImageManifest)
    assert found.content == content
    assert found.subject is not None
    assert [layer.size for layer in found.layers] == [3]
    assert not found.runnable
    plain = parse(encoded(IMAGE), OCI_MANIFEST.upper())
    assert isinstance(plain, ImageManifest)
    assert plain.runnable


def test_an_index() -> None:
    platforms = [
        {"os": "linux", "architecture": "amd64"}, {"os": "windows", "architecture": "amd64", "os.version": "10.0.1"},
        {"os": "unknown", "architecture": "unknown"}, None,
    ]  # fmt: skip
    content = encoded({**INDEX, "manifests": [{**LAYER, "platform": platform} for platform in platforms]})
    found = parse(content, OCI_INDEX)
    assert isinstance(found, ImageIndex)
    assert [str(child.platform) for child in found.children] == [
        "linux/amd64",
        "windows/amd64",
        "unknown/unknown",
        "None",
    ]
    assert found.children[1].platform == Platform(os="windows", architecture="amd64", os_version="10.0.1")
    assert len(found.platforms) == 3


@pytest.mark.parametrize("media_type", [SCHEMA_1, SIGNED_SCHEMA_1])
def test_schema_1(media_type: str) -> None:
    expected = digest.of(b"what is signed")
    found = parse(encoded({"schemaVersion": 1, "fsLayers": []}), media_type, expected)
    assert isinstance(found, LegacyManifest)
    assert found.digest == expected


@pytest.mark.parametrize(
    ("said", "content_type", "expected"),
    [
        (IMAGE, OCI_MANIFEST, OCI_MANIFEST),
        ({**IMAGE, "mediaType": OCI_MANIFEST}, OCI_MANIFEST, OCI_MANIFEST),
        ({**IMAGE, "mediaType": DOCKER_MANIFEST}, "", DOCKER_MANIFEST),
        ({**IMAGE, "mediaType": OCI_MANIFEST}, "application/json; x=y", OCI_MANIFEST),
        ({**IMAGE, "mediaType": None, "manifests": None}, OCI_MANIFEST, OCI_MANIFEST),
        ({**INDEX, "mediaType": DOCKER_LIST}, "text/plain", DOCKER_LIST),
    ],
)
def test_which_type_it_is(said: Any, content_type: str, expected: str) -> None:
    assert parse(encoded(said), content_type).media_type == expected


@pytest.mark.parametrize(
    ("said", "content_type"),
    [
        ({**IMAGE, "mediaType": DOCKER_MANIFEST}, OCI_MANIFEST), ({**IMAGE, "mediaType": OCI_INDEX}, OCI_MANIFEST),
        ({**INDEX, "mediaType": OCI_MANIFEST}, OCI_INDEX), (IMAGE, OCI_INDEX), (INDEX, OCI_MANIFEST),
        ({**IMAGE, "manifests": []}, OCI_MANIFEST), ({**INDEX, "layers": []}, OCI_INDEX),
        ({**INDEX, "config": {}}, OCI_INDEX), ({**IMAGE, "fsLayers": []}, OCI_MANIFEST),
        ({**IMAGE, "mediaType": "x"}, SCHEMA_1),
    ],
)  # fmt: skip
def test_what_contradicts_itself(said: Any, content_type: str) -> None:
    with pytest.raises(BadManifest):
        parse(encoded(said), content_type)


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/vnd.oci.artifact.manifest.v1+json", "application/json", ""]
)
def test_types_that_no_image_has(content_type: str) -> None:
    with pytest.raises(UnsupportedManifest):
        parse(encoded(IMAGE), content_type)


@pytest.mark.parametrize(
    "said",
    [
        {**IMAGE, "Layers": []}, {**IMAGE, "LAYERS": [LAYER]}, {**IMAGE, "layerſ": []},
        {**IMAGE, "mediatype": OCI_MANIFEST},
        {**IMAGE, "SchemaVersion": 1}, {**IMAGE, "Manifests": []}, {**IMAGE, "layers": [{**LAYER, "Digest": "x"}]},
        {**IMAGE, "config": {**CONFIG, "SIZE": 1}}, {**IMAGE, "subject": {**LAYER, "digeſt": "x"}},
        {**IMAGE, "layers": [{**LAYER, "platform": {"OS": "linux"}}]},
    ],
)  # fmt: skip
def test_what_go_would_read_otherwise(said: Any) -> None:
    with pytest.raises(BadManifest, match="some read as"):
        parse(encoded(said), OCI_MANIFEST)


@pytest.mark.parametrize("twice", [b'"layers": []', b'"schemaVersion": 2', b'"x": {"a": 1, "a": 2}', b'"x": 1, "x": 1'])
def test_what_is_said_twice(twice: bytes) -> None:
    with pytest.raises(BadManifest, match="twice"):
        parse(encoded(IMAGE)[:-1] + b", " + twice + b"}", OCI_MANIFEST)


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 1}, {"schemaVersion": "2"}, {"layers": None}, {"layers": [None]}, {"config": None},
        {"layers": [{**LAYER, "size": -1}]}, {"layers": [{**LAYER, "size": 1 << 51}]},
        {"layers": [{**LAYER, "size": 1 << 70}]},
        {"layers": [{**LAYER, "size": "3"}]}, {"layers": [{**LAYER, "digest": "sha256:A"}]}, {"layers": [LAYER] * 1001},
        {"layers": [{"digest": LAYER["digest"], "size": 1}]}, {"layers": [{**LAYER, "annotations": {"a": 1}}]},
        {"subject": {**LAYER, "digest": "x"}}, {"subject": []}, {"artifactType": 7},
    ],
)  # fmt: skip
def test_what_cannot_be_read(change: dict[str, Any]) -> None:
    with pytest.raises(BadManifest) as caught:
        parse(encoded({**IMAGE, **change}), OCI_MANIFEST)
    assert len(str(caught.value)) < 400


def test_bounds() -> None:
    with pytest.raises(BadManifest, match="more than 1000 manifests"):
        parse(encoded({**INDEX, "manifests": [LAYER] * 1001}), OCI_INDEX)
    with pytest.raises(BadManifest, match="larger"):
        parse(b" " * (manifest.MAX_SIZE + 1), OCI_MANIFEST)


LONG = "a/" + "x" * 254


@pytest.mark.parametrize(
    ("said", "content_type", "name"),
    [
        ({**IMAGE, "layers": [{**LAYER, "mediaType": LONG}]}, OCI_MANIFEST, "mediaType"),
        ({**IMAGE, "config": {**CONFIG, "mediaType": LONG}}, OCI_MANIFEST, "mediaType"),
        ({**IMAGE, "artifactType": LONG}, OCI_MANIFEST, "artifactType"),
        ({**INDEX, "manifests": [{**LAYER, "artifactType": LONG}]}, OCI_INDEX, "artifactType"),
        *(
            (
                {**INDEX, "manifests": [{**LAYER, "platform": {"os": "a", "architecture": "b", name: LONG}}]},
                OCI_INDEX, name,
            )
            for name in ("os", "architecture", "variant", "os.version")
        ),
    ],
)  # fmt: skip
def test_words_that_are_too_long_are_refused_and_stay_where_they_were_taken(
    said: dict[str, Any], content_type: str, name: str
) -> None:
    with pytest.raises(BadManifest, match=f"^{name} .* in it is longer than 255 characters$"):
        parse(encoded(said), content_type)
    assert manifest.stored(encoded(said), content_type).content == encoded(said)
    parse(encoded(said).replace(LONG.encode(), LONG[:-1].encode()), content_type)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_the_digest_that_was_asked_for(algorithm: str) -> None:
    content = encoded(IMAGE)
    assert parse(content, OCI_MANIFEST, digest.of(content, algorithm)).digest == digest.of(content, algorithm)
    with pytest.raises(BadManifest, match="its digest is"):
        parse(content, OCI_MANIFEST, digest.of(b"other", algorithm))


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*IMAGE, *LAYER, "manifests"]), inner, max_size=4)
    ),
)  # fmt: skip
TYPES = st.sampled_from([OCI_MANIFEST, OCI_INDEX, DOCKER_LIST, DOCKER_MANIFEST, SCHEMA_1, "", "application/json"])


@given(
    st.binary(max_size=100) | JSON.map(encoded) | JSON.map(lambda j: encoded({**IMAGE, "x": j, "subject": j})),
    TYPES | st.text(max_size=20),
)
@example(b"[" * 100_000, OCI_MANIFEST)
@example(b'{"x":' * 100_000, OCI_MANIFEST)
@example(b'{"layers":' + b"[" * 1_000_000, OCI_MANIFEST)
@example(b'{"x":' + b"9" * 5000 + b"}", SCHEMA_1)
@example(b'{"x":NaN}', SCHEMA_1)
@example(b'{"mediaType":"\\ud800"}', "")
def test_any_bytes_are_a_manifest_or_a_named_error(content: bytes, content_type: str) -> None:
    try:
        found = parse(content, content_type)
    except (BadManifest, UnsupportedManifest):
        return
    assert found.content == content
    assert found.digest == digest.of(content)
