"""The page about `serve` lists its options, its causes and its paths: none is missing, none is made up."""

import inspect
import re
from pathlib import Path

import pytest

from image_enforcer.cli import serve
from image_enforcer.domain.review import Cause
from image_enforcer.server.reviews import PATHS


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page's text."""
    return (root / "docs/reference/serve.md").read_text(encoding="utf-8")


def test_every_option_is_listed(page: str) -> None:
    written = {f"--{name.replace('_', '-')}" for name in inspect.signature(serve.serve).parameters}
    rows = [line for line in page.partition("## Answers")[0].splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(--[a-z-]+)`", row.split("|")[1])} == written


def test_every_cause_is_listed(page: str) -> None:
    assert set(re.findall(r"^\| `([a-z][a-z-]+)` \|", page, flags=re.MULTILINE)) == {cause.value for cause in Cause}


def test_every_path_is_named(page: str) -> None:
    assert all(f"POST {path}`" in page for path in PATHS)
