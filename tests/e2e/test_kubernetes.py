"""A real kube-apiserver asks `serve` before it accepts Pods, over TLS with client certificates."""

import json
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.certificates import Authority, signing_key
from tests.e2e.servers import COMMAND, Answer, free_port, request, running

pytestmark = pytest.mark.timeout(300)
DENIED = "image policy webhook backend denied one or more images: "


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where certificates, settings and logs are."""
    return tmp_path_factory.mktemp("kube")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """The authority that both servers trust."""
    return Authority(folder)


@pytest.fixture(scope="module")
def webhook(root: Path, folder: Path, authority: Authority) -> Iterator[str]:
    """`serve` over TLS; only clients with a certificate may ask."""
    pair = authority.issue("webhook")
    address, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    command = [COMMAND, "serve", "--policy", "policies", "--data", "data", "--addr", address, "--admin-addr", admin]
    command += ["--tls-cert-file", str(pair.certificate), "--tls-private-key-file", str(pair.key)]
    command += ["--client-ca-file", str(authority.certificate)]
    with running(command, folder / "serve.log", f"http://{admin}/readyz", cwd=root):
        yield f"https://{address}"


@pytest.fixture(scope="module")
def store(etcd: Path, folder: Path) -> Iterator[str]:
    """An empty etcd; its address."""
    url, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = [str(etcd), "--data-dir", str(folder / "etcd"), "--name", "e", "--unsafe-no-fsync"]
    command += ["--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peers]
    command += ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"e={peers}"]
    with running(command, folder / "etcd.log", f"{url}/health"):
        yield url


@pytest.fixture(scope="module", params=[False, True], ids=["fails-closed", "fails-open"])
def cluster(
    request: pytest.FixtureRequest, kube_apiserver: Path, store: str, webhook: str, folder: Path, authority: Authority
) -> Iterator[Cluster]:
    """A kube-apiserver that asks the webhook; its answers are not kept."""
    fails_open: bool = request.param
    pair, client = authority.issue("apiserver"), authority.issue("apiserver-client")
    private, public = signing_key(folder)
    (folder / "tokens.csv").write_text('admin-token,admin,uid-admin,"system:masters"\n', encoding="utf-8")
    user = {"client-certificate": str(client.certificate), "client-key": str(client.key)}
    target = {"certificate-authority": str(authority.certificate)}
    target["server"] = f"{webhook}/v0/data/io/k8s/image_policy/verify"
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "hook", "cluster": target}],
        "users": [{"name": "apiserver", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "hook", "user": "apiserver"}}],
        "current-context": "c",
    }
    (folder / "hook.kubeconfig").write_text(json.dumps(kubeconfig), encoding="utf-8")
    settings = {
        "kubeConfigFile": str(folder / "hook.kubeconfig"),
        "allowTTL": -1,
        "denyTTL": -1,
        "retryBackoff": 1,
        "defaultAllow": fails_open,
    }
    plugin = {"name": "ImagePolicyWebhook", "configuration": {"imagePolicy": settings}}
    admission = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": [plugin]}
    (folder / "admission.yaml").write_text(json.dumps(admission), encoding="utf-8")
    port = free_port()
    options = {
        "etcd-servers": store,
        "etcd-prefix": f"/registry-{fails_open}",
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
        "enable-admission-plugins": "ImagePolicyWebhook",
        "disable-admission-plugins": "ServiceAccount",
        "admission-control-config-file": folder / "admission.yaml",
    }
    command = [str(kube_apiserver), *(f"--{name}={value}" for name, value in options.items())]
    tls = ssl.create_default_context(cafile=str(authority.certificate))
    url = f"https://127.0.0.1:{port}"
    token = {"Authorization": "Bearer admin-token"}
    log = folder / f"apiserver-{fails_open}.log"
    with running(command, log, f"{url}/readyz", headers=token, tls=tls, seconds=120):
        found = Cluster(url, tls, fails_open)
        for name in ("production", "staging"):
            made = found.post(
                "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            )
            assert made.status == 201, made.body
        yield found


def reason(answer: Answer) -> str:
    """Why a Pod was refused, as its author sees it."""
    body = answer.json()
    assert isinstance(body, dict)
    assert answer.status == 403, body
    assert DENIED in body["message"]
    return str(body["message"].partition(DENIED)[2])


def test_a_clean_image_is_created(cluster: Cluster) -> None:
    answer = cluster.create_pod(["openpolicyagent/opa:0.4.9"])
    assert answer.status == 201, answer.body


def test_a_vulnerable_image_is_refused_with_the_reason(cluster: Cluster) -> None:
    text = reason(cluster.create_pod(["openpolicyagent/opa:0.4.9", "library/wordpress:4-apache"]))
    assert text.startswith("library/wordpress:4-apache: known vulnerabilities in its layers: 6 (CVE-2005-2541, ")
    assert text.endswith("rebuild it on patched packages and use the new tag [scan-vulnerable]")


def test_init_containers_count(cluster: Cluster) -> None:
    assert "[scan-vulnerable]" in reason(cluster.create_pod(["redis:7"], init=["redis:5"]))


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("shop/web:1.5.0", "scan-unknown"),
        ("library/wordpress:3", "scan-unknown"),
        ("nosuch:1", "scan-unknown"),
        ("openpolicyagent/opa:latest", "pinning-moving-tag"),
        ("openpolicyagent/opa", "pinning-no-tag"),
        ("evil.example/openpolicyagent/opa:0.4.9", "registry-external"),
        ("localhost:5000/shop/web:1.4.2", "naming-local-host"),
        ("a b", "unparsable"),
        ("https://registry.example/x:1", "unparsable"),
        ("ngïnx:1", "unparsable"),
    ],
)
def test_refused_images(cluster: Cluster, image: str, code: str) -> None:
    assert f"[{code}]" in reason(cluster.create_pod([image]))


def test_other_namespaces_have_other_rules(cluster: Cluster) -> None:
    assert cluster.create_pod(["quay.example/tools/shell:1"], namespace="staging").status == 201
    assert "[pinning-moving-tag]" in reason(cluster.create_pod(["nginx:latest"], namespace="staging"))


def test_a_huge_reason_arrives(cluster: Cluster) -> None:
    images = [f"nosuch/image-{number}:1" for number in range(60)]
    text = reason(cluster.create_pod(images))
    assert all(image in text for image in images)
