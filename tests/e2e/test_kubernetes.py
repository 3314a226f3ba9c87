"""A real kube-apiserver asks `serve` before it accepts Pods, over TLS with client certificates."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.certificates import Authority
from tests.e2e.cluster import Cluster, apiserver_running, etcd_running
from tests.e2e.servers import COMMAND, Answer, free_port, running

pytestmark = pytest.mark.timeout(300)
DENIED = "image policy webhook backend denied one or more images: "


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
    with etcd_running(etcd, folder) as url:
        yield url


@pytest.fixture(scope="module", params=[False, True], ids=["fails-closed", "fails-open"])
def cluster(
    request: pytest.FixtureRequest, kube_apiserver: Path, store: str, webhook: str, folder: Path, authority: Authority
) -> Iterator[Cluster]:
    """A kube-apiserver that asks the webhook; its answers are not kept."""
    fails_open: bool = request.param
    client = authority.issue("apiserver-client")
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
    options = {
        "etcd-prefix": f"/registry-{fails_open}",
        "enable-admission-plugins": "ImagePolicyWebhook",
        "admission-control-config-file": folder / "admission.yaml",
    }
    with apiserver_running(kube_apiserver, store, folder, authority, options, fails_open=fails_open) as found:
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
