"""A real Clair cannot reach a real registry, which wants a password and has a certificate that Clair does not trust."""

import json
import ssl
import subprocess
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import digest
from tests.e2e.certificates import Authority

from . import supply
from .conftest import peer
from .images import debian, layer, push
from .servers import COMMAND, free_port, running
from .supply import Clair, vulnerability

HASHED = "puller:$2b$05$abcdefghijklmnopqrstuulzd.YqjLDl8lvpSmVj3De/fioSBHnUa\n"
"""``hush``, as htpasswd writes it."""
LARGE = bytes(range(256)) * (20 << 12)


@pytest.mark.parametrize("kind", ["sync", "settings"])
def test_layers_come_to_clair_by_way_of_us(clair: Clair, tmp_path: Path, kind: str) -> None:
    binary = peer("docker-registry", "registry")
    clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
    folder = tmp_path / "registry"
    with supply.registry(binary, folder) as open_to_all:
        packages = (("openssl", "3.0.11-1~deb12u2", "openssl"), (f"only-{kind}", "1", f"only-{kind}"))
        pushed = push(open_to_all, f"hidden/{kind}", "1", [debian(*packages), layer({f"{kind}.bin": LARGE})])
    authority = Authority(tmp_path)
    pair = authority.issue("registry")
    port = free_port()
    place = f"127.0.0.1:{port}"
    (folder / "htpasswd").write_text(HASHED, "utf-8")
    (folder / "closed.yml").write_text(
        f"version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {folder / 'storage'}\n"
        f"auth:\n  htpasswd:\n    realm: hidden\n    path: {folder / 'htpasswd'}\n"
        f"http:\n  addr: {place}\n  tls:\n    certificate: {pair.certificate}\n    key: {pair.key}\n",
        "utf-8",
    )
    (tmp_path / "password").write_text("hush", "utf-8")

    def sync(name: str, served: bool, *options: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "registries": [{
                "name": place, "url": f"https://{place}", "ca_file": str(authority.certificate), "username": "puller",
                "password_file": str(tmp_path / "password"), "repositories": [{"name": f"hidden/{kind}"}],
                "serve_blobs": served,
            }],
            "scanner": {"kind": "clair-v4", "url": clair.url},
        }  # fmt: skip
        if served:
            settings["blobs"] = {"addr": "127.0.0.1:0"}
        file = tmp_path / f"{name}.yaml"
        file.write_text(json.dumps(settings), "utf-8")
        command = [COMMAND, "sync", "--settings", str(file), "--once", "--store", f"sqlite:///{tmp_path / name}.db"]
        return subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=60)

    log = folder / "closed.log"
    command = [str(binary), "serve", str(folder / "closed.yml")]
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    with running(command, log, f"https://{place}/v2/", tls=tls, ready_status=401):
        alone = sync("alone", False)
        assert alone.returncode == 3, alone.stdout
        assert "index-failed" in alone.stdout
        done = sync("with", True) if kind == "settings" else sync("with", False, "--serve-blobs-addr", "127.0.0.1:0")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    store = open_store(f"sqlite:///{tmp_path / 'with'}.db")
    try:
        report = store.report(digest.parse(pushed.digest), "clair-v4")
    finally:
        store.close()
    assert report is not None
    assert [finding.vulnerability for finding in report.findings] == ["CVE-2026-0001"]
    blobs = [line for line in log.read_text("utf-8").splitlines() if "/blobs/" in line and "GET" in line]
    assert {one for one in pushed.layers if any(one in line for line in blobs)} == set(pushed.layers)
    assert all("image-enforcer/" in line for line in blobs if "http.response.status=200" in line)
