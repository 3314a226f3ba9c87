"""``with``: what is replaced is seen everywhere, however it is asked for."""

from __future__ import annotations

import pytest

from image_enforcer import rego


def query(policy: str, *, strict: bool = False) -> rego.Query:
    return rego.compile_modules({"t.rego": f"package t\n{policy}"}).prepare("data.t.p", strict_builtin_errors=strict)


@pytest.mark.parametrize(
    "policy",
    [
        'r[x] := 1 if some x in ["b"]\np := y if { y := r.b with data.t.r as {"b": 7} }',
        'r[x] := 1 if some x in []\np := y if { y := r.b with r as {"b": 7} }',
        'r contains x if some x in []\np := 7 if { r["b"] with r as {"b"} }',
        'r[x] := 1 if some x in ["b"]\nq := r.b\np := y if { y := q with data.t.r as {"b": 7} }',
        'g.h[x] := 1 if { some x in ["b"] }\np := y if { y := g.h.b with data.t.g as {"h": {"b": 7}} }',
        'g[x].h := 1 if { some x in ["b"] }\np := y if { y := g.b.h with data.t.g as {"b": {"h": 7}} }',
        'g[x] contains 1 if { some x in ["b"] }\np := 7 if { g.b["a"] with data.t.g as {"b": {"a"}} }',
    ],
)
def test_a_replaced_partial_document_is_not_asked(policy: str) -> None:
    assert query(policy).value() == 7


MOCKED = "f(x) := 1\nq := f(1)\np if { q with f as upper }"


def test_a_built_in_in_the_place_of_a_function_may_fail() -> None:
    assert query(MOCKED).value() is rego.UNDEFINED


def test_its_fault_is_one_of_the_call_in_strict_mode() -> None:
    with pytest.raises(rego.EvalError) as failed:
        query(MOCKED, strict=True).value()
    assert str(failed.value) == "t.rego:3: eval_type_error: upper: operand 1 must be string but got number"


def test_packages_stay_in_the_whole_of_data_when_it_is_replaced() -> None:
    policy = rego.compile_modules({"m.rego": "package a.b\nq := 1\n"})
    assert policy.prepare('data with data as {"only": 1}').value() == {"only": 1, "a": {"b": {}}}
    assert policy.prepare('data with data.a as {"z": 1}').value() == {"a": {"z": 1, "b": {}}}
    assert policy.prepare('data.a with data.a as {"z": 1}').value() == {"z": 1}


def test_the_whole_of_data_is_scanned_without_system() -> None:
    policy = rego.compile_modules({"m.rego": "package a\nq := 1\n"})
    assert policy.prepare("[k | data[k]]").value(data={"system": {"n": 1}, "b": 2}) == ["b", "a"]
    assert policy.prepare('[k | data[k]] with data as {"system": 1}').value(data={}) == ["system"]


@pytest.mark.parametrize("target", ["input[1]", "input.a[null]", "data.b[1]"])
def test_a_target_with_a_step_that_is_no_text_is_an_error(target: str) -> None:
    policy = rego.compile_modules({"t.rego": f"package t\np if {{ input.go; 1 with {target} as 2 }}"})
    query = policy.prepare("data.t.p")
    assert query.value(input={"a": 1}) is rego.UNDEFINED
    with pytest.raises(rego.EvalError, match="bad document path") as caught:
        query.value(input={"go": 1})
    assert (caught.value.code, caught.value.location.col) == ("eval_conflict_error", 18)
