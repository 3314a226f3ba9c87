"""A real OPA fetches a worker's facts as a bundle, configured as the page says."""

import contextlib
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from . import images
from .certificates import Authority
from .images import debian, push
from .servers import COMMAND, free_port, request, running
from .supply import Clair, vulnerability
from .test_sync import OPENSSL, ZLIB, codes, policy_server, stored, until

TOKEN = "e2e-token-0123456789abcdef"
POLLING = {"long": None, "short": {"min_delay_seconds": 1, "max_delay_seconds": 1}}
"""As the page says, and by asking each second."""


@contextlib.contextmanager
def worker(folder: Path, registry: str, clair: Clair, *options: str) -> Iterator[str]:
    """A worker that gives facts out over TLS, to those with a token; its address."""
    authority = Authority(folder)
    pair = authority.issue("worker")
    (folder / "token").write_text(f"{TOKEN}\n", "utf-8")
    port = free_port()
    command = [
        COMMAND, "worker", "--repository", "library/nginx,library/nginx/extra", "--registry-url", registry,
        "--clair-url", clair.url, "--store", f"sqlite:///{folder / 'store.db'}", "--addr", f"127.0.0.1:{port}",
        "--poll-delay", "1s", "--token-file", str(folder / "token"), "--tls-cert-file", str(pair.certificate),
        "--tls-private-key-file", str(pair.key), *options,
    ]  # fmt: skip
    address = f"https://127.0.0.1:{port}"
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    with running(command, folder / "worker.log", f"{address}/v1/facts", tls=trusting, ready_status=401):
        yield address


@contextlib.contextmanager
def fetching(opa: Path, folder: Path, root: Path, address: str, polling: object, token: str = TOKEN) -> Iterator[str]:
    """An OPA with the page's configuration; its address."""
    page = (root / "docs/how-to/use-a-real-opa.md").read_text("utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    configuration = yaml.safe_load(example)
    service = configuration["services"]["worker"]
    service["url"] = service["url"].replace("https://worker.corp:8383", address)
    given = folder / "given-token"
    given.write_text(token, "utf-8")
    service["credentials"]["bearer"]["token_path"] = str(given)
    service["tls"]["ca_cert"] = str(folder / "ca.crt")
    if polling is not None:
        configuration["bundles"]["facts"]["polling"] = polling
    (folder / "opa.yaml").write_text(yaml.safe_dump(configuration), "utf-8")
    own = f"127.0.0.1:{free_port()}"
    command = [str(opa), "run", "--server", "--addr", own, "--config-file", str(folder / "opa.yaml"), "policies"]
    with running(command, folder / "fetching.log", f"http://{own}/health", cwd=root):
        yield f"http://{own}"


def loaded(sink: str) -> bool:
    return request(f"{sink}/health?bundles").status == 200


@pytest.mark.parametrize("polling", POLLING)
def test_documents_in_a_bundle_decide_as_those_that_are_put(
    polling: str, docker_registry: str, clair: Clair, opa: Path, root: Path, tmp_path: Path
) -> None:
    clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
    place = docker_registry.partition("://")[2]
    bad = push(docker_registry, "library/nginx", "bad", [debian(OPENSSL)])
    good = push(docker_registry, "library/nginx", "good", [debian(ZLIB)])
    images.push_index(docker_registry, "library/nginx", "multi", {"linux/amd64": good, "linux/arm64": bad})
    push(docker_registry, "library/nginx/extra", "1", [debian(ZLIB)])
    late = f"late-{polling}"
    asked = [
        f"{place}/library/nginx:good", f"{place}/library/nginx:bad", f"{place}/library/nginx:multi",
        f"{place}/library/nginx@{good.digest}", f"{place}/library/nginx/extra:1", f"{place}/library/nginx:none",
        "evil.example/library/nginx:good", "library/nginx:good", "nginx:good",
    ]  # fmt: skip
    with (
        policy_server([str(opa)], tmp_path, "opa") as theirs,
        policy_server([COMMAND], tmp_path, "ours") as ours,
        worker(tmp_path, docker_registry, clair, "--opa-url", theirs, "--opa-url", ours) as address,
        fetching(opa, tmp_path, root, address, POLLING[polling]) as fetched,
    ):
        for sink in (theirs, ours, fetched):
            parameters = {"scan": {"registry": place, "secure_namespaces": ["*"]}}
            assert request(f"{sink}/v1/data/image_policy", parameters, method="PUT").status == 204
        until(lambda: loaded(fetched), "the bundle")
        until(lambda: "multi" in stored(fetched, "library/nginx"), "the first images")

        def all_agree() -> bool:
            answers = [{image: codes(sink, image) for image in asked} for sink in (theirs, ours, fetched)]
            return answers[0] == answers[1] == answers[2] and "scan-unknown" not in answers[2][asked[4]]

        until(all_agree, "the same verdicts")
        answers = {image: codes(fetched, image) for image in asked}
        assert not {"scan-vulnerable", "scan-unknown"} & answers[asked[0]]
        assert "scan-vulnerable" in answers[asked[1]]
        assert "scan-vulnerable" in answers[asked[2]]
        assert not {"scan-vulnerable", "scan-unknown"} & answers[asked[3]]
        assert all("scan-unknown" in answers[image] for image in asked[5:])
        whole = [request(f"{sink}/v1/data/{at}").json() for sink in (theirs, fetched) for at in ("docker", "clair")]
        assert whole[:2] == whole[2:]

        assert "scan-unknown" in codes(fetched, f"{place}/library/nginx:{late}")
        pushed = push(docker_registry, "library/nginx", late, [debian(("zlib1g", "1:1.2.13-9", "zlib"))])
        took = until(
            lambda: not {"scan-unknown", "scan-vulnerable"} & codes(fetched, f"{place}/library/nginx:{late}"),
            "a new tag",
        )
        print(f"{polling} polling: a new tag is decided after {took:.2f} s")
        images.remove(docker_registry, "library/nginx", pushed.digest)
        until(lambda: late not in stored(fetched, "library/nginx"), "a tag that was deleted")
        refused = request(f"{fetched}/v1/data/docker/layers/evil", {"x": 1}, method="PUT")
        assert refused.status == 400  # the roots are the bundle's


def test_an_opa_without_the_token_gets_nothing(
    docker_registry: str, clair: Clair, opa: Path, root: Path, tmp_path: Path
) -> None:
    with (
        worker(tmp_path, docker_registry, clair) as address,
        fetching(opa, tmp_path, root, address, POLLING["short"], token="another-token") as fetched,
    ):
        log = tmp_path / "fetching.log"
        until(lambda: "Unauthorized" in log.read_text("utf-8"), "OPA's word that it was refused")
        assert not loaded(fetched)
        assert stored(fetched, "library/nginx") == set()
