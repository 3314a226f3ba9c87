"""The pages about lint: every rule with its reasons and examples, and commands that work one after another."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from image_enforcer.opa.lint import RULES

BIN = Path(sys.executable).parent


def words(text: str) -> str:
    return " ".join(text.split())


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def test_every_rule_has_its_section(root: Path) -> None:
    page = (root / "docs/reference/lint.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (IL\d+ \S+)\n(.*?)(?=^## |\Z)", page, flags=re.MULTILINE | re.DOTALL))
    assert list(sections) == [f"{r.code} {r.name}" for r in RULES]
    for rule in RULES:
        assert f"| [{rule.code}](#{rule.code.lower()}-{rule.name}) | {rule.severity} | `{rule.name}` |" in page
        section = sections[f"{rule.code} {rule.name}"]
        for said in (rule.summary, f"**Why.** {rule.why}", f"**Instead.** {rule.remedy}"):
            assert words(said) in words(section)
        assert blocks(section, "rego") == [rule.bad, rule.good]


@pytest.mark.slow
@pytest.mark.skipif(not (BIN / "image-enforcer").exists(), reason="the image-enforcer command is not installed")
def test_commands(root: Path, tmp_path: Path) -> None:
    page = (root / "docs/how-to/lint-policies.md").read_text(encoding="utf-8")
    script = "\n".join(["set -euo pipefail", *blocks(page, "sh")])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMAGE_ENFORCER_")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        env={**inherited, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(blocks(page, "text")[0])
    assert (tmp_path / "lint.sarif").is_file()
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks(page, "yaml"))
