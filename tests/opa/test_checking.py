"""Reading policies to check them: which files, which version, which faults."""

from pathlib import Path

import pytest

from image_enforcer.opa.checking import Version, check, parsed, policies
from image_enforcer.opa.errors import LoadError
from image_enforcer.rego import CompileError

V0 = "package a\nallow { true }\n"
V1 = "package a\nallow if true\n"
BOTH = "package a\nimport rego.v1\nallow if true\n"


def test_data_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text(V1)
    (tmp_path / "data.json").write_text("{")
    (tmp_path / "b_test.rego").write_text(V1)
    assert sorted(Path(p).name for p in policies([str(tmp_path)])) == ["a.rego", "b_test.rego"]
    assert sorted(Path(p).name for p in policies([str(tmp_path)], ["*_test.rego"])) == ["a.rego"]
    assert policies([str(tmp_path / "data.json")]) == {}


def test_every_fault_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text(V0)
    (tmp_path / "b.rego").write_bytes(b"\xff")
    with pytest.raises(LoadError) as e:
        policies([str(tmp_path), str(tmp_path / "nope")])
    assert len(e.value.faults) == 3


@pytest.mark.parametrize(
    ("version", "right"),
    [("v0", (V0, BOTH)), ("v1", (V1, BOTH)), ("both", (BOTH,))],
)
def test_versions(version: Version, right: tuple[str, ...]) -> None:
    for text in (V0, V1, BOTH):
        if text in right:
            check({"a": parsed("a", text, version)}, version)
            continue
        with pytest.raises(CompileError) as e:
            parsed("a", text, version)
        assert version == "v0" or "hint" not in str(e.value)


def test_strict_and_limits() -> None:
    text = "package a\np if { x := 1 }\nq if { y := 1 }\nr if { z := 1 }\n"
    check({"a": parsed("a", text, "v1")})
    for most, count in ((1, 2), (2, 3), (0, 3)):
        with pytest.raises(CompileError) as e:
            check({"a": parsed("a", text, "v1")}, strict=True, max_errors=most)
        assert len(e.value.problems) == count
