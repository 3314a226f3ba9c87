"""Schemas from files and folders."""

from pathlib import Path

import pytest

from image_enforcer.opa.errors import LoadError
from image_enforcer.opa.schemas import load_schemas


def test_one_file_is_for_every_input(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{"type": "object"}')
    assert load_schemas(str(tmp_path / "s.json")) == {(): {"type": "object"}}


def test_a_folder_gives_schemas_their_names(tmp_path: Path) -> None:
    (tmp_path / "k8s" / "v1").mkdir(parents=True)
    (tmp_path / "k8s" / "v1" / "pod.json").write_text('{"type": "string"}')
    (tmp_path / "input.yaml").write_text("type: number")
    (tmp_path / "p.rego").write_text("package p")
    assert load_schemas(str(tmp_path)) == {("input",): {"type": "number"}, ("k8s", "v1", "pod"): {"type": "string"}}


def test_every_fault_is_told(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{")
    with pytest.raises(LoadError) as caught:
        load_schemas(str(tmp_path))
    assert len(caught.value.causes) == 2
    with pytest.raises(LoadError, match="no such file"):
        load_schemas(str(tmp_path / "none"))
