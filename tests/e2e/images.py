"""Small images made here: layers of a few files, pushed to a registry as OCI or Docker manifests."""

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OS_RELEASE = (
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n'
    'VERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n'
)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a registry holds now: the manifest's digest and those of its layers."""

    digest: str
    layers: tuple[str, ...]
    content: bytes


def layer(files: Mapping[str, str | bytes]) -> bytes:
    """A layer as a compressed tar, the same bytes every time. A name that ends in / is a folder."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.mtime = 1_700_000_000
            if name.endswith("/"):
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(entry)
            else:
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(plain.getvalue(), mtime=0)


def debian(*packages: tuple[str, str, str]) -> bytes:
    """A layer of Debian 12 with packages: name, version, source."""
    status = "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nSource: {source}\nVersion: {version}\n"
        f"Maintainer: Nobody <nobody@example.com>\nDescription: {name}\n\n"
        for name, version, source in packages
    )
    lists = {f"var/lib/dpkg/info/{name}.list": "/.\n" for name, _, _ in packages}
    return layer({
        "etc/": "", "etc/debian_version": "12.8\n", "etc/os-release": OS_RELEASE, "var/": "", "var/lib/": "",
        "var/lib/dpkg/": "", "var/lib/dpkg/info/": "", "var/lib/dpkg/status": status, **lists,
    })  # fmt: skip


def push(registry: str, repository: str, tag: str, layers: Sequence[bytes]) -> Pushed:
    """Push an image to a registry without credentials."""
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [_digest(gzip.decompress(one)) for one in layers]},
    }).encode()  # fmt: skip
    for blob in (*layers, config):
        put_blob(registry, repository, blob)
    document = {
        "schemaVersion": 2, "mediaType": OCI,
        "config": _described("application/vnd.oci.image.config.v1+json", config),
        "layers": [_described("application/vnd.oci.image.layer.v1.tar+gzip", one) for one in layers],
    }  # fmt: skip
    content = json.dumps(document).encode()
    put_manifest(registry, repository, tag, content, OCI)
    return Pushed(_digest(content), tuple(_digest(one) for one in layers), content)


def push_index(registry: str, repository: str, tag: str, children: Mapping[str, Pushed]) -> str:
    """Push an index of images that the repository holds, by platform (os/architecture); its digest."""
    manifests = [
        {
            **_described(OCI, child.content),
            "platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True)),
        }
        for platform, child in children.items()
    ]
    content = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).encode()
    put_manifest(registry, repository, tag, content, OCI_INDEX)
    return _digest(content)


def put_manifest(registry: str, repository: str, tag: str, content: bytes, media_type: str) -> None:
    """Push the bytes of a manifest."""
    _send("PUT", f"{registry}/v2/{repository}/manifests/{tag}", content, {"Content-Type": media_type})


def remove(registry: str, repository: str, digest: str) -> None:
    """Delete a manifest with all its tags."""
    _send("DELETE", f"{registry}/v2/{repository}/manifests/{digest}", None, {})


def put_blob(registry: str, repository: str, blob: bytes) -> None:
    """Push content."""
    begun = _send("POST", f"{registry}/v2/{repository}/blobs/uploads/", b"", {})
    place = begun["Location"]
    place = place if "://" in place else registry + place
    joint = "&" if "?" in place else "?"
    _send("PUT", f"{place}{joint}digest={_digest(blob)}", blob, {"Content-Type": "application/octet-stream"})


def _described(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _send(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Mapping[str, str]:
    sent = urllib.request.Request(url, data=body, method=method, headers=dict(headers))
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sent, timeout=30) as answer:
        return dict(answer.headers.items())
