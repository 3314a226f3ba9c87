"""The commands of the page about testing work on the files that it shows, and print what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs/how-to/test-policies.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(not (BIN / "image-enforcer").exists(), reason="the image-enforcer command is not installed")
def test_commands(page: str, tmp_path: Path) -> None:
    for name, text in re.findall(r"^```rego file=(\S+)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    script = "\n".join(["set -euo pipefail", *blocks(page, "sh")])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("IMAGE_ENFORCER_")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        env={**inherited, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (shown,) = blocks(page, "text")
    assert done.stdout.startswith(shown)
    written = (tmp_path / "coverage.json").read_text(encoding="utf-8")
    assert written.startswith('{\n  "files": {\n    "policies/shop.rego"')
    assert '<testcase classname="data.shop_test" name="test_others/evil/web:1"' in (tmp_path / "tests.xml").read_text()
