"""The REPL's page and its help name every command, and no other."""

import re
from pathlib import Path

from image_enforcer.opa.repl.commands import COMMANDS


def test_the_page_lists_every_command(root: Path) -> None:
    text = (root / "docs/reference/repl.md").read_text(encoding="utf-8")
    section = text.partition("## Commands")[2].partition("## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", section, flags=re.MULTILINE)
    assert listed == list(COMMANDS)
