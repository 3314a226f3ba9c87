"""From a real registry by way of a real Clair into the store, a replica and a real OPA, and into decisions."""

import contextlib
import json
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.analysis import digest
from tests.postgresql import Server

from . import images
from .images import debian, push
from .servers import COMMAND, free_port, request, running
from .supply import Clair, vulnerability

OPENSSL = ("openssl", "3.0.11-1~deb12u2", "openssl")
ZLIB = ("zlib1g", "1:1.2.13", "zlib")
POLICY = """package io.k8s.image_policy

verify := {
	"apiVersion": "imagepolicy.k8s.io/v1alpha1",
	"kind": "ImageReview",
	"status": {"allowed": count(deny) == 0, "reason": concat("; ", deny)},
}

deny contains reason if {
	some image, facts in input.images
	facts.counts.High > 0
	reason := sprintf("%s has %d high findings", [image, facts.counts.High])
}
"""
LIMIT = 30.0
"""Seconds within which what was changed must have come through."""


def review(image: str, namespace: str = "production") -> dict[str, Any]:
    return {
        "apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"containers": [{"image": image}], "namespace": namespace},
    }  # fmt: skip


def until(found: Callable[[], bool], what: str) -> float:
    """Wait for something; the seconds that it took."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < LIMIT, f"{what} has not come in {LIMIT} s"
        time.sleep(0.02)
    return time.monotonic() - began


def stored(sink: str, repository: str) -> set[str]:
    """The versions of a repository that an OPA has. Asked for by its whole path, 1.0 would be taken for a number."""
    found: dict[str, Any] = _json(sink, f"/v1/data/docker/layers/{repository}").get("result", {})
    return set(found)


@contextlib.contextmanager
def policy_server(command: list[str], folder: Path, name: str) -> Iterator[str]:
    """OPA, or ours in its place, with the sample policies; its address."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    serving = [*command, "run", "-s", "--addr", f"127.0.0.1:{port}", str(Path(__file__).parents[2] / "policies")]
    with running(serving, folder / f"{name}.log", f"{address}/health"):
        yield address


@contextlib.contextmanager
def deciding(
    folder: Path, registry: str, clair: Clair, *options: str, ask: float = 5.0
) -> Iterator[Callable[[str], dict[str, Any]]]:
    """A worker and a server that decides by its facts: asks about one image, and gives the status."""
    facts, reviews, admin = free_port(), free_port(), free_port()
    policy = folder / "policy.rego"
    policy.write_text(POLICY, "utf-8")
    worker = [
        COMMAND, "worker", "--repository", "shop/web,shop/api", "--registry-url", registry, "--clair-url", clair.url,
        "--store", f"sqlite:///{folder / 'store.db'}", "--addr", f"127.0.0.1:{facts}", "--poll-delay", "1s",
        "--recheck", "1s", *options,
    ]  # fmt: skip
    serve = [
        COMMAND, "serve", "--policy", str(policy), "--addr", f"127.0.0.1:{reviews}", "--admin-addr",
        f"127.0.0.1:{admin}", "--facts", f"http://127.0.0.1:{facts}", "--facts-copy", str(folder / "facts.db"),
        "--facts-ask", f"{ask:g}",
    ]  # fmt: skip
    snapshot = f"http://127.0.0.1:{facts}/v1/facts/changes?epoch=none"

    def decided(image: str) -> dict[str, Any]:
        document = request(f"http://127.0.0.1:{reviews}/image-policy", review(image)).json()
        assert isinstance(document, dict)
        status: dict[str, Any] = document["status"]
        return status

    with (
        running(worker, folder / "worker.log", snapshot, ready_status=409),
        running(serve, folder / "serve.log", f"http://127.0.0.1:{admin}/readyz"),
    ):
        yield decided


