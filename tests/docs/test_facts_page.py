"""The page about facts: its example has the fields that there are, its table the codes that there are."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from image_enforcer.services.remedies import remedy

GOLDEN = Path("tests/services/golden")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs/reference/facts.md").read_text(encoding="utf-8")


def fields(document: Any, path: str = "") -> set[str]:
    """Every path of names in a document; lists count as what stands in them."""
    if isinstance(document, dict):
        return {
            found for name, value in document.items() for found in {f"{path}.{name}"} | fields(value, f"{path}.{name}")
        }
    if isinstance(document, list):
        return {found for value in document for found in fields(value, path)}
    return set()


def test_the_example_has_the_fields_that_there_are(page: str, root: Path) -> None:
    (text,) = re.findall(r"```json\n(\{\n  \"facts\".*?)```", page, re.DOTALL)
    example = json.loads(text)
    (shown,) = example["images"].values()
    real = json.loads((root / GOLDEN / "index.json").read_text(encoding="utf-8"))
    assert fields(shown) == fields(real)
    assert set(example["facts"]) == {"epoch", "revision", "as_of", "age_seconds"}


def test_the_table_has_the_codes_that_there_are(page: str, root: Path) -> None:
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = {code.partition("/")[0] for row in rows for code in re.findall(r"`([a-z-]+(?:/CODE)?)`", row)}
    source = "".join(
        (root / "src/image_enforcer/services" / f"{name}.py").read_text(encoding="utf-8")
        for name in ("gather", "informing")
    )
    made = re.findall(r"_reason\(\s*f?\"([a-z-]+)", source) + re.findall(r"\"code\": \"([a-z-]+)\"", source)
    made += ["unscannable", "scan-failed"]
    assert set(made) <= listed
    assert not {code for code in made if code != "unparsable" and remedy(code) == remedy("none")}
    golden = [json.loads(path.read_text(encoding="utf-8")) for path in (root / GOLDEN).glob("*.json")]
    assert {reason["code"].partition("/")[0] for found in golden for reason in found["unknown"]} <= listed
