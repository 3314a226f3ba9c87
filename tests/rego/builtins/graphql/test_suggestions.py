"""What somebody may have meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.graphql.suggestions import did_you_mean, or_list, suggested


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a or b"),
        (["a", "b", "c"], "a, b, or c"),
        (list("abcdef"), "a, b, c, d, or e"),
    ],
)
def test_lists(items: list[str], text: str) -> None:
    assert or_list(items) == text


def test_the_nearest_come_first() -> None:
    assert suggested("name", ["mane", "NAME", "names", "other", "name"]) == ["name", "NAME", "names", "mane"]
    assert did_you_mean("Did you mean", "x", ["abc"]) == ""
    assert did_you_mean("Did you mean", "nam", ["name"], in_quotes=False) == " Did you mean name?"


@given(st.text(max_size=8), st.lists(st.text(max_size=8), max_size=4))
def test_what_is_there_is_always_near(typed: str, options: list[str]) -> None:
    assert typed in suggested(typed, [*options, typed])
