"""Room for recursion, before hypothesis looks at it."""

import pytest

from image_enforcer import rego


@pytest.fixture(autouse=True, scope="session")
def _room() -> None:
    """The first policy compiled makes it, of which hypothesis would warn in the middle of a test."""
    rego.compile_modules({})
