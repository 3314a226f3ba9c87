"""Layers that a real Clair can fetch, and the vulnerabilities that it is to know: what the fakes only say there is."""

import gzip
import hashlib
import io
import json
import tarfile
import uuid
from collections.abc import Sequence

from image_enforcer.analysis import digest
from image_enforcer.domain.digest import Digest
from image_enforcer.domain.report import Severity
from image_enforcer.ports.scanner import Layer, Subject
from tests.contract.scanner import Images
from tests.fakes.clair_images import BASE, CURL, FLAWS, Installed
from tests.fakes.clair_wire import Reply, Request, Wire

OS_RELEASE = """PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
"""
DISTRIBUTION = {
    "id": "", "did": "debian", "name": "Debian GNU/Linux", "version": "12 (bookworm)", "version_code_name": "bookworm",
    "version_id": "12", "arch": "", "cpe": "", "pretty_name": "Debian GNU/Linux 12 (bookworm)",
}  # fmt: skip


def vulnerabilities() -> bytes:
    """The lines that ``clairctl import-updaters`` reads: the flaws that the fakes know."""
    reference = str(uuid.uuid4())
    lines = [
        {
            "Updater": "debian/updater", "Fingerprint": reference, "Date": "2026-01-02T03:04:05Z", "Ref": reference,
            "Kind": "vulnerability",
            "Vuln": {
                "id": "", "updater": "debian/updater", "name": flaw.name, "description": "In words.",
                "issued": "2026-01-02T03:04:05Z", "links": f"https://e.invalid/{flaw.name}",
                "severity": flaw.severity.lower(), "normalized_severity": flaw.severity,
                "package": {"id": "", "name": flaw.source, "version": "", "kind": "source"},
                "distribution": DISTRIBUTION, "fixed_in_version": flaw.fixed_in,
            },
        }
        for flaw in FLAWS
    ]  # fmt: skip
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def status(packages: Sequence[Installed]) -> str:
    """A dpkg database."""
    return "".join(
        f"Package: {p.name}\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 1\n"
        f"Maintainer: Nobody <n@e.invalid>\nArchitecture: amd64\nSource: {p.source}\nVersion: {p.version}\n"
        f"Description: {p.name}\n\n"
        for p in packages
    )


def archive(files: dict[str, str]) -> bytes:
    """A layer: a gzip of a tar of files. No two are alike, so that none is known from before."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for name, content in {**files, "nonce": str(uuid.uuid4())}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            tar.addfile(entry, io.BytesIO(content.encode()))
    return gzip.compress(raw.getvalue(), mtime=0)


def installed(packages: Sequence[Installed], *, system: bool) -> bytes:
    """A layer with a package database, and with an os-release where it is the base."""
    files = {"etc/os-release": OS_RELEASE} if system else {}
    files["var/lib/dpkg/status"] = status(packages)
    files |= {f"var/lib/dpkg/info/{package.name}.list": "/.\n" for package in packages}
    return archive(files)


class Blobs(Wire):
    """A registry's blobs, without the registry; some are for those alone who have credentials."""

    def __init__(self) -> None:
        super().__init__(self._blob)
        self.contents: dict[str, bytes] = {}
        self.private: set[str] = set()

    async def _blob(self, request: Request) -> Reply:
        named = request.path.rpartition("/")[2]
        if named in self.private and "authorization" not in request.headers:
            return Reply(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', plain=True)
        if named not in self.contents:
            return Reply(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}', plain=True)
        kind = {"Content-Type": "application/octet-stream"}
        return Reply(200, self.contents[named], kind, plain=True)

    def add(self, content: bytes, *, private: bool = False) -> Digest:
        """A layer."""
        named = digest.of(content)
        self.contents[named] = content
        if private:
            self.private.add(named)
        return named

    def subject(self, layers: Sequence[Digest], *, foreign: Sequence[Digest] = (), token: str = "") -> Subject:
        """An image that nobody has heard of, of so many layers."""
        headers = (("Authorization", f"Bearer {token}"),) if token else ()
        return Subject(
            digest=Digest("sha256:" + hashlib.sha256(uuid.uuid4().bytes).hexdigest()),
            layers=tuple(
                [
                    Layer(
                        digest=layer, size=1, media_type="application/vnd.oci.image.layer.v1.tar+gzip",
                        url=f"{self.url}/v2/x/blobs/{layer}", headers=headers, foreign=layer in foreign,
                    )
                    for layer in layers
                ]
            ),
        )  # fmt: skip

    def images(self) -> Images:
        """What the contract wants."""
        base = self.add(installed(BASE.packages, system=True))
        curl = self.add(installed((*BASE.packages, *CURL.packages), system=False))
        sound = self.add(installed([Installed("zlib1g", "1:1.2.13", "zlib")], system=True))
        nothing = self.add(archive({}))
        broken = self.add(b"this is no archive " + uuid.uuid4().bytes)
        private = self.add(installed([Installed("hello", "1", "hello")], system=True), private=True)
        absent = digest.of(uuid.uuid4().bytes)
        return Images(
            vulnerable=self.subject([base, nothing, curl]), vulnerability="CVE-2026-0001", severity=Severity.HIGH,
            clean=self.subject([sound, nothing]), empty=self.subject([nothing]),
            unreadable=self.subject([sound, broken]), unfetchable=self.subject([sound, absent]),
            refused=self.subject([private]), allowed=self.subject([private], token="t"),
            foreign=self.subject([sound, absent], foreign=[absent]),
        )  # fmt: skip
