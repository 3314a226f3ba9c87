"""The manifests, as a real API server takes them, and their command lines, environment and settings, run here as they
stand there: registry, sync, Clair, server, verdict."""

import contextlib
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests import postgresql

from . import images
from .certificates import Authority
from .cluster import Cluster, apiserver_running, etcd_running
from .conftest import peer
from .servers import COMMAND, free_port, request, running
from .supply import Clair, offline, vulnerability

pytestmark = pytest.mark.timeout(300)
FOLDER = Path(__file__).parents[2] / "deploy" / "manifests"
SECRETS: Final = {
    "clair-postgresql": {"password": "a secret of ours"},
    "image-enforcer-tls": {"tls.crt": "", "tls.key": ""},
}
"""The secrets that docs/how-to/deploy.md makes, without the one for registries that want to know who asks."""
WORKLOADS: Final = ("Deployment", "StatefulSet")


def documents(name: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all((FOLDER / name).read_text("utf-8")) if document]


def container(name: str) -> dict[str, Any]:
    (deployment,) = documents("deployment.yaml")
    found: dict[str, dict[str, Any]] = {c["name"]: c for c in deployment["spec"]["template"]["spec"]["containers"]}
    return found[name]


def put(words: list[str], places: dict[str, str]) -> list[str]:
    """Command-line words with this machine's places in them; each place must occur."""
    made = list(words)
    for there, here in places.items():
        assert any(there in word for word in made), there
        made = [word.replace(there, here) for word in made]
    return made


def objects() -> list[dict[str, Any]]:
    """Everything that is applied to a cluster, in the kustomization's order."""
    (kustomization,) = documents("kustomization.yaml")
    return [document for name in kustomization["resources"] for document in documents(name)]


def pods() -> list[dict[str, Any]]:
    """A Pod as each workload makes them."""
    found = []
    for document in objects():
        if document["kind"] in WORKLOADS:
            template = document["spec"]["template"]
            metadata = {**template["metadata"], **{key: document["metadata"][key] for key in ("name", "namespace")}}
            claims = [claim["metadata"]["name"] for claim in document["spec"].get("volumeClaimTemplates", ())]
            claimed = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
            spec = {**template["spec"], "volumes": [*template["spec"].get("volumes", ()), *claimed]}
            found.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    return found


def workload(name: str) -> dict[str, Any]:
    """The one container of a workload."""
    (pod,) = [pod for pod in pods() if pod["metadata"]["name"] == name]
    (found,) = pod["spec"]["containers"]
    return dict(found)


def environment(container: Mapping[str, Any], secrets: Mapping[str, Mapping[str, str]] = SECRETS) -> dict[str, str]:
    """The environment that a container gets, with what every process has here; what is optional may be missing."""
    made = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH") if name in os.environ}
    maps = {d["metadata"]["name"]: d["data"] for d in objects() if d["kind"] == "ConfigMap"}
    for entry in container.get("env", ()):
        if "value" in entry:
            made[entry["name"]] = entry["value"]
            continue
        ((kind, wanted),) = entry["valueFrom"].items()
        held = {"secretKeyRef": secrets, "configMapKeyRef": maps}[kind].get(wanted["name"], {})
        if wanted["key"] in held:
            made[entry["name"]] = held[wanted["key"]]
        else:
            assert wanted.get("optional"), entry
    return made


def test_the_kustomization_names_every_manifest() -> None:
    (kustomization,) = documents("kustomization.yaml")
    assert set(kustomization["resources"]) == {p.name for p in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}


def test_both_forms_of_the_admission_configuration_say_the_same() -> None:
    (modern,) = documents("control-plane/admission.yaml")
    old = json.loads((FOLDER / "control-plane" / "admission.json").read_text("utf-8"))
    assert modern["plugins"][0]["configuration"] == old
    assert old["imagePolicy"]["defaultAllow"] is False


def test_what_others_reach_takes_no_policies() -> None:
    """The policies' server gives and takes without asking who it is: only its own Pod may reach it."""
    (deployment,) = documents("deployment.yaml")
    for found in deployment["spec"]["template"]["spec"]["containers"]:
        if "run" in found["args"]:
            open_to = [word for word in found["args"] if word.startswith("--addr=")]
            assert open_to == ["--addr=http://127.0.0.1:8182"]


