"""Safety: what gets a value from where, in whatever order it was written."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer import rego
from tests.rego.check.compiling import problems


@pytest.mark.parametrize(
    "text",
    [
        "p if { x > 1; x = input.y }",
        "p if { y = x; x = 1 }",
        "p if { not q[x]; x = 1 }\nq contains 1",
        "p if { [x, {1: y}] = input; y > x }",
        "p if { x = input[_]; count([z | z = x]) > 0 }",
        "p if { count([z | z = x]) > 0; x = 1 }",
        "p if { some i; input[i] == input[i + 1] }",
        "p if { split(input, \".\", parts); parts[0] }",
        "p if { y with input as x; x = 1 }\ny if input",
        "p if { every x in y { x > z }; y = [1]; z = 2 }",
        "p if { x := $\"{input.a}\" }",
        "f(x) := y if { y = x }",
        "p[x] := y if { input[x] = y }",
        "p := v if { {\"a\": x | x := 1} = {\"a\": v} }",
    ],
)  # fmt: skip
def test_safe(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("f(input.x) := 1", ["input"]),
        ("f([input.x]) := 1 if input.y", ["input"]),
        ("p := v if { {\"a\": v} := {\"a\": x | x := 1} }", ["v"]),
        ("p if { x > 1 }", ["x"]),
        ("p if { x = y }", ["x", "y"]),
        ("p if { x := y }", ["y"]),
        ("p if { x := y; z := x + w }", ["y", "w"]),
        ("p if { not x }", ["x"]),
        ("p if { not input.a[x] }", ["x"]),
        ("p := x", ["x"]),
        ("p contains x if true", ["x"]),
        ("p[x] := 1 if true", ["x"]),
        ("p if { count([z | z = x]) > 0 }", ["x", "z"]),
        ("p if { {x} = {1} }", ["x"]),
        ("p if { q with input as x }\nq if input", ["x"]),
        ("p if { every x in y { x } }", ["y"]),
        ("p if { every x in [1] { x > y } }", ["y"]),
        ("p if { x := $\"{y}\" }", ["y"]),
        ("p if true else := x", ["x"]),
        ("p if { x + 1 = 2 }", ["x"]),
        ("p if { not _ = 1 }", ["_"]),
    ],
)  # fmt: skip
def test_unsafe(text: str, names: list[str]) -> None:
    assert sorted(problems(text)) == sorted(f"1: unsafe_var_error: var {n} is unsafe" for n in names)


@given(st.randoms(use_true_random=False))
def test_unification_in_any_order(chance: random.Random) -> None:
    lines = ["a = input.x", "b = a + 1", "c = [d | d = a + b]", "e = {c[0]: f}", "e = {3: 4}", "not c == []", "f > b"]
    chance.shuffle(lines)
    policy = rego.compile_modules({"a.rego": "package a\np := f if {\n" + "\n".join(lines) + "\n}"})
    assert policy.prepare("data.a.p").value(input={"x": 1}) == 4
