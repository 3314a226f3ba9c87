"""What is told of bundles and policies, beside what OPA 1.22.2 tells."""

from pathlib import Path

import pytest

from image_enforcer.opa.errors import LoadError
from image_enforcer.opa.inspection.contents import inspect
from image_enforcer.opa.inspection.report import cut, report, shortened
from image_enforcer.rego import CompileError

POLICY = """# METADATA
# title: My package
# authors:
# - Jane <jane@example.com>
# - name: Bob
# organizations: [Acme]
# related_resources:
# - ref: https://example.com/2
#   description: second
# custom:
#  a: {c: [1, 2]}
package foo.bar

# METADATA
# description: only that
q.r[x] contains y if some x, y in input.z

# METADATA
# scope: document
# entrypoint: true
# title: the p
p := 1 if "x" in input
"""

NOTES = """ANNOTATIONS:
My package
==========

Package:  foo.bar
Location: {0}:12
Scope: package

Organizations:
 Acme

Authors:
 Jane <jane@example.com>
 Bob

Related Resources:
 https://example.com/2 second

Custom:
 a: {{"c":[1,2]}}

the p
=====

Package:  foo.bar
Rule:     p
Location: {0}:22
Scope: document
Entrypoint: true

foo.bar.q.r
===========

only that

Package:  foo.bar
Rule:     q.r[x]
Location: {0}:16
Scope: rule

"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("b/x").mkdir(parents=True)
    Path("b/a.rego").write_text(POLICY)
    Path("b/c.rego").write_text('package foo.bar\nimport future.keywords.and\nz if $"a{input.x}" == "b"\n')
    Path("b/x/data.json").write_text("{ not even JSON")
    return tmp_path


def test_annotations(folder: Path) -> None:
    del folder
    text = report(inspect("b/a.rego"), annotations=True)
    assert text.endswith(NOTES.format("b/a.rego"))
    assert "ANNOTATIONS" not in report(inspect("b/a.rego"), annotations=False)


def test_a_directory(folder: Path) -> None:
    del folder
    found = inspect("b").json(annotations=True)
    assert found["manifest"] == {"revision": "", "roots": [""]}
    assert found["namespaces"] == {"data.foo.bar": ["b/a.rego", "b/c.rego"], "data.x": ["b/x/data.json"]}
    assert [a["annotations"]["scope"] for a in found["annotations"]] == ["package", "document", "rule"]
    assert found["annotations"][1]["path"][-1] == {"type": "string", "value": "p"}
    needs = found["capabilities"]
    names = [b["name"] for b in needs["builtins"]]
    assert names == ["eq", "equal", "internal.member_2", "internal.template_string"]
    assert needs["future_keywords"] == ["and"]
    assert needs["features"] == ["rego_v1", "template_strings"]


def test_functions_may_be_missing(folder: Path) -> None:
    del folder
    Path("d.rego").write_text("package d\np if { nofunc(1); count(input.x) > data.lib.f(2) }\n")
    assert [b["name"] for b in inspect("d.rego").needs["builtins"]] == ["count", "eq", "gt"]
    Path("d.rego").write_text("package d\np if y > 1\n")
    with pytest.raises(CompileError, match="var y is unsafe"):
        inspect("d.rego")


def test_v0(folder: Path) -> None:
    del folder
    Path("e.rego").write_text("package e\np.q.r = 1 { true }\np.q.s[x] = 1 { x := input.x }\n")
    assert inspect("e.rego", version=0).needs["features"] == ["rule_head_ref_string_prefixes", "rule_head_refs"]
    with pytest.raises(LoadError):
        inspect("e.rego")


def test_long_paths() -> None:
    assert shortened("a/b.rego") == "a/b.rego"
    shown = shortened(f"/srv/{'x' * 30}/policies/registry_test.rego")
    assert len(shown) == 50
    assert shown.startswith("/srv/...")
    assert shown.endswith("/registry_test.rego")


def test_long_texts() -> None:
    assert cut("x" * 49, 50) == "x" * 49
    assert cut("x" * 50, 50) == "x" * 47 + "..."
