"""The page about sync lists the options and settings there are: none is missing, none is made up."""

import re
from pathlib import Path

import msgspec
import pytest

from image_enforcer.cli.main import main
from image_enforcer.settings import sync as settings

COMMANDS = ("sync", "worker", "up", "pull", "status", "db")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page's text."""
    return (root / "docs/reference/sync.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_listed(page: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", command]) == 0
    shown = capsys.readouterr().out.partition("Options:")[2].partition("In the environment")[0]
    there = {name for line in shown.splitlines() for name in re.findall(r"(?<![\w-])--?[a-z][\w-]*", line[:40])}
    section = page.partition(f"\n## {command}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `-")]
    assert {name for row in rows for name in re.findall(r"`(--?[\w-]+)`", row)} == there


def test_every_setting_is_listed(page: str) -> None:
    section = page.partition("\n## The settings file\n")[2]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    listed = {name for row in rows for name in re.findall(r"[a-z_]+(?=`|\[|\.)", row)}
    there = {
        field.name
        for part in (
            settings.Sync, settings.Registry, settings.Repository, settings.Mirror, settings.Scanner, settings.Blobs,
            settings.Sink,
        )
        for field in msgspec.structs.fields(part)
    }  # fmt: skip
    assert listed == there
