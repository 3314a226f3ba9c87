"""What somebody may have meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego.builtins.graphql.suggestions import did_you_mean, or_list, suggested
from image_enforcer.rego.builtins.graphql.unstable_order import sorted_as_go


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


MANY = (
    "aabc aa acab bacc aaa bcba baca acac cca bccb cbac abab aaaa ca aac caa bcb abcb ba bcbb "
    "bc abac cb bbcb accb cacc baaa aaac ccca aba acc abc caac babc cac aab acbc bcc baba aacc "
    "babb ab cc ccbc bbbc ac bba ccb abcc cbb bacb cba bbb ccc bac acaa bccc abba bb bca"
)


def test_of_many_that_are_as_near_those_are_told_that_opa_tells() -> None:
    assert suggested("xabca", MANY.split())[:5] == ["abcb", "bca", "abba", "abcc", "baba"]


@given(st.lists(st.integers(0, 4), max_size=300) | st.lists(st.integers(), max_size=100))
def test_what_go_sorts_is_in_order_and_complete(ranks: list[int]) -> None:
    places = sorted_as_go(range(len(ranks)), rank=ranks.__getitem__)
    assert sorted(places) == list(range(len(ranks)))
    assert [ranks[i] for i in places] == sorted(ranks)
