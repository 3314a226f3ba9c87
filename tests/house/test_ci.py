"""`.ci/run` runs the three groups in order, fails where one fails, and closes with a line that counts the tests."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NEEDED = [
    "bash",
    "dirname",
    "mktemp",
    "rm",
    "timeout",
    "tee",
    "grep",
    "tail",
    "sed",
    "awk",
    "cat",
    "nice",
    "sleep",
]
MAKE = """#!/usr/bin/env bash
echo "running $1" >> ran
case $1 in
  check) echo "Success: no issues found"; exit {check} ;;
  test) echo "SKIPPED [1] tests/a.py:3: no shared cases"; echo "=== 312 passed, 1 skipped in 3.21s ==="; exit {test} ;;
  e2e) while [ ! -s built ]; do sleep 0.1; done; echo "=== {counts} in 93.21s (0:01:33) ==="; exit {e2e} ;;
esac
"""


PEERS = """
print("opa: not available: Go is not installed", flush=True)
open("built", "w").write("done")
"""


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Path:
    """A tree that holds .ci/run, and a PATH with little more than a make of ours."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    (tmp_path / "bin").mkdir()
    for name in NEEDED:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/peers.py").write_text(PEERS, encoding="utf-8")
    shutil.copytree(root / ".ci", tmp_path / ".ci")
    return tmp_path


def ci(
    tree: Path, *, check: int = 0, test: int = 0, e2e: int = 0, counts: str = "8 passed, 2 skipped"
) -> tuple[int, str, str]:
    """Exit code, output and the closing line."""
    make = tree / "bin/make"
    make.write_text(MAKE.format(check=check, test=test, e2e=e2e, counts=counts), encoding="utf-8")
    make.chmod(0o755)
    done = subprocess.run(
        [".ci/run"], cwd=tree, capture_output=True, text=True, check=False, timeout=60,
        env={**{k: v for k, v in os.environ.items() if k not in {"CI", "E2E_REQUIRE"}}, "PATH": str(tree / "bin")},
    )  # fmt: skip
    assert done.stderr == ""
    closing = re.sub(r"=+", "=", done.stdout.splitlines()[-1])
    return done.returncode, done.stdout, re.sub(r"in \d+\.00s", "in Ns", closing)


def test_all_green(tree: Path) -> None:
    code, output, closing = ci(tree)
    assert (code, closing) == (0, "= 320 passed, 3 skipped in Ns =")
    assert (tree / "ran").read_text(encoding="utf-8") == "running check\nrunning test\nrunning e2e\n"
    assert "SKIPPED [1] tests/a.py:3: no shared cases" in output.partition("==== what was skipped ====")[2]
    assert "opa: not available: Go is not installed" in output


def test_a_failing_check_ends_it(tree: Path) -> None:
    code, output, closing = ci(tree, check=2)
    assert (code, closing) == (1, "= 1 error, 0 passed in Ns =")
    assert (tree / "ran").read_text(encoding="utf-8") == "running check\n"
    assert "check: FAILED, exit code 2" in output


def test_failing_tests_end_it(tree: Path) -> None:
    assert ci(tree, test=1)[0] == 1
    assert "e2e" not in (tree / "ran").read_text(encoding="utf-8")


def test_failing_servers(tree: Path) -> None:
    code, output, closing = ci(tree, e2e=2, counts="1 failed, 8 passed, 2 skipped")
    assert (code, closing) == (1, "= 1 failed, 320 passed, 3 skipped in Ns =")
    assert "e2e: FAILED, 1 failed, 8 passed, 2 skipped" in output
