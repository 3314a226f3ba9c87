"""Bodies too long for one function answer as short ones do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from image_enforcer import rego
from image_enforcer.rego.run.parts import LONGEST

MANY = 5 * LONGEST
STEPS = "\n".join(f"\tx{i + 1} := x{i} + data.one" for i in range(MANY))


def answer(text: str, given: object, query: str = "data.t.p") -> Any:
    found = rego.compile_modules({"t.rego": f"package t\n{text}"}).prepare(query)
    value = found.value(input=given, data={"one": 1})
    return None if value is rego.UNDEFINED else json.loads(rego.to_json(value))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"p := [a, x{MANY}] if {{\n\ta := input.a\n\tx0 := input.n\n{STEPS}\n}}", ["a", MANY + 3]),
        (f"p := [a, b] if {{\n\ta := input.a\n\tx0 := input.n\n{STEPS}\n\tb := input.b\n}}", None),
        (f"p := 1 if {{\n\tx0 := input.n\n{STEPS}\n\tx{MANY} == 2\n}}\nelse := 2 if input.a", 2),
        (f"p := f(input.n, 4)\nf(x0, y) := x{MANY} + y if {{\n{STEPS}\n}}", MANY + 7),
        (f"p contains [k, x7, x{MANY}] if {{\n\tx0 := input.n\n{STEPS}\n\tsome k in [1, 2]\n}}",
         [[1, 10, MANY + 3], [2, 10, MANY + 3]]),
        (f"p[k] := x{MANY} if {{\n\tx0 := input.n\n{STEPS}\n\tsome k in input.l\n}}", {"c": MANY + 3, "d": MANY + 3}),
        (f"p if 2 in s\ns contains k if {{\n\tx0 := input.n\n{STEPS}\n\tk := x{MANY} - {MANY + 1}\n}}", True),
        (f"p := v if {{\n\tx0 := input.n\n{STEPS}\n\tv := data.two with data.two as x{MANY}\n}}", MANY + 3),
    ],
)  # fmt: skip
def test_answers(text: str, expected: object) -> None:
    assert answer(text, {"a": "a", "n": 3, "l": ["c", "d"]}) == expected


def test_a_step_that_fails_in_the_middle_ends_it() -> None:
    text = f"p := x{MANY} if {{\n\tx0 := input.n\n{STEPS}\n}}"
    steps = text.replace(f"x{MANY // 2} + data.one", f"x{MANY // 2} + input.missing")
    assert answer(text, {"n": 3}) == MANY + 3
    assert answer(steps, {"n": 3}) is None


def test_no_text_of_a_long_body_is_long() -> None:
    policies = rego.compile_modules({"t.rego": f"package t\np := x{MANY} if {{\n\tx0 := input.n\n{STEPS}\n}}"})
    texts = policies.prepare("data.t.p").linked.source
    assert len(texts) > MANY / LONGEST
    assert max(map(len, texts)) < 3 * sum(map(len, texts)) / len(texts)