def test_credentials_come_from_the_secret_that_may_be_missing() -> None:
    named = {"DOCKER_USER": "name", "DOCKER_PASSWORD": "token"}
    secrets = {**SECRETS, "image-enforcer-registry": {"username": "name", "password": "token"}}
    assert environment(container("sync")).keys() & named.keys() == set()
    assert environment(container("sync"), secrets).items() >= named.items()


# --- a real API server ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(
    etcd: Path, kube_apiserver: Path, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """An API server that asks the manifests' server, as the manifests' files for the control plane have it."""
    folder = tmp_path_factory.mktemp("cluster")
    authority = Authority(folder)
    with (
        answering(root / "policies", folder, authority) as ports,
        etcd_running(etcd, folder) as store,
    ):
        kubeconfig = (FOLDER / "control-plane" / "kubeconfig.yaml").read_text("utf-8")
        (folder / "kubeconfig").write_text(put([kubeconfig], {
            "https://image-enforcer.image-enforcer.svc:8181": f"https://127.0.0.1:{ports.secure}",
            "/etc/kubernetes/image-enforcer/ca.crt": str(authority.certificate),
        })[0])  # fmt: skip
        admission = (FOLDER / "control-plane" / "admission.yaml").read_text("utf-8")
        place = {"/etc/kubernetes/image-enforcer/kubeconfig": str(folder / "kubeconfig")}
        (folder / "admission.yaml").write_text(put([admission], place)[0])
        options = {
            "enable-admission-plugins": "NodeRestriction,ImagePolicyWebhook",
            "admission-control-config-file": folder / "admission.yaml",
        }
        with apiserver_running(kube_apiserver, store, folder, authority, options, fails_open=False) as found:
            production = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "production"}}
            for namespace in (*documents("namespace.yaml"), production):
                made = found.post("/api/v1/namespaces?fieldValidation=Strict", namespace)
                assert made.status == 201, made.body
            yield found


@pytest.mark.parametrize("document", objects(), ids=lambda d: f"{d['kind']}-{d['metadata']['name']}")
def test_an_api_server_takes_every_object(cluster: Cluster, document: dict[str, Any]) -> None:
    answer = cluster.try_to_create(document)
    if document["kind"] == "Namespace":  # it is there: all that was asked before has been found to be right
        assert answer.status == 409, answer.body
    else:
        assert answer.status == 201, answer.body
    wrong = {**document, "spec": {**document.get("spec", {}), "noSuchField": 1}}
    refused = cluster.try_to_create({**wrong, "metadata": {**document["metadata"], "name": "another"}})
    assert refused.status == 400, refused.body


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: str(pod["metadata"]["name"]))
def test_its_namespace_lets_the_pods_run(cluster: Cluster, pod: dict[str, Any]) -> None:
    """They keep to the rules that the namespace has, and are exempt from the review that they answer themselves."""
    answer = cluster.try_to_create(pod)
    assert answer.status == 201, answer.body
    root = {**pod, "spec": {**pod["spec"], "hostNetwork": True}}
    assert cluster.try_to_create(root).status == 403


def test_the_api_server_asks_before_others_run(cluster: Cluster) -> None:
    answer = cluster.create_pod(["nginx:latest"])
    assert answer.status == 403
    assert b"[pinning-moving-tag]" in answer.body


# --- as processes ---------------------------------------------------------------------------------


class Ports:
    """Where the manifests' processes listen here."""

    def __init__(self) -> None:
        self.secure, self.plain, self.admin, self.policies_admin, self.sync_admin = (free_port() for _ in range(5))


