"""The page about OPA's commands lists their options: none is missing, none is made up."""

import re
from pathlib import Path

import pytest

from image_enforcer.cli.main import main
from image_enforcer.cli.refused import INSTEAD

COMMANDS = ("test", "check", "fmt", "parse", "deps", "inspect", "bench", "exec", "capabilities")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page's text."""
    return (root / "docs/reference/opa-commands.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_listed(page: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", command]) == 0
    shown = capsys.readouterr().out.partition("Options:")[2].partition("In the environment")[0]
    there = {name for line in shown.splitlines() if line.startswith("  ") for name in _names(line)}
    section = page.partition(f"## {command}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `-")]
    assert {name for row in rows for name in re.findall(r"`(--?[\w-]+)`", row.split("|")[1])} == there


def _names(line: str) -> list[str]:
    head = re.match(r"  ((?:--?[\w-]+(?:, )?)+)", line)
    return head[1].split(", ") if head else []


def test_what_is_refused_is_named(page: str) -> None:
    section = page.partition("## What is not there")[2]
    assert set(re.findall(r"`(\w+)`", section)) == set(INSTEAD)
