"""What holds for the tree as a whole: nothing in it belongs to one machine, and nothing is left half done."""

import re
import subprocess
from pathlib import Path

import pytest

TEXT = {".py", ".rego", ".md", ".toml", ".txt", ".in", ".json", ".sh", ".yaml", ".yml", ".cfg", ""}
# Put together from parts, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(r"(?<![\w.])/" + r"(?:work|farm|root|tmp/[a-z])" + r"\b")
REGISTRIES = re.compile(
    "|".join(("pypi" + r"\.org", "files.python" + "hosted", "proxy.go" + "lang", "registry.npm" + "js"))
)
UNFINISHED = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3, "NotImplemented" + "Error")) + r")\b")
PINNED = re.compile(r"[A-Za-z0-9._-]+==\S+(?: ; [^\\]+)? \\\n(?:\s+--hash=sha256:[0-9a-f]{64}(?: \\\n|$))+")
CATCH_ALL = re.compile(r"except\s*:|(?:except\s|except\s*\(|suppress\()(?:.*,)?\s*(?:Base)?" + r"Exception\b")


@pytest.fixture(scope="module")
def tree(root: Path) -> dict[str, str]:
    """The text files under version control, by path."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git work tree")
    paths = [root / name for name in listed if name and Path(name).suffix in TEXT]
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in paths
        if path.is_file() and not path.is_symlink()
    }


def places(tree: dict[str, str], pattern: re.Pattern[str], suffix: str = "") -> list[str]:
    """Where a pattern stands, as file:line."""
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tree.items()
        if name.endswith(suffix)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine(tree: dict[str, str]) -> None:
    assert places(tree, MACHINE_PATHS) == []


def test_no_address_of_a_package_registry(tree: dict[str, str]) -> None:
    assert places(tree, REGISTRIES) == []


def test_nothing_unfinished(tree: dict[str, str]) -> None:
    assert places({name: text for name, text in tree.items() if name.startswith("src/")}, UNFINISHED, ".py") == []


def test_what_catches_all_is_known() -> None:
    thrown = "Exception"
    hidden = [f"except {thrown}:", f"except ({thrown}, OSError):", f"except (OSError, Base{thrown}) as e:", "except :"]
    hidden += [f"with suppress({thrown}):", f"with contextlib.suppress(OSError, Base{thrown}):"]
    assert all(CATCH_ALL.search(line) for line in hidden)
    plain = ["except OSError:", f"except (OSError, http.client.HTTP{thrown}):", f"def f(error: {thrown}) -> str:"]
    assert not any(CATCH_ALL.search(line) for line in plain)


def test_no_catch_all(tree: dict[str, str]) -> None:
    assert places({name: text for name, text in tree.items() if name.startswith("src/")}, CATCH_ALL, ".py") == []


def test_no_house_of_helpers(tree: dict[str, str]) -> None:
    vague = {"utils.py", "util.py", "helpers.py", "helper.py", "common.py", "misc.py", "manager.py"}
    assert [name for name in tree if Path(name).name in vague] == []


def test_requirements_hold_versions_and_hashes_only(root: Path) -> None:
    for path in sorted((root / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path.name
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        for block in re.split(r"\n(?=[A-Za-z])", "\n".join(lines)):
            assert PINNED.fullmatch(block), f"{path.name}: {block[:80]}"


def test_every_dependency_is_pinned(root: Path) -> None:
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = set(
        re.findall(
            r"^([a-z0-9._-]+)==", (root / "requirements/runtime.txt").read_text(encoding="utf-8"), flags=re.MULTILINE
        )
    )
    for dependency in project["dependencies"]:
        name = re.split(r"[<>=!~ \[]", dependency)[0].lower().replace("_", "-")
        assert name in pinned, name


def test_every_package_has_its_charter(root: Path) -> None:
    import ast

    for path in sorted((root / "src").rglob("__init__.py")):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_no_shared_file_is_copied(tree: dict[str, str], shared_cases: Path) -> None:
    import hashlib

    ours = {hashlib.sha256(text.encode()).hexdigest(): name for name, text in tree.items() if len(text) > 500}
    copied = [
        f"{ours[digest]} = {path.relative_to(shared_cases)}"
        for path in shared_cases.rglob("*")
        if path.is_file() and (digest := hashlib.sha256(path.read_bytes()).hexdigest()) in ours
    ]
    assert copied == []
