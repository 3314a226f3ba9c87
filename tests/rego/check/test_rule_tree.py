"""The tree of rules: conflicts, recursion, and calls of what is no function."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from image_enforcer.rego.builtins import catalog
from image_enforcer.rego.check.overrides import INTERNAL
from image_enforcer.rego.signatures import signatures
from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p := 1\np contains 2", ["1: type_error: conflicting rules data.a.p found"]),
        ("f(x) := 1\nf(x, y) := 2", ["1: type_error: conflicting rules data.a.f found"]),
        ("p := 1\np[x] := 2 if x := 1", ["1: type_error: conflicting rules data.a.p[x] found"]),
        ("default p := 1\ndefault p := 2",
         ["0: type_error: multiple default rules data.a.p found at a.rego:2, a.rego:3"]),
        ("p := 1\np.q := 2", ["1: type_error: rule data.a.p conflicts with:\n  rule data.a.p.q at a.rego:3"]),
        ("p := 1\np := 2", []),
        ("p.q := 1\np.r := 2\np[x] := 3 if x := \"s\"", []),
        ("p if p", ["1: recursion_error: rule data.a.p is recursive: data.a.p -> data.a.p"]),
        ("p if q\nq if r\nr if { not p }", [
            "1: recursion_error: rule data.a.p is recursive: data.a.p -> data.a.q -> data.a.r -> data.a.p",
            "2: recursion_error: rule data.a.q is recursive: data.a.q -> data.a.r -> data.a.p -> data.a.q",
            "3: recursion_error: rule data.a.r is recursive: data.a.r -> data.a.p -> data.a.q -> data.a.r",
        ]),
        ("f(x) := f(x - 1)", ["1: recursion_error: rule data.a.f is recursive: data.a.f -> data.a.f"]),
        ("p if q\nq if { r }\nr := 1", []),
        ("p := 1 if q else := 2 if p\nq := 1",
         ["1: recursion_error: rule data.a.p is recursive: data.a.p -> data.a.p"]),
        ("p if nope(1)", ["1: type_error: undefined function nope"]),
        ("p if data.b.f(1)", ["1: type_error: undefined function data.b.f"]),
        ("f(x) := x\np if f(1, 2, 3)", ["2: type_error: function data.a.f has arity 1, got 3 arguments"]),
        ("p if count()", ["1: type_error: count: arity mismatch"]),
        ("f(x) := x\np := f", ["2: type_error: function data.a.f used as reference, not called"]),
        ("p if { x := []; count(x) with count as f }\nf(a, b) := 1", ["1: type_error: count: arity mismatch"]),
        ("p if { q with data.a.q.r as 1 }\nq := {}",
         ["1: compile_error: with keyword cannot partially replace virtual document(s)"]),
        ("p if { true with nope as 1 }",
         ["1: type_error: with keyword target must reference existing input, data, or a function"]),
        ("p if { true with walk as 1 }",
         ["1: compile_error: with keyword replacing built-in function: target must not be a relation"]),
    ],
)  # fmt: skip
def test_problems(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


def test_a_package_may_not_stand_where_a_rule_does() -> None:
    with pytest.raises(rego.CompileError, match=r"package a\.b conflicts with rule b defined at a\.rego:2"):
        rego.compile_modules({"a.rego": "package a\nb := 1", "b.rego": "package a.b\nc := 1"})


def test_a_rule_may_not_stand_where_a_document_does() -> None:
    with pytest.raises(rego.CompileError, match="conflicting rule for data path a/p found"):
        rego.compile_modules({"a.rego": "package a\np := 1"}, path_conflicts=lambda path: path == ("a", "p"))


def test_no_builtin_of_opa_is_missing() -> None:
    assert set(signatures()) - catalog.names() <= INTERNAL


def test_forbidden_builtins_are_refused() -> None:
    with pytest.raises(rego.CompileError, match=r"unsafe built-in function calls in expression: opa\.runtime"):
        rego.compile_modules({"a.rego": "package a\np := opa.runtime()"}, unsafe_builtins=frozenset({"opa.runtime"}))
