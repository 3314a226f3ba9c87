"""Bitwise operations: outcomes as OPA gives them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    "bits.and(-1, 255)": "255",
    "bits.xor(-1, 1)": "-2",
    "bits.rsh(-8, 1)": "-4",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


@given(st.integers(), st.integers())
def test_as_python_does(a: int, b: int) -> None:
    got = value("[bits.and(input.a, input.b), bits.or(input.a, input.b), bits.xor(input.a, input.b)]", a=a, b=b)
    assert got == [a & b, a | b, a ^ b]


@given(st.integers(), st.integers(0, 200))
def test_shifts(a: int, by: int) -> None:
    assert value("[bits.lsh(input.a, input.n), bits.rsh(input.a, input.n)]", a=a, n=by) == [a << by, a >> by]
