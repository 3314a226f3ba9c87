"""A real OPA and our engine agree about the sample policies, to the letter of every reason."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_enforcer import rego
from tests.e2e.reviews import PARAMETERS, all_reviews, review
from tests.e2e.servers import free_port, request, running
from tests.policies.conftest import modules


def run(opa: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """OPA's command line."""
    return subprocess.run([str(opa), *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_opa_accepts_the_sample_policies(opa: Path, root: Path) -> None:
    checked = run(opa, "check", "--strict", "policies", cwd=root)
    assert (checked.returncode, checked.stderr) == (0, "")
    formatted = run(opa, "fmt", "--list", "policies", cwd=root)
    assert (formatted.returncode, formatted.stdout) == (0, "")


def test_every_line_of_the_sample_policies_is_covered(opa: Path, root: Path) -> None:
    done = run(opa, "test", "--coverage", "policies", cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    uncovered = {name: file["not_covered"] for name, file in report["files"].items() if file.get("not_covered")}
    assert uncovered == {}
    assert report["coverage"] == 100


@pytest.fixture(scope="module", params=["sample", "seed"])
def facts(request: pytest.FixtureRequest, root: Path) -> Path:
    """The folder of a data set: docker/docker.json and clair/clair.json."""
    if request.param == "sample":
        return root / "data"
    folder = Path(request.getfixturevalue("shared_cases")) / "seed-data"
    if not folder.is_dir():
        pytest.skip("the shared cases hold no seed-data")
    return folder


@pytest.fixture(scope="module")
def server(opa: Path, root: Path, facts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real OPA server with the sample policies and the data set."""
    address = f"127.0.0.1:{free_port()}"
    command = [str(opa), "run", "--server", "--addr", address, "--log-level", "error", "policies"]
    command += [f"docker:{facts / 'docker'}", f"clair:{facts / 'clair'}"]
    log = tmp_path_factory.mktemp("opa") / "opa.log"
    with running(command, log, f"http://{address}/health", cwd=root):
        yield f"http://{address}"


@pytest.fixture(scope="module")
def data(facts: Path) -> dict[str, rego.Value]:
    """The same data for our engine."""
    return {name: rego.from_json((facts / name / f"{name}.json").read_bytes()) for name in ("docker", "clair")}


@pytest.fixture(scope="module")
def verify(root: Path) -> rego.Query:
    """Our answer to a review."""
    return rego.compile_modules(dict(modules(root / "policies", tests=False))).prepare(
        "data.io.k8s.image_policy.verify"
    )


def ours(verify: rego.Query, document: object, data: rego.Value) -> object:
    """Our answer as JSON."""
    answer: object = json.loads(rego.to_json(verify.value(input=rego.from_json(json.dumps(document)), data=data)))
    return answer


def theirs(server: str, document: object) -> object:
    """OPA's answer as JSON."""
    answer = request(f"{server}/v0/data/io/k8s/image_policy/verify", document)
    assert answer.status == 200, answer.body
    return answer.json()


def test_same_verdict_and_reason(server: str, verify: rego.Query, data: dict[str, rego.Value]) -> None:
    verdicts = []
    for document in all_reviews(data["docker"]):
        answer = theirs(server, document)
        assert ours(verify, document, data) == answer, document
        assert isinstance(answer, dict)
        verdicts.append(answer["status"]["allowed"])
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize("given", PARAMETERS, ids=json.dumps)
def test_same_verdict_with_parameters(
    server: str, verify: rego.Query, data: dict[str, rego.Value], given: object
) -> None:
    assert request(f"{server}/v1/data/image_policy", given, method="PUT").status in {204, 304}
    with_parameters = {**data, "image_policy": rego.from_json(json.dumps(given))}
    images = (
        "redis:7",
        "redis:5",
        "wordpress:4-apache",
        "shop/web:1.4.2",
        "registry.example/a:1",
        "localhost/a:1",
        "x:latest",
    )
    try:
        for namespace in ("production", "staging"):
            for image in images:
                document = review(image, namespace)
                assert ours(verify, document, with_parameters) == theirs(server, document), document
    finally:
        assert request(f"{server}/v1/data/image_policy", method="DELETE").status == 204


def test_mock_reviews(server: str) -> None:
    for name, allowed in (("allowed", True), ("denied", False)):
        mock = request(f"{server}/v1/data/mock/{name}").json()
        assert isinstance(mock, dict)
        answer = theirs(server, mock["result"])
        assert isinstance(answer, dict)
        assert answer["status"]["allowed"] is allowed
