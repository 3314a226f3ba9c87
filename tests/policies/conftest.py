"""The sample policies and data, read once, and the mock reviews decided with our own engine."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from image_enforcer import rego


def modules(folder: Path, *, tests: bool) -> dict[str, str]:
    """The Rego files below a folder by their names there; with `tests` the `_test.rego` ones too."""
    found = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.rego"))}
    return {name: text for name, text in found.items() if tests or not name.endswith("_test.rego")}


@pytest.fixture(scope="session")
def sources(root: Path) -> Mapping[str, str]:
    """The sample policies and their tests, by file name."""
    return modules(root / "policies", tests=True)


@pytest.fixture(scope="session")
def policy(root: Path) -> rego.Policy:
    """The sample policies without their tests, compiled."""
    return rego.compile_modules(dict(modules(root / "policies", tests=False)))


@pytest.fixture(scope="session")
def sample_data(root: Path) -> rego.Value:
    """The sample data as `./data/*` mounts it."""
    return {name: rego.from_json((root / "data" / name / f"{name}.json").read_bytes()) for name in ("docker", "clair")}
