"""The commands of the page about CI work on a copy of the samples, one after another."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BIN / "image-enforcer").exists(), reason="the image-enforcer command is not installed"),
]


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs/how-to/verify-in-ci.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


def test_commands(page: str, root: Path, tmp_path: Path) -> None:
    for name in ("policies", "data"):
        shutil.copytree(root / name, tmp_path / name)
    script = "\n".join(["set -euo pipefail", *blocks(page, "sh")])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMAGE_ENFORCER_")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        env={**inherited, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = re.sub(r"layers: .* \[", "layers: … [", done.stdout.splitlines(keepends=True)[2])
    assert "".join([*done.stdout.splitlines(keepends=True)[:2], shown]) in page
    assert {"verify.json", "verify.sarif", "verify.xml"} <= {path.name for path in tmp_path.iterdir()}


def test_workflows_are_yaml(page: str) -> None:
    assert all(isinstance(yaml.safe_load(block), dict) for block in blocks(page, "yaml"))
