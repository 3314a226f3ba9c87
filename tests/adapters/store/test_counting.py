"""Whose word counts, in both databases."""

from collections.abc import Callable
from pathlib import Path

import pytest

from image_enforcer.adapters.store.opening import open_store
from image_enforcer.ports.store import Store
from tests.contract.store.counting import CountingContract


class TestSqlite(CountingContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Callable[[], Store]:
        return lambda: open_store(f"sqlite:///{tmp_path / 'store.db'}")


class TestPostgresql(CountingContract):
    @pytest.fixture
    def opened(self, database: str) -> Callable[[], Store]:
        return lambda: open_store(database)
