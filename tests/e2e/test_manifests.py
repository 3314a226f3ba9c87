"""The manifests' command lines, run here as they stand there: registry, sync, Clair, server, verdict."""

import json
import os
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import images
from .certificates import Authority
from .servers import COMMAND, free_port, request, running
from .supply import Clair, vulnerability

FOLDER = Path(__file__).parents[2] / "deploy" / "manifests"


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


@pytest.mark.parametrize("path", sorted(p.relative_to(FOLDER) for p in FOLDER.rglob("*.yaml")), ids=str)
def test_every_file_is_what_it_says(path: Path) -> None:
    for document in documents(str(path)):
        assert document["apiVersion"]
        assert document["kind"]


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


def test_what_the_manifests_run_decides(docker_registry: str, clair: Clair, root: Path, tmp_path: Path) -> None:
    clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
    images.push(docker_registry, "library/nginx", "vulnerable", [images.debian(("openssl", "3.0.11-1", "openssl"))])
    images.push(docker_registry, "library/nginx", "sound", [images.debian(("zlib1g", "1:1.2.13", "zlib"))])
    images.push(docker_registry, "library/redis", "7", [images.debian(("zlib1g", "1:1.2.13", "zlib"))])
    secure, plain, admin, policies_admin, sync_admin = (free_port() for _ in range(5))
    authority = Authority(tmp_path)
    pair = authority.issue("tls")
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    server = put(container("server")["args"], {
        "0.0.0.0:8181": f"127.0.0.1:{secure}", "http://127.0.0.1:8182": f"http://127.0.0.1:{plain}",
        "0.0.0.0:8282": f"127.0.0.1:{admin}", "/tls/tls.crt": str(pair.certificate), "/tls/tls.key": str(pair.key),
    })  # fmt: skip
    policies = put(container("policies")["args"], {
        "http://127.0.0.1:8182": f"http://127.0.0.1:{plain}", "0.0.0.0:8283": f"127.0.0.1:{policies_admin}",
        "/policies": str(root / "policies"),
    })  # fmt: skip
    sync = put(container("sync")["args"], {
        "https://registry-1.docker.io": docker_registry, "http://clair:6060": clair.url,
        "http://127.0.0.1:8182": f"http://127.0.0.1:{plain}", "/state/store.db": str(tmp_path / "store.db"),
        "0.0.0.0:8484": f"127.0.0.1:{sync_admin}",
    })  # fmt: skip
    environment = {**os.environ, "DOCKER_USER": "", "DOCKER_PASSWORD": ""}
    with (
        running([COMMAND, *policies], tmp_path / "policies.log", f"http://127.0.0.1:{policies_admin}/health"),
        running([COMMAND, *server], tmp_path / "server.log", f"http://127.0.0.1:{admin}/readyz"),
    ):
        place = docker_registry.partition("://")[2]
        parameters = {"scan": {"registry": place}, "naming": {"local_hosts": True}, "registry": {"internal": [place]}}
        assert request(f"http://127.0.0.1:{plain}/v1/data/image_policy", parameters, method="PUT").status == 204
        # What the API server reaches takes no policies and no data from anybody.
        for way in ("/v1/data/image_policy", "/v1/policies/p"):
            assert request(f"https://127.0.0.1:{secure}{way}", parameters, method="PUT", tls=trusting).status == 404
        done = subprocess.run(
            [COMMAND, *sync, "--once"], env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answers = {tag: _asked(secure, trusting, f"{place}/library/nginx:{tag}") for tag in ("vulnerable", "sound")}
    assert "[scan-vulnerable]" in answers["vulnerable"]["reason"]
    assert answers["sound"] == {"allowed": True}


def _asked(port: int, tls: ssl.SSLContext, image: str) -> dict[str, Any]:
    review = {
        "apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"containers": [{"image": image}], "namespace": "production"},
    }  # fmt: skip
    (cluster,) = documents("control-plane/kubeconfig.yaml")[0]["clusters"]
    way = cluster["cluster"]["server"].partition(".svc:8181")[2]
    answer = request(f"https://127.0.0.1:{port}{way}", review, tls=tls).json()
    assert isinstance(answer, dict)
    status: dict[str, Any] = answer["status"]
    return status
