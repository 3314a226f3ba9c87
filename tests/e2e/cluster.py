"""A real kube-apiserver on a real etcd, and what an administrator does with it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .certificates import Authority, signing_key
from .servers import Answer, free_port, request, running


@dataclass(frozen=True, slots=True)
class Cluster:
    """An API server that can be asked; `fails_open` says what it does when its webhook does not answer."""

    url: str
    tls: ssl.SSLContext
    fails_open: bool
    _count: list[int] = field(default_factory=lambda: [0])

    def post(self, path: str, document: object) -> Answer:
        """Creates an object as the administrator."""
        return request(f"{self.url}{path}", document, headers={"Authorization": "Bearer admin-token"}, tls=self.tls)

    def create_pod(self, images: Sequence[str], *, namespace: str = "production", init: Sequence[str] = ()) -> Answer:
        """Creates a Pod of a new name."""
        self._count[0] += 1
        spec: dict[str, Any] = {"containers": [{"name": f"c{i}", "image": image} for i, image in enumerate(images)]}
        if init:
            spec["initContainers"] = [{"name": f"i{i}", "image": image} for i, image in enumerate(init)]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{self._count[0]}"}, "spec": spec}
        return self.post(f"/api/v1/namespaces/{namespace}/pods", pod)

    def try_to_create(self, document: Mapping[str, Any]) -> Answer:
        """What comes of creating an object of a kind that Kubernetes has built in, without doing it: unknown and
        repeated fields are errors."""
        group = document["apiVersion"]
        place = "/api/v1" if group == "v1" else f"/apis/{group}"
        kind = document["kind"].lower()
        namespace = document["metadata"].get("namespace")
        within = f"/namespaces/{namespace}" if namespace else ""
        plural = f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
        return self.post(f"{place}{within}/{plural}?dryRun=All&fieldValidation=Strict", document)


@contextlib.contextmanager
def etcd_running(binary: Path, folder: Path) -> Iterator[str]:
    """An empty etcd; its address."""
    url, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = [str(binary), "--data-dir", str(folder / "etcd"), "--name", "e", "--unsafe-no-fsync"]
    command += ["--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peers]
    command += ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"e={peers}"]
    with running(command, folder / "etcd.log", f"{url}/health"):
        yield url


@contextlib.contextmanager
def apiserver_running(
    binary: Path, etcd: str, folder: Path, authority: Authority, more: Mapping[str, object], *, fails_open: bool
) -> Iterator[Cluster]:
    """A kube-apiserver with these options beside those that it needs."""
    pair = authority.issue("apiserver")
    private, public = signing_key(folder)
    (folder / "tokens.csv").write_text('admin-token,admin,uid-admin,"system:masters"\n', encoding="utf-8")
    port = free_port()
    options = {
        "etcd-servers": etcd,
        "bind-address": "127.0.0.1",
        "secure-port": port,
        "advertise-address": "127.0.0.1",
        "endpoint-reconciler-type": "none",
        "service-cluster-ip-range": "10.96.0.0/16",
        "tls-cert-file": pair.certificate,
        "tls-private-key-file": pair.key,
        "client-ca-file": authority.certificate,
        "token-auth-file": folder / "tokens.csv",
        "anonymous-auth": "false",
        "authorization-mode": "RBAC",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": public,
        "service-account-signing-key-file": private,
        "profiling": "false",
        "disable-admission-plugins": "ServiceAccount",
        **more,
    }
    command = [str(binary), *(f"--{name}={value}" for name, value in options.items())]
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    url = f"https://127.0.0.1:{port}"
    token = {"Authorization": "Bearer admin-token"}
    log = folder / f"apiserver-{fails_open}.log"
    with running(command, log, f"{url}/readyz", headers=token, tls=tls, seconds=120):
        yield Cluster(url, tls, fails_open)
