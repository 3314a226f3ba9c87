"""The real servers, where this machine has them.

E2E_REQUIRE names those that must be there: opa, kube, registry, clair.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgresql
from tools import peers

from . import supply


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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    """A real PostgreSQL that Clair can use."""
    with postgresql.running(tmp_path_factory) as started:
        supply.prepare(started, started.socket.parent / "share")
        yield started


@pytest.fixture(scope="session")
def clair(server: postgresql.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[supply.Clair]:
    """A real Clair v4."""
    binary, importer = peer("clair", "clair"), peer("clair-import", "clair")
    with supply.clair(binary, importer, server.new_database(), tmp_path_factory.mktemp("clair")) as started:
        yield started


@pytest.fixture(scope="session")
def docker_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real registry."""
    with supply.registry(peer("docker-registry", "registry"), tmp_path_factory.mktemp("registry")) as address:
        yield address
