"""Terms that the checks take for bound although nothing binds them when they are evaluated: the answers are OPA's."""

from __future__ import annotations

import json

import pytest

from image_enforcer import rego


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p if { x = {x} }", {"p": True}),
        ("p if { m := 1; w = [x, [m | true]] }", {"p": True}),
        ("p if { m := 1; w = [x, [m | true], input.z] }", {}),
        ("p if { m := 1; w = [x, [m | true]]; w = [3, [2]] }", {}),
        ("p if { m := 1; w = [x, [m | true]]; w = [3, [1]] }", {"p": True}),
        ("p if { m := 1; w = [x, [m | true]]; x = 3; w = [4, [1]] }", {}),
        ("p := x if { [x, {y}] = input.a; y == 1 }", {}),
        ("p if { [x] = [{x, 1}] }", {"p": True}),
        ("p if { x = {1, input.z, x} }", {}),
        ("f(q) := 1 if { input[n][n] = z; data.d.l[w][1] == [w[n][1], data.d[w], data.u[z]] }\nq if f(1)", {}),
        ("f(x) := x\np if { f([x, x[0]]); x = [1] }", {"p": True}),
        ('f(x) := x\np := f({lower("A"): 1})', {"p": {"a": 1}}),
        ("p if { y := {1}; y = {z}; z = 1 }", {"p": True}),
        ("p if { {z} = {1}; z = 1 }", {"p": True}),
        ("p if { z = 1; {z} = {1} }", {"p": True}),
        ("f({x}) := x\np := f({1})", {}),
        ('f([x, {y: 1}]) := x\np := f([1, {"a": 1}])', {}),
        ("f([x, x[0]]) := x\np := f([[1], 1])", {}),
        ('f({lower("A"): 1}) := 1\np := f({"a": 1})', {}),
        ('f({lower("A"): x}) := x\np := f({"a": 1})', {}),
        ("f([x | x := 1]) := 1\np := f([1])", {"p": 1}),
        ("f([x, x]) := x\np := f([1, 1])\nq := f([1, 2])", {"p": 1}),
        ("f(x, [x, y]) := y\np := f(1, [1, 2])", {"p": 2}),
    ],
)
def test_what_nothing_binds_is_undefined(text: str, expected: object) -> None:
    query = rego.compile_modules({"t.rego": f"package t\n{text}"}).prepare("data.t")
    answer = query.value(input={"a": [1, [1]]}, data={"d": {"l": [[1, 2]]}, "u": {}})
    assert json.loads(rego.to_json(answer)) == expected
