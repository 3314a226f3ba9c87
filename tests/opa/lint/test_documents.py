"""Documents: missing ones, sets as large as the data, elements of elements, containers, rules beside data."""

import pytest

from image_enforcer.opa.lint import lint
from image_enforcer.rego import parse_module


def codes(text: str, data: object = None) -> list[str]:
    return [f.rule.code for f in lint({"a.rego": parse_module("a.rego", "package a\n\n" + text)}, data=data or {})]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("default allow := false\n\nallow if {\n\tinput.ok\n\tnot data.blocked[input.image]\n}\n", ["IL301"]),
        ("default allow := false\n\nallow if {\n\tinput.ok\n\tnot input.image in data.blocked\n}\n", ["IL301"]),
        ("default allow := false\n\nallow if {\n\tinput.ok\n\tnot data.a.bad\n}\n\nbad if input.x\n", []),
        ("deny contains 1 if not data.known[input.image]\n", []),
        ("deny contains 1 if exempt\n\nexempt if not data.known[input.image]\n", []),
        ("deny contains 1 if not exempt\n\nexempt if not data.known[input.image]\n", ["IL301"]),
        ("deny contains 1 if not input.image in {l.image | some l in data.layers}\n", ["IL302"]),
        ("deny contains 1 if not input.image in {l.image | some l in data.layers[input.org]}\n", []),
        ("deny contains 1 if {\n\tsome org in input.orgs\n\tnot 1 in [l | some l in data.layers[org]]\n}\n", []),
        ("deny contains 1 if not input.image in known\n\nknown contains l.image if some l in data.layers\n", []),
    ],
)
def test_documents(text: str, found: list[str]) -> None:
    assert codes(text) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("some c in input.request.object.spec.containers", ["IL304"]),
        ("some c in input.spec.template.spec.containers", ["IL304"]),
        ("some c in input.containers", []),
        ('some kind in ["containers", "initContainers"]; some c in input.request.object.spec[kind]', []),
        ('some c in input.spec.containers; input.apiVersion == "imagepolicy.k8s.io/v1alpha1"', []),
    ],
)
def test_containers(line: str, found: list[str]) -> None:
    assert codes(f"images contains c.image if {{\n\t{line}\n}}\n") == found


def test_init_containers_may_be_looked_at_elsewhere_in_the_package() -> None:
    one = "images contains c.image if some c in input.spec.containers\n"
    assert codes(one) == ["IL304"]
    assert codes(one + "\nimages contains c.image if some c in input.spec.initContainers\n") == []


def test_rules_beside_data() -> None:
    assert codes("limits := 1\n", {"a": {"limits": 1}}) == ["IL305"]
    assert codes("limits := 1\n", {"a": {"limit": 1}}) == []
    assert codes("limits.cpu := 1\n", {"a": {"limits": {"cpu": 1}}}) == ["IL305"]
    assert codes("limits := 1\n", [1]) == []


def test_decisions() -> None:
    assert codes("deny contains 1 if time.now_ns() > 1\n") == ["IL401"]
    assert codes('deny contains rand.intn("x", 2)\n') == ["IL401"]
    assert codes("test_x if print(1)\n") == []
    assert codes("x := [1 | print(2)]\n") == ["IL402"]
