"""What every registry client does, as one suite: each adapter's tests derive from it and say what it is to ask.

The server behind it may be any that keeps content: tests say what is pushed, and never look inside it.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from image_enforcer.domain.digest import Digest
from image_enforcer.domain.manifest import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    ImageIndex,
    ImageManifest,
)
from image_enforcer.domain.reference import Repository
from image_enforcer.ports.registry import Lying, NotFound, Registry

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
NOWHERE = Digest("sha256:" + "0" * 64)


class Push(Protocol):
    """How content gets to the server."""

    def blob(self, path: str, content: bytes) -> None:
        """Keep content."""

    def manifest(self, path: str, content: bytes, media_type: str, reference: str) -> None:
        """Keep a manifest, whose content is there already, under a tag or its digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A client, the host and port by which images name the server, and how content gets there."""

    client: Registry
    place: str
    push: Push


def digest(content: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def described(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(content), "size": len(content), **more}


def pushed(asked: Asked, path: str, tag: str = "", layers: tuple[bytes, ...] = (b"one", b"two"), **more: Any) -> bytes:
    """Push an image; its manifest."""
    docker = more.get("mediaType") == DOCKER_MANIFEST
    for blob in (b"{}", *layers):
        asked.push.blob(path, blob)
    said = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(b"{}", DOCKER_CONFIG if docker else OCI_CONFIG),
    }
    said |= {"layers": [described(layer, LAYER) for layer in layers], **more}
    content = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
    asked.push.manifest(path, content, DOCKER_MANIFEST if docker else OCI_MANIFEST, tag or digest(content))
    return content


class RegistryContract:
    """Derive, and give a fixture ``asked``."""

    @pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
    async def test_an_image(self, asked: Asked, media_type: str) -> None:
        content = pushed(asked, "contract/image", "v1", mediaType=media_type)
        home = Repository(registry=asked.place, path="contract/image")
        for reference in ("v1", digest(content)):
            head = await asked.client.head(home, reference)
            assert (head.digest, head.media_type, head.size) == (digest(content), media_type, len(content))
            found = await asked.client.manifest(home, reference, urgent=True)
            assert isinstance(found, ImageManifest)
            assert (found.content, found.digest) == (content, digest(content))
            assert [layer.digest for layer in found.layers] == [digest(b"one"), digest(b"two")]
            assert found.runnable

    async def test_an_image_that_does_not_say_its_type(self, asked: Asked) -> None:
        content = pushed(asked, "contract/untyped", "v1", mediaType=None)
        home = Repository(registry=asked.place, path="contract/untyped")
        assert (await asked.client.manifest(home, "v1")).media_type == OCI_MANIFEST
        assert (await asked.client.head(home, "v1")).digest == digest(content)

    @pytest.mark.parametrize(("index_type", "image_type"), [(OCI_INDEX, OCI_MANIFEST), (DOCKER_LIST, DOCKER_MANIFEST)])
    async def test_an_index(self, asked: Asked, index_type: str, image_type: str) -> None:
        home = Repository(registry=asked.place, path="contract/index")
        image = pushed(asked, home.path, mediaType=image_type)
        children = [described(image, image_type, platform={"os": "linux", "architecture": "arm64", "variant": "v8"})]
        content = json.dumps({"schemaVersion": 2, "mediaType": index_type, "manifests": children}).encode()
        asked.push.manifest(home.path, content, index_type, "multi")
        found = await asked.client.manifest(home, "multi")
        assert isinstance(found, ImageIndex)
        assert [str(child.platform) for child in found.children] == ["linux/arm64/v8"]
        assert (await asked.client.head(home, "multi")).digest == found.digest == digest(content)
        assert isinstance(await asked.client.manifest(home, found.children[0].digest), ImageManifest)

    async def test_tags(self, asked: Asked) -> None:
        home = Repository(registry=asked.place, path="contract/tags")
        for tag in ("z", "a", "v1.0-rc_1", "A"):
            pushed(asked, home.path, tag)
        assert sorted([tag async for page in asked.client.tags(home) for tag in page]) == ["A", "a", "v1.0-rc_1", "z"]

    async def test_blobs_whole_and_from_a_byte_on(self, asked: Asked) -> None:
        home = Repository(registry=asked.place, path="contract/blobs")
        content = bytes(range(256)) * 4000
        asked.push.blob(home.path, content)
        layer = Descriptor(media_type=LAYER, digest=digest(content), size=len(content))
        for start in (0, 1, 500_000, len(content) - 1, len(content)):
            assert b"".join([p async for p in asked.client.blob(home, layer, start)]) == content[start:]

    async def test_a_size_that_is_not_the_contents(self, asked: Asked) -> None:
        home = Repository(registry=asked.place, path="contract/sizes")
        asked.push.blob(home.path, b"content")
        for size in (6, 8):
            with pytest.raises(Lying):
                [
                    p
                    async for p in asked.client.blob(
                        home, Descriptor(media_type=LAYER, digest=digest(b"content"), size=size)
                    )
                ]

    async def test_what_is_not_there(self, asked: Asked) -> None:
        pushed(asked, "contract/there", "v1")
        there, nowhere = (
            Repository(registry=asked.place, path=path) for path in ("contract/there", "contract/nowhere")
        )
        for home in (there, nowhere):
            for reference in ("other", NOWHERE):
                with pytest.raises(NotFound):
                    await asked.client.manifest(home, reference)
                with pytest.raises(NotFound):
                    await asked.client.head(home, reference)
            with pytest.raises(NotFound):
                [p async for p in asked.client.blob(home, Descriptor(media_type=LAYER, digest=NOWHERE, size=1))]
        with pytest.raises(NotFound):
            [page async for page in asked.client.tags(nowhere)]

    async def test_what_can_be_no_name(self, asked: Asked) -> None:
        home = Repository(registry=asked.place, path="contract/there")
        for reference in ("", "..", "../tags/list", "a b", "a\r\nX: y", "a?b", "a#b", "sha256:abc", "é", "a" * 129):
            with pytest.raises(NotFound):
                await asked.client.head(home, reference)
        for path in ("", "../x", "a/../b", "A", "a//b", "a?b", "a\r\nX: y", "/a", "a/"):
            with pytest.raises(NotFound):
                await asked.client.manifest(Repository(registry=asked.place, path=path), "v1")
            with pytest.raises(NotFound):
                [page async for page in asked.client.tags(Repository(registry=asked.place, path=path))]
        with pytest.raises(NotFound):
            await asked.client.head(Repository(registry=f"{asked.place}@evil.example", path="a"), "v1")

    async def test_referrers(self, asked: Asked) -> None:
        """On a server without an interface for them, they stand under a tag, which is for clients to keep."""
        home = Repository(registry=asked.place, path="contract/referrers")
        subject = pushed(asked, home.path, "v1")
        assert await asked.client.referrers(home, digest(subject)) == ()
        found: list[dict[str, Any]] = []
        for kind in ("application/signature", "application/sbom"):
            content = pushed(asked, home.path, subject=described(subject, OCI_MANIFEST), artifactType=kind)
            found.append(described(content, OCI_MANIFEST, artifactType=kind))
        index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}).encode()
        asked.push.manifest(home.path, index, OCI_INDEX, digest(subject).replace(":", "-"))
        every = await asked.client.referrers(home, digest(subject))
        assert {d.artifact_type for d in every} == {"application/signature", "application/sbom"}
        [one] = await asked.client.referrers(home, digest(subject), "application/sbom")
        assert one.digest == found[1]["digest"]

    async def test_where_somebody_else_finds_content(self, asked: Asked) -> None:
        pushed(asked, "contract/location", "v1")
        home = Repository(registry=asked.place, path="contract/location")
        layer = Descriptor(media_type=LAYER, digest=digest(b"one"), size=3)
        found = await asked.client.location(home, layer)
        assert found.url.endswith(f"{asked.place}/v2/contract/location/blobs/{digest(b'one')}")
        with pytest.raises(NotFound):
            await asked.client.location(home, Descriptor(media_type=LAYER, digest=NOWHERE, size=3))

    async def test_closed_it_can_be_asked_again(self, asked: Asked) -> None:
        pushed(asked, "contract/closing", "v1")
        home = Repository(registry=asked.place, path="contract/closing")
        await asked.client.head(home, "v1")
        await asked.client.close()
        await asked.client.head(home, "v1")
        await asked.client.close()
        await asked.client.close()
