"""Manifests and indexes, read from the bytes that a registry gave.

Source: OCI image specification (manifest.md, image-index.md, descriptor.md); distribution specification, "pulling
manifests": the type is the ``Content-Type``, and a ``mediaType`` inside must say the same. A document that can be read
as two kinds at once is refused (CVE-2021-41190), and so is one that runtimes, which are written in Go, read otherwise:
there the case of names does not matter, and of two names that are alike the last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, TypeVar

import msgspec

from ..domain.digest import Digest
from ..domain.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA_1,
    SIGNED_SCHEMA_1,
    Descriptor,
    ImageIndex,
    ImageManifest,
    LegacyManifest,
    Manifest,
    Platform,
)
from . import digest, text

MAX_SIZE: Final = 4 << 20
"""Bytes of a manifest: what the specification wants every registry to take."""
MAX_LAYERS: Final = 1000
MAX_CHILDREN: Final = 1000
MAX_WORD: Final = 255
"""Characters of a media type, as RFC 6838 (4.2), to which the specification refers, has it; also of what else is told
of a descriptor."""
MAX_CONTENT: Final = 1 << 50
"""Bytes that a descriptor may promise."""
_INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
_IMAGES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
_LEGACY: Final = frozenset({SCHEMA_1, SIGNED_SCHEMA_1})
ACCEPTED: Final = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST, SIGNED_SCHEMA_1, SCHEMA_1)
"""All that a client has to say it takes; a registry that is told less answers with less, or that there is nothing."""
_SAYS_NOTHING: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})


class BadManifest(ValueError):
    """Bytes that are not the manifest that they are said to be."""


class UnsupportedManifest(ValueError):
    """A document of a type that no image has."""


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str | None = None
    os_version: str | None = msgspec.field(name="os.version", default=None)


class _Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    digest: str
    size: int
    platform: _Platform | None = None
    urls: tuple[str, ...] | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


_ABSENT: Final = msgspec.Raw()


class _Kind(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int = 0
    media_type: str | None = None
    manifests: msgspec.Raw = _ABSENT
    layers: msgspec.Raw = _ABSENT
    config: msgspec.Raw = _ABSENT
    fs_layers: msgspec.Raw = _ABSENT

    def has(self, *names: str) -> bool:
        """Whether it says anything under one of the names."""
        return any(bytes(getattr(self, name)) not in (b"", b"null") for name in names)


class _Image(msgspec.Struct, frozen=True, rename="camel"):
    config: _Descriptor
    layers: tuple[_Descriptor, ...]
    artifact_type: str | None = None
    subject: _Descriptor | None = None


class _Index(msgspec.Struct, frozen=True, rename="camel"):
    manifests: tuple[_Descriptor, ...]
    subject: _Descriptor | None = None


def parse(content: bytes, content_type: str, expected: Digest | None = None) -> Manifest:
    """A manifest from its bytes and the header that came with them.

    ``expected`` is the digest that was asked for. Without one, the digest is made with sha256. Raises
    :class:`BadManifest` and :class:`UnsupportedManifest`.
    """
    found = stored(content, content_type, expected)
    _bounded(found)
    return found


def stored(content: bytes, content_type: str, expected: Digest | None = None) -> Manifest:
    """A manifest that was taken once, by this version or an earlier one: words in it may be of any length."""
    if len(content) > MAX_SIZE:
        raise BadManifest(f"it is larger than {MAX_SIZE} bytes")
    kind = _read(content, _Kind)
    _unambiguous(content)
    media_type = _media_type(content_type, kind)
    if media_type in _LEGACY:
        # Its digest is that of the part which is signed, in a form of its own; nothing is judged by it.
        return LegacyManifest(digest=expected or digest.of(content), media_type=media_type, content=content)
    found = digest.of(content, expected.partition(":")[0] if expected else "sha256")
    if expected is not None and found != expected:
        raise BadManifest(f"its digest is {found}, not {expected}")
    if kind.schema_version != 2:
        raise BadManifest(f"its schemaVersion is {kind.schema_version}, not 2")
    if media_type in _INDEXES:
        if kind.has("layers", "config", "fs_layers"):
            raise BadManifest("it can be read as an index and as an image")
        return _index(content, media_type, found)
    if kind.has("manifests", "fs_layers"):
        raise BadManifest("it can be read as an image and as an index")
    return _image(content, media_type, found)


def _media_type(content_type: str, kind: _Kind) -> str:
    told = content_type.partition(";")[0].strip().lower()
    inside = (kind.media_type or "").lower()
    known = _INDEXES | _IMAGES | _LEGACY
    if told in _SAYS_NOTHING:
        told = inside
    elif inside and inside != told and told in known:
        raise BadManifest(f"it was sent as {text.name(told, 100)} and calls itself {text.name(inside, 100)}")
    if told not in known:
        shown = text.name(told, 100)
        raise UnsupportedManifest(f"its type is {shown}, which no image has" if shown else "it says of no type to be")
    return told


def _index(content: bytes, media_type: str, found: Digest) -> ImageIndex:
    read = _read(content, _Index)
    if len(read.manifests) > MAX_CHILDREN:
        raise BadManifest(f"it lists more than {MAX_CHILDREN} manifests")
    return ImageIndex(
        digest=found, media_type=media_type, content=content, children=tuple(map(_descriptor, read.manifests)),
        subject=_descriptor(read.subject) if read.subject is not None else None,
    )  # fmt: skip


def _image(content: bytes, media_type: str, found: Digest) -> ImageManifest:
    read = _read(content, _Image)
    if len(read.layers) > MAX_LAYERS:
        raise BadManifest(f"it has more than {MAX_LAYERS} layers")
    return ImageManifest(
        digest=found, media_type=media_type, content=content, config=_descriptor(read.config),
        layers=tuple(map(_descriptor, read.layers)), artifact_type=read.artifact_type or "",
        subject=_descriptor(read.subject) if read.subject is not None else None,
    )  # fmt: skip


def _bounded(found: Manifest) -> None:
    """Whether all that is told of a manifest is of a length that it may have; raises :class:`BadManifest`."""
    match found:
        case ImageManifest():
            _word("artifactType", found.artifact_type)
            described = (found.config, *found.layers)
        case ImageIndex():
            described = found.children
        case _:
            return
    for each in described:
        _word("mediaType", each.media_type)
        _word("artifactType", each.artifact_type)
        if each.platform is not None:
            platform = each.platform
            for name in ("os", "architecture", "variant", "os_version"):
                _word(name.replace("_", "."), getattr(platform, name))


def _word(name: str, told: str) -> None:
    if len(told) > MAX_WORD:
        raise BadManifest(f"{name} {text.name(told, 40)} in it is longer than {MAX_WORD} characters")


def _descriptor(read: _Descriptor) -> Descriptor:
    if not 0 <= read.size <= MAX_CONTENT:
        raise BadManifest(f"a size in it is {read.size}")
    try:
        named = digest.parse(read.digest)
    except digest.BadDigest as e:
        raise BadManifest(f"in it {e}") from None
    platform = None
    if read.platform is not None:
        p = read.platform
        platform = Platform(
            os=p.os, architecture=p.architecture, variant=p.variant or "", os_version=p.os_version or ""
        )
    return Descriptor(
        media_type=read.media_type, digest=named, size=read.size, platform=platform, urls=read.urls or (),
        artifact_type=read.artifact_type or "", annotations=tuple(sorted((read.annotations or {}).items())),
    )  # fmt: skip


def _names(*kinds: type[msgspec.Struct]) -> dict[str, str]:
    """The names of fields as JSON has them, by what Go takes for the same."""
    return {field.encode_name.casefold(): field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}


_DOCUMENT: Final = _names(_Kind, _Image, _Index)
_IN_DESCRIPTORS: Final = _names(_Descriptor)
_IN_PLATFORMS: Final = _names(_Platform)


def _unambiguous(content: bytes) -> None:
    """Whether there is one way to read a document; raises :class:`BadManifest`."""
    try:
        read = json.loads(content, object_pairs_hook=_object)
    except BadManifest:
        raise
    except (ValueError, RecursionError) as e:
        raise BadManifest(f"it cannot be read: {text.name(str(e), 200)}") from None
    _spelled(read, _DOCUMENT)
    for descriptor in _descriptors(read):
        _spelled(descriptor, _IN_DESCRIPTORS)
        if isinstance(descriptor, dict) and "platform" in descriptor:
            _spelled(descriptor["platform"], _IN_PLATFORMS)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadManifest("it says something twice in one place")
    return found


def _spelled(found: object, names: dict[str, str]) -> None:
    for name in found if isinstance(found, dict) else ():
        meant = names.get(name.casefold(), name)
        if meant != name:
            raise BadManifest(f"it says {text.name(name, 40)}, which some read as {meant}")


def _descriptors(read: object) -> Iterable[object]:
    if not isinstance(read, dict):
        return
    for name in ("config", "subject"):
        yield read.get(name)
    for name in ("layers", "manifests"):
        several = read.get(name)
        yield from several if isinstance(several, list) else ()


_T = TypeVar("_T")
_DECODERS: Final[dict[type, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (_Kind, _Image, _Index)
}
"""Made here, since msgspec 0.22 crashes where two threads are the first to decode a type at once."""


def _read(content: bytes, kind: type[_T]) -> _T:
    try:
        read: _T = _DECODERS[kind].decode(content)
        return read
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as e:
        raise BadManifest(f"it cannot be read: {text.name(str(e), 200)}") from None
