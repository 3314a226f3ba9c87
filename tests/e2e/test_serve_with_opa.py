"""`serve` gives the same answers whether the embedded engine decides or a real OPA, and denies when OPA is gone."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.reviews import ODD_IMAGES, images_of, review
from tests.e2e.servers import COMMAND, free_port, request, running


@contextlib.contextmanager
def serving(root: Path, log: Path, *arguments: str) -> Iterator[str]:
    """`serve` with these arguments; the address of its review path."""
    address, admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    command = [COMMAND, "serve", "--addr", address, "--admin-addr", admin, *arguments]
    with running(command, log, f"http://{admin}/readyz", cwd=root):
        yield f"http://{address}/image-policy"


@contextlib.contextmanager
def deciding(opa: Path, root: Path, log: Path, address: str) -> Iterator[None]:
    """A real OPA with the sample policies and data."""
    command = [str(opa), "run", "--server", "--addr", address, "--log-level", "error", "policies"]
    command += ["docker:data/docker", "clair:data/clair"]
    with running(command, log, f"http://{address}/health", cwd=root):
        yield


def status(url: str, document: object) -> dict[str, object]:
    """The status of an answer, which is an ImageReview with HTTP status 200."""
    answer = request(url, document)
    assert answer.status == 200
    body = answer.json()
    assert isinstance(body, dict)
    assert (body["kind"], body["apiVersion"]) == ("ImageReview", "imagepolicy.k8s.io/v1alpha1")
    found = body["status"]
    assert isinstance(found, dict)
    return found


def test_both_engines_answer_the_same(opa: Path, root: Path, tmp_path: Path) -> None:
    from tools import sample_data

    address = f"127.0.0.1:{free_port()}"
    with (
        deciding(opa, root, tmp_path / "opa.log", address),
        serving(root, tmp_path / "opa-serve.log", "--policy", f"http://{address}") as theirs,
        serving(root, tmp_path / "own-serve.log", "--policy", "policies", "--data", "data") as ours,
    ):
        allowed = 0
        for namespace in ("production", "staging"):
            for image in (*images_of(sample_data.manifests()), *ODD_IMAGES):
                document = review(image, namespace)
                answer = status(ours, document)
                assert status(theirs, document) == answer, image
                allowed += answer["allowed"] is True
        assert allowed > 10


def test_without_opa_everything_is_denied_until_it_is_back(opa: Path, root: Path, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    good = review("openpolicyagent/opa:0.4.9")
    with contextlib.ExitStack() as stack:
        with deciding(opa, root, tmp_path / "opa.log", address):
            url = stack.enter_context(serving(root, tmp_path / "serve.log", "--policy", f"http://{address}"))
            assert status(url, good) == {"allowed": True}
        answer = status(url, good)
        assert answer["allowed"] is False
        assert answer["reason"]
        with deciding(opa, root, tmp_path / "again.log", address):
            assert status(url, good) == {"allowed": True}


@pytest.mark.parametrize("broken", [b"{", b"", b"[]", b'{"kind": "Pod"}', b"\xff\xfe", b"[" * 100_000])
def test_broken_reviews_are_denied_with_a_reason(root: Path, tmp_path: Path, broken: bytes) -> None:
    with serving(root, tmp_path / "serve.log", "--policy", "policies", "--data", "data") as url:
        answer = status(url, broken)
        assert answer["allowed"] is False
        assert answer["reason"]
