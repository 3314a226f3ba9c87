"""Semantic versions: outcomes as OPA gives them."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rego.builtins.expressions import outcome, value

OUTCOMES = {
    'semver.compare("1.0.0-alpha.1", "1.0.0-alpha.beta")': "-1",
    'semver.compare("1.0.0-rc.1", "1.0.0")': "-1",
    'semver.compare("1.0.0+a", "1.0.0+b")': "0",
    'semver.compare("1.0.0-10", "1.0.0-9")': "1",
    'semver.is_valid("1.0")': "false",
    'semver.is_valid("v1.0.0")': "true",
    'semver.is_valid("1.0.0-01")': "false",
}


@pytest.mark.parametrize("expression", OUTCOMES)
def test_outcome(expression: str) -> None:
    assert outcome(expression) == OUTCOMES[expression]


SPECIFICATION = [
    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
    "1.0.0", "1.0.1", "1.1.0", "2.0.0",
]  # fmt: skip
IDENTIFIERS = st.one_of(st.integers(0, 99).map(str), st.from_regex(r"[a-z][a-z0-9-]{0,3}", fullmatch=True))
VERSIONS = st.builds(
    lambda numbers, pre: ".".join(map(str, numbers)) + ("-" + ".".join(pre) if pre else ""),
    st.tuples(*[st.integers(0, 20)] * 3),
    st.lists(IDENTIFIERS, max_size=3),
)


def compared(a: str, b: str) -> int:
    return int(value("semver.compare(input.a, input.b)", a=a, b=b))


def test_the_order_of_the_specification() -> None:
    mixed = [*SPECIFICATION[5:], *SPECIFICATION[:5]]
    assert sorted(mixed, key=functools.cmp_to_key(compared)) == SPECIFICATION


@given(VERSIONS, VERSIONS, VERSIONS)
def test_a_total_order(a: str, b: str, c: str) -> None:
    assert compared(a, b) == -compared(b, a)
    assert (compared(a, b) == 0) == (a == b)
    if compared(a, b) <= 0 and compared(b, c) <= 0:
        assert compared(a, c) <= 0
