"""The details of type errors as OPA's JSON."""

from typing import Any

import pytest

from image_enforcer.opa import presentation
from image_enforcer.rego import CompileError, compile_modules


def details(query: str) -> Any:
    policy = compile_modules({"a.rego": "package a\n\nf(x) := 1\n"})
    with pytest.raises(CompileError) as failed:
        policy.prepare(query)
    return presentation.errors(failed.value)[0]["details"]


def steps(*names: str) -> list[dict[str, str]]:
    head, *rest = names
    return [{"type": "var", "value": head}, *({"type": "string", "value": n} for n in rest)]


def test_operands() -> None:
    found = details("lower(1)")
    assert found["have"] == [{"type": "number"}]
    assert found["want"] == {"args": [{"name": "x", "type": "string"}, {"name": "y", "type": "string"}]}
    assert details('startswith("a")')["want"] == {
        "args": [{"name": "search", "type": "string"}, {"name": "base", "type": "string"}]
    }


def test_sides() -> None:
    assert details('1 = "a"') == {"a": {"type": "number"}, "b": {"type": "string"}}


def test_steps_that_are_not_there() -> None:
    found = details('x := {"a": 1}; x.b')
    assert (found["pos"], found["want"], found["oneOf"]) == (1, {"type": "string"}, ["a"])
    found = details("x := [1]; x.b")
    assert (found["ref"], found["want"], found["oneOf"]) == (steps("x", "b"), {"type": "number"}, None)


def test_references_that_cannot_go_on() -> None:
    assert details("x := 1; x.y") == {"ref": steps("x", "y"), "pos": 0, "have": {"type": "number"}}
    assert details("data.a.f")["ref"] == steps("data", "a", "f")
