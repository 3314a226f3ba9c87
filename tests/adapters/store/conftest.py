"""A PostgreSQL server of our own for the session, and a fresh database in it for each test."""

from collections.abc import Iterator

import pytest

from tests import postgresql


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgresql.Server]:
    """Skips where its wheel is not installed."""
    with postgresql.running(tmp_path_factory) as started:
        yield started


@pytest.fixture
def database(server: postgresql.Server) -> str:
    """The address of an empty database."""
    return server.new_database()
