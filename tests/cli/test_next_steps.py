"""Whatever goes wrong with registries, scanners and sinks has a next step."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_enforcer.cli import next_steps
from image_enforcer.ports.registry import RegistryError
from image_enforcer.ports.scanner import ScannerError
from image_enforcer.ports.sink import SinkError

OUTCOMES = {"Failed": 0, "Unscannable": 0, "_trouble": 2}
"""What names the reason of a scan that failed, and which argument that is."""


def codes(root: type[RegistryError] | type[ScannerError] | type[SinkError]) -> set[str]:
    return {root.code}.union(*[codes(kind) for kind in root.__subclasses__()])


def told(path: Path) -> Iterator[str]:
    """The codes of outcomes that a module names, as text or by a choice of two."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            place = OUTCOMES.get(name)
            said = node.args[place] if place is not None and len(node.args) > place else None
            if isinstance(said, ast.Constant):
                yield str(said.value)
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "code":
            words = [str(n.value) for n in ast.walk(node.value) if isinstance(n, ast.Constant)]
            yield from (word for word in words if "-" in word)


def test_every_error_of_a_registry_has_a_step() -> None:
    found = codes(RegistryError)
    assert {"not-found", "lying", "rate-limited"} < found
    assert found <= next_steps._REGISTRY.keys()


def test_every_error_of_a_sink_has_a_step() -> None:
    assert codes(SinkError) <= next_steps._SINK.keys()


def test_every_error_of_a_scanner_and_every_end_of_a_scan_has_a_step(root: Path) -> None:
    assert codes(ScannerError) <= next_steps._SCAN.keys()
    source = root / "src/image_enforcer"
    found = {
        code
        for path in [*(source / "adapters/scanners").glob("*.py"), source / "services/scanning.py"]
        for code in told(path)
    }
    assert {"layer-refused", "scan-lost", "parent-unknown", "unsupported-digest", "request-too-large"} < found
    assert found <= next_steps._SCAN.keys()
    assert "--serve-blobs-addr" in next_steps.of_scan("layer-refused")


@pytest.mark.parametrize("of", [next_steps.of_registry, next_steps.of_scan, next_steps.of_sink])
def test_what_nobody_knows_has_one_too(of: object) -> None:
    assert callable(of)
    assert of("no such code") == next_steps.OTHERWISE


def test_a_registry_that_fails_a_scan_has_its_own_step() -> None:
    assert next_steps.of_scan("not-found") == next_steps.of_registry("not-found")
