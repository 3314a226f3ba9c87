"""How many statements a module may have: the bound on rules counts rules alone, and imports have one of their own."""

from __future__ import annotations

import pytest

from image_enforcer import rego
from image_enforcer.rego.syntax import parse_module
from image_enforcer.rego.syntax.statements import MAX_RULES


def module(rules: int, imports: int) -> str:
    """A module with so many of each."""
    return "\n".join(["package t", *(["import data.a"] * imports), *(f"r{i} := 1" for i in range(rules)), ""])


def test_as_many_rules_as_the_bound_says() -> None:
    assert len(parse_module("m.rego", module(MAX_RULES, 3)).rules) == MAX_RULES


@pytest.mark.parametrize(
    ("rules", "imports", "told"),
    [
        (MAX_RULES + 1, 0, "more than 10000 rules in one module"),
        (1, MAX_RULES, "more than 10000 imports in one module"),
    ],
)
def test_no_more_than_the_bound(rules: int, imports: int, told: str) -> None:
    with pytest.raises(rego.CompileError, match=told):
        parse_module("m.rego", module(rules, imports))