@contextlib.contextmanager
def answering(policies: Path, folder: Path, authority: Authority) -> Iterator[Ports]:
    """The containers `policies` and `server`, as processes."""
    ports = Ports()
    pair = authority.issue("tls")
    server = put(container("server")["args"], {
        "0.0.0.0:8181": f"127.0.0.1:{ports.secure}", "http://127.0.0.1:8182": f"http://127.0.0.1:{ports.plain}",
        "0.0.0.0:8282": f"127.0.0.1:{ports.admin}", "/tls/tls.crt": str(pair.certificate),
        "/tls/tls.key": str(pair.key),
    })  # fmt: skip
    command = put(container("policies")["args"], {
        "http://127.0.0.1:8182": f"http://127.0.0.1:{ports.plain}", "0.0.0.0:8283": f"127.0.0.1:{ports.policies_admin}",
        "/policies": str(policies),
    })  # fmt: skip
    ready = f"http://127.0.0.1:{ports.policies_admin}/health"
    log, env = folder / "policies.log", environment(container("policies"))
    with running([COMMAND, *command], log, ready, environment=env):
        log, env = folder / "server.log", environment(container("server"))
        with running([COMMAND, *server], log, f"http://127.0.0.1:{ports.admin}/readyz", environment=env):
            yield ports


@contextlib.contextmanager
def clair_of_the_manifests(server: postgresql.Server, folder: Path) -> Iterator[Clair]:
    """Clair with the ConfigMap's settings, of which the addresses alone are others, on the database that it names."""
    binary, importer = peer("clair", "clair"), peer("clair-import", "clair")
    found, database = workload("clair"), workload("clair-postgresql")
    own = environment(database)
    with server.connection() as admin:
        admin.execute(f"CREATE ROLE {own['POSTGRES_USER']} SUPERUSER LOGIN PASSWORD '{own['POSTGRES_PASSWORD']}'")
        admin.execute(f"CREATE DATABASE {own['POSTGRES_DB']} OWNER {own['POSTGRES_USER']}")
    (settings,) = [d["data"] for d in objects() if d["kind"] == "ConfigMap" and d["metadata"]["name"] == "clair"]
    (mount,) = [m["mountPath"] for m in found["volumeMounts"] if m["name"] == "config"]
    port, introspection = free_port(), free_port()
    env = environment(found)
    (name,) = settings
    there = put([settings[name]], {
        "0.0.0.0:6060": f"127.0.0.1:{port}", "0.0.0.0:8089": f"127.0.0.1:{introspection}",
        "host=clair-postgresql": f"host={server.socket}",
    })  # fmt: skip
    loaded = yaml.safe_load(there[0])
    assert "scanner" not in loaded["indexer"]  # what it fetches from outside stands in files here
    loaded["indexer"]["scanner"] = offline(folder)
    (folder / name).write_text(yaml.safe_dump(loaded), "utf-8")
    env["CLAIR_CONF"] = put([env["CLAIR_CONF"]], {f"{mount}/": f"{folder}/"})[0]
    # It would fetch what is known about vulnerabilities; from here nobody goes anywhere.
    env |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), f"http://127.0.0.1:{free_port()}")
    address = f"http://127.0.0.1:{port}"
    ready = f"{address}/indexer/api/v1/index_state"
    with running([str(binary)], folder / "clair.log", ready, environment=env, seconds=120):
        place = server.address(own["POSTGRES_DB"], own["POSTGRES_USER"], own["POSTGRES_PASSWORD"].replace(" ", "%20"))
        yield Clair(address, place, importer)


def config_map(folder: Path, files: Mapping[str, str]) -> None:
    """Files as a ConfigMap's volume has them: links to what `..data` leads to, which is replaced as a whole."""
    folder.mkdir(exist_ok=True)
    version = folder / f"..{time.time_ns()}"
    version.mkdir()
    for name, text in files.items():
        (version / name).write_text(text, "utf-8")
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").rename(folder / "..data")


