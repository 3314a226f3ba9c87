"""An authority that no system trusts, and what it signed."""

from pathlib import Path

import pytest

from tests.e2e.certificates import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)
