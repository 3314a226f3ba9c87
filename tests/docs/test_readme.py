"""The README's commands do what it says: the tour at the prompt, and every shell block on a copy of the samples."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import demo

BIN = Path(sys.executable).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BIN / "image-enforcer").exists(), reason="the image-enforcer command is not installed"),
]


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SHELL = blocks(README, "sh")


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A folder with the sample policies and data, as after cloning."""
    for name in ("policies", "data"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path


def test_the_first_block_is_the_tour() -> None:
    first = re.findall(r"^```\w*\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)[0]
    command, lines = demo.tour()
    assert first.startswith(command)
    assert command == "image-enforcer run ./policies ./data/* -w"
    assert lines == [
        "data.mock",
        "package repl",
        "input = data.mock.allowed",
        "data.io.k8s.image_policy.verify",
        "unset input",
        "input = data.mock.denied",
        "data.io.k8s.image_policy.verify",
    ]


def test_the_tour_gives_the_verdicts_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    mocks = demo.at_the_prompt()
    assert [container["image"] for container in mocks["allowed"]["spec"]["containers"]] == ["openpolicyagent/opa:0.4.9"]
    shown = capsys.readouterr().out
    assert shown.index('"allowed": true') < shown.index('"allowed": false')
    assert "library/wordpress:4-apache: known vulnerabilities in its layers" in shown


def test_the_tour_on_the_seed_data(shared_cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not (shared_cases / "seed-data").is_dir():
        pytest.skip("the shared cases hold no seed-data")
    demo.at_the_prompt(f"{shared_cases}/seed-data/*")
    assert "5 of its layers have not been scanned" in capsys.readouterr().out


def test_the_demonstration_passes(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tools/demo.py"], cwd=root, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.count("→ data.mock.allowed: allowed") == 2
    assert done.stdout.count("→ data.mock.denied: denied: library/wordpress:4-apache: ") == 2


def test_a_wrong_verdict_fails_the_demonstration() -> None:
    answers: tuple[object, ...] = (
        {},
        {"status": {}},
        {"status": {"allowed": True}},
        {"status": {"allowed": False}},
        [],
        None,
    )
    for answer in answers:
        with pytest.raises(demo.Failed):
            demo.expect("data.mock.denied", answer, allowed=False)


def run(block: str, folder: Path) -> str:
    """What a shell block prints, its fixed ports replaced by free ones; a failing command fails the test."""
    ports = {port: str(demo.free_port()) for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d+)", block)))}
    for fixed, free in ports.items():
        block = block.replace(f"127.0.0.1:{fixed}", f"127.0.0.1:{free}")
    script = f"set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{block}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=100,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "no_proxy": "*"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


WANTED = {
    "verify --policy policies --data data -n production openpolicyagent/opa:0.4.9\n": "openpolicyagent/opa:0.4.9",
    "wordpress:4-apache || test": "CVE-2005-2541",
    "image-enforcer serve": '"allowed":false',
    "image-enforcer sync": "would follow docker.io/library/redis",
    "image-enforcer init": "shop/web:1.4.2",
    "image-enforcer run --server": "the tag edge moves",
}


def test_every_shell_block_is_known() -> None:
    assert len(SHELL) == len(WANTED)
    for part in WANTED:
        assert sum(part in block for block in SHELL) == 1, part


@pytest.mark.parametrize("part", WANTED)
def test_shell_block(part: str, copy: Path) -> None:
    block = next(block for block in SHELL if part in block)
    if "curl" in block and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    assert WANTED[part].replace(" ", "") in run(block, copy).replace(" ", "")
