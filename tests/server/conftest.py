"""What several tests of the server are given: a store of either kind, a registry, and a worker that is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.ports.store import Store
from tests import postgresql
from tests.fakes.registry.server import FakeRegistry
from tests.server.asking import FakeWorker


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    """Skips where its wheel is not installed."""
    with postgresql.running(tmp_path_factory) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store, once in a file and once in a PostgreSQL."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry that holds nothing yet."""
    with FakeRegistry() as fake:
        yield fake


@pytest.fixture
def worker() -> Iterator[FakeWorker]:
    """A worker that gives no word until it is told to."""
    with FakeWorker() as fake:
        yield fake
