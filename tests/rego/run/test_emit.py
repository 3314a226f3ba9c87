"""The text of generated code: Python has nothing to warn of in it."""

from __future__ import annotations

import pytest

from image_enforcer import rego

STEPS_INTO_CONSTANTS = [
    'some "b", w in 1',
    'some "b", w in true',
    'some "b", w in null',
    'some "b", w in "text"',
    "some 0, w in 7",
    '1 in input.x; some "b", w in 0',
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("body", STEPS_INTO_CONSTANTS)
def test_a_constant_has_no_steps(body: str) -> None:
    policy = rego.compile_modules({"a.rego": f"package a\n\np if {{ {body} }}\n"})
    assert policy.prepare("data.a.p").value(input={}) is rego.UNDEFINED