def test_what_is_pushed_and_what_becomes_known_reaches_decisions(
    docker_registry: str, clair: Clair, opa: Path, tmp_path: Path
) -> None:
    clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
    place = docker_registry.partition("://")[2]
    push(docker_registry, "shop/web", "1.0", [debian(ZLIB)])
    push(docker_registry, "shop/api", "1.0", [debian(OPENSSL)])
    with policy_server([str(opa)], tmp_path, "opa") as sink, deciding(
        tmp_path, docker_registry, clair, "--opa-url", sink
    ) as ask:  # fmt: skip
        until(lambda: ask(f"{place}/shop/web:1.0")["allowed"], "the first image")
        assert "1 high" in ask(f"{place}/shop/api:1.0")["reason"]

        new = f"{place}/shop/web:2.0"
        refused = ask(new)
        assert not refused["allowed"]
        assert "[unknown-image]" in refused["reason"]
        pushed = push(docker_registry, "shop/web", "2.0", [debian(("zlib1g", "1:1.2.13-5", "zlib"))])
        took = until(lambda: ask(new)["allowed"], "a new image")
        until(lambda: "2.0" in stored(sink, "shop/web"), "a new image's document in OPA")
        print(f"a pushed image is decided after {took:.2f} s")
        layer = urllib.parse.quote(pushed.layers[0])
        until(lambda: "result" in _json(sink, f"/v1/data/clair/layers/{layer}"), "its layer's document in OPA")

        known = [
            vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1"),
            vulnerability("CVE-2026-0002", "zlib", "1:99"),
        ]
        clair.know(known)
        took = until(lambda: "1 high" in ask(new).get("reason", ""), "a new vulnerability")
        print(f"a new vulnerability decides after {took:.2f} s")
        until(
            lambda: "CVE-2026-0002" in json.dumps(_json(sink, f"/v1/data/clair/layers/{layer}")),
            "a new vulnerability's document in OPA",
        )

        images.remove(docker_registry, "shop/web", pushed.digest)
        until(lambda: "[unknown-image]" in ask(new)["reason"], "a deleted tag")
        until(lambda: "2.0" not in stored(sink, "shop/web"), "a deleted tag's document")
        assert "1 high" in ask(f"{place}/shop/web:1.0")["reason"]