def test_what_the_manifests_run_decides(
    docker_registry: str, server: postgresql.Server, root: Path, tmp_path: Path
) -> None:
    images.push(docker_registry, "library/nginx", "vulnerable", [images.debian(("openssl", "3.0.11-1", "openssl"))])
    images.push(docker_registry, "library/nginx", "sound", [images.debian(("zlib1g", "1:1.2.13", "zlib"))])
    images.push(docker_registry, "library/redis", "7", [images.debian(("zlib1g", "1:1.2.13", "zlib"))])
    authority = Authority(tmp_path)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    policies = {path.name: path.read_text("utf-8") for path in (root / "policies").iterdir() if path.is_file()}
    config_map(tmp_path / "policies", policies)
    (tmp_path / "clair").mkdir()
    with (
        clair_of_the_manifests(server, tmp_path / "clair") as clair,
        answering(tmp_path / "policies", tmp_path, authority) as ports,
    ):
        clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
        sync = put(container("sync")["args"], {
            "https://registry-1.docker.io": docker_registry, "http://clair:6060": clair.url,
            "http://127.0.0.1:8182": f"http://127.0.0.1:{ports.plain}",
            "/state/store.db": str(tmp_path / "store.db"), "0.0.0.0:8484": f"127.0.0.1:{ports.sync_admin}",
        })  # fmt: skip
        place = docker_registry.partition("://")[2]
        parameters = {"scan": {"registry": place}, "naming": {"local_hosts": True}, "registry": {"internal": [place]}}
        data = f"http://127.0.0.1:{ports.plain}/v1/data/image_policy"
        assert request(data, parameters, method="PUT").status == 204
        # What the API server reaches takes no policies and no data from anybody.
        for way in ("/v1/data/image_policy", "/v1/policies/p"):
            address = f"https://127.0.0.1:{ports.secure}{way}"
            assert request(address, parameters, method="PUT", tls=trusting).status == 404
        done = subprocess.run(
            [COMMAND, *sync, "--once"], env=environment(container("sync")), capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        base = f"https://127.0.0.1:{ports.secure}"
        answers = {tag: _asked(base, f"{place}/library/nginx:{tag}", trusting) for tag in ("vulnerable", "sound")}
        assert "[scan-vulnerable]" in answers["vulnerable"]["reason"]
        assert answers["sound"] == {"allowed": True}
        # Policies that are applied anew are loaded; what sync brought stays.
        was = policies["naming.rego"]
        policies["naming.rego"] = was.replace('"forbidden": []', '"forbidden": ["**/nginx"]')
        assert policies["naming.rego"] != was
        config_map(tmp_path / "policies", policies)
        until = time.monotonic() + 30
        while "[naming-forbidden]" not in (told := _asked(base, f"{place}/library/nginx:sound", trusting)).get(
            "reason", ""
        ):
            assert time.monotonic() < until, told
            time.sleep(0.1)
        assert "[scan-vulnerable]" in _asked(base, f"{place}/library/nginx:vulnerable", trusting)["reason"]


def test_plain_http_needs_what_its_file_says(root: Path, tmp_path: Path) -> None:
    """The form with http:// does not reach the server of the manifests; it does with the changes that are named."""
    text = (FOLDER / "control-plane" / "kubeconfig-http.yaml").read_text("utf-8")
    authority, name = Authority(tmp_path), "kubeconfig-http.yaml"
    with answering(root / "policies", tmp_path, authority) as ports:
        with pytest.raises(OSError, match=r"."):
            _asked(f"http://127.0.0.1:{ports.secure}", "nginx:latest", kubeconfig=name)
        command = list(container("server")["args"])
        for word in [w for w in command if w.startswith(("--tls-cert-file", "--tls-private-key-file"))]:
            assert word.partition("=")[0] in text
            command.remove(word)
        assert "--allow-http" in text
        port, admin = free_port(), free_port()
        command = put([*command, "--allow-http"], {
            "0.0.0.0:8181": f"127.0.0.1:{port}", "http://127.0.0.1:8182": f"http://127.0.0.1:{ports.plain}",
            "0.0.0.0:8282": f"127.0.0.1:{admin}",
        })  # fmt: skip
        with running([COMMAND, *command], tmp_path / "plain.log", f"http://127.0.0.1:{admin}/readyz"):
            answer = _asked(f"http://127.0.0.1:{port}", "nginx:latest", kubeconfig=name)
    assert "[pinning-moving-tag]" in answer["reason"]


def _asked(
    base: str, image: str, tls: ssl.SSLContext | None = None, kubeconfig: str = "kubeconfig.yaml"
) -> dict[str, Any]:
    review = {
        "apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"containers": [{"image": image}], "namespace": "production"},
    }  # fmt: skip
    (cluster,) = documents(f"control-plane/{kubeconfig}")[0]["clusters"]
    scheme, _, way = cluster["cluster"]["server"].partition("://image-enforcer.image-enforcer.svc:8181")
    assert base.startswith(f"{scheme}://")
    answer = request(f"{base}{way}", review, tls=tls).json()
    assert isinstance(answer, dict)
    status: dict[str, Any] = answer["status"]
    return status
