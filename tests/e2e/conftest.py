"""The real servers, where this machine has them. E2E_REQUIRE names those that must be there: opa, kube."""

import os
from pathlib import Path

import pytest

from tools import peers


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is an end-to-end test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def peer(name: str, group: str) -> Path:
    """The binary of a peer. Without it the test is skipped, or fails where E2E_REQUIRE names its group."""
    try:
        return peers.find(name)
    except peers.Unavailable as reason:
        required = {word.strip() for word in os.environ.get("E2E_REQUIRE", "").split(",")}
        if group in required:
            pytest.fail(f"E2E_REQUIRE names {group}, but: {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def opa() -> Path:
    """A real OPA."""
    return peer("opa", "opa")


@pytest.fixture(scope="session")
def etcd() -> Path:
    """A real etcd."""
    return peer("etcd", "kube")


@pytest.fixture(scope="session")
def kube_apiserver() -> Path:
    """A real kube-apiserver."""
    return peer("kube-apiserver", "kube")