def test_an_image_that_was_just_pushed_is_decided_in_the_first_review_that_names_it(
    docker_registry: str, clair: Clair, server: Server, tmp_path: Path
) -> None:
    """Though its repository will not be looked at again for an hour; the worker's store is a PostgreSQL here."""
    clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
    place = docker_registry.partition("://")[2]
    push(docker_registry, "shop/web", "asked-0", [debian(ZLIB)])
    push(docker_registry, "shop/api", "asked-0", [debian(ZLIB)])
    (tmp_path / "settings.yaml").write_text(f"allow: ['{place}/other/*']\n", "utf-8")
    options = ("--poll-delay", "1h", "--store", server.new_database(), "--settings", str(tmp_path / "settings.yaml"))
    with deciding(tmp_path, docker_registry, clair, *options, ask=20.0) as ask:
        until(lambda: ask(f"{place}/shop/web:asked-0")["allowed"], "the first image")
        push(docker_registry, "shop/web", "asked-1", [debian(("zlib1g", "1:1.2.13-8", "zlib"))])
        push(docker_registry, "shop/api", "asked-1", [debian(OPENSSL, ("zlib1g", "1:1.2.13-8", "zlib"))])
        push(docker_registry, "other/app", "asked-1", [debian(("zlib1g", "1:1.2.13-9", "zlib"))])
        push(docker_registry, "elsewhere/app", "asked-1", [debian(ZLIB)])
        began = time.monotonic()
        assert ask(f"{place}/shop/web:asked-1") == {"allowed": True}
        print(f"the first review of a pushed image took {time.monotonic() - began:.2f} s")
        assert "1 high" in ask(f"{place}/shop/api:asked-1")["reason"]
        assert ask(f"{place}/other/app:asked-1") == {"allowed": True}
        assert "(not-resolved)" in ask(f"{place}/elsewhere/app:asked-1")["reason"]
        assert "(not-resolved)" in ask(f"{place}/shop/web:never")["reason"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_our_report_holds_clairs_findings_one_for_one(
    kind: str, docker_registry: str, clair: Clair, server: Server, tmp_path: Path
) -> None:
    clair.know([
        vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1"),
        vulnerability("CVE-2026-0003", "openssl", "", "Critical"), vulnerability("CVE-2026-0004", "zlib", "1:1", "Low"),
    ])  # fmt: skip
    pushed = push(docker_registry, f"one/{kind}", "1", [debian(OPENSSL, ("libssl3", OPENSSL[1], "openssl"), ZLIB)])
    store = f"sqlite:///{tmp_path / 'store.db'}" if kind == "sqlite" else server.new_database()
    synced = _sync(docker_registry, clair, f"one/{kind}", "--store", store)
    assert synced == 0
    theirs = _json(clair.url, f"/matcher/api/v1/vulnerability_report/{pushed.digest}")
    wanted = sorted(
        (theirs["packages"][package]["name"], theirs["vulnerabilities"][number]["name"])
        for package, numbers in theirs["package_vulnerabilities"].items()
        for number in numbers
    )
    opened = open_store(store)
    try:
        report = opened.report(digest.parse(pushed.digest), "clair-v4")
    finally:
        opened.close()
    assert report is not None
    assert sorted((f.package.name, f.vulnerability) for f in report.findings) == wanted
    assert len(wanted) == 4
    assert {f.package.layer for f in report.findings} == set(pushed.layers)


def test_documents_in_a_real_opa_decide_as_in_ours(
    docker_registry: str, clair: Clair, opa: Path, tmp_path: Path
) -> None:
    clair.know([vulnerability("CVE-2026-0001", "openssl", "3.0.13-1~deb12u1")])
    place = docker_registry.partition("://")[2]
    bad = push(docker_registry, "library/nginx", "bad", [debian(OPENSSL)])
    good = push(docker_registry, "library/nginx", "good", [debian(ZLIB)])
    images.push_index(docker_registry, "library/nginx", "multi", {"linux/amd64": good, "linux/arm64": bad})
    push(docker_registry, "library/nginx/extra", "1", [debian(ZLIB)])
    asked = [
        f"{place}/library/nginx:good", f"{place}/library/nginx:bad", f"{place}/library/nginx:multi",
        f"{place}/library/nginx@{good.digest}", f"{place}/library/nginx/extra:1", f"{place}/library/nginx:none",
        "evil.example/library/nginx:good", "library/nginx:good", "nginx:good",
    ]  # fmt: skip
    with (
        policy_server([str(opa)], tmp_path, "opa") as theirs,
        policy_server([COMMAND], tmp_path, "ours") as ours,
    ):
        for sink in (theirs, ours):
            parameters = {"scan": {"registry": place, "secure_namespaces": ["*"]}}
            assert request(f"{sink}/v1/data/image_policy", parameters, method="PUT").status == 204
        repositories = "library/nginx,library/nginx/extra"
        assert _sync(docker_registry, clair, repositories, "--opa-url", theirs, "--opa-url", ours,
                     "--store", f"sqlite:///{tmp_path / 'store.db'}") == 0  # fmt: skip
        answers = {image: codes(theirs, image) for image in asked}
        assert {image: codes(ours, image) for image in asked} == answers
    assert "scan-vulnerable" not in answers[asked[0]]
    assert "scan-unknown" not in answers[asked[0]]
    assert "scan-vulnerable" in answers[asked[1]]
    assert "scan-vulnerable" in answers[asked[2]]
    assert not {"scan-vulnerable", "scan-unknown"} & answers[asked[3]]  # by its digest
    assert all("scan-unknown" in answers[image] for image in asked[5:])


def codes(sink: str, image: str) -> set[str]:
    answer = request(f"{sink}/v1/data/io/k8s/image_policy/verify", {"input": review(image)}).json()
    assert isinstance(answer, dict)
    reason = answer["result"]["status"].get("reason", "")
    return {part.rpartition("[")[2].rstrip("]") for part in reason.split("; ")} | {reason}


def _json(address: str, at: str) -> dict[str, Any]:
    answer = request(f"{address}{at}")
    document = answer.json() if answer.body else {}
    assert isinstance(document, dict)
    return document


def _sync(registry: str, clair: Clair, repositories: str, *options: str) -> int:
    import subprocess

    command = [COMMAND, "sync", "-repository", repositories, "-registry-url", registry, "-clair-url", clair.url]
    done = subprocess.run([*command, "--once", *options], capture_output=True, text=True, check=False, timeout=60)
    print(done.stdout, done.stderr)
    return done.returncode
