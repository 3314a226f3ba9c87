"""What the quick encoder writes is what the careful one writes; all else it leaves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.rego import to_json
from image_enforcer.rego.json_quick import LONGEST, MOST_VALUES, quick_json
from image_enforcer.rego.json_text import MAX_TEXT
from image_enforcer.rego.values import TRUE_KEY, Num, RegoSet

TEXTS = st.one_of(st.text(max_size=6), st.text('ab<>&"\\\n\x7f\u2028é\ud800', max_size=6))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS, st.sampled_from([Num("1.50"), RegoSet.of([2, 1])])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(TEXTS, st.integers(0, 3)), inner, max_size=4)
    ),
    max_leaves=12,
)


def careful(value: Any) -> str:
    """The text without the quick way, which is for the usual bound alone."""
    return to_json(value, most=MAX_TEXT - 1)


@given(VALUES)
def test_both_write_the_same(value: Any) -> None:
    made = quick_json(value)
    assert made is None or made == careful(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -5,
        "",
        "plain text",
        "<a&b>",
        '"\\\n\b\f\x01\x7f',
        "é\u2028",
        RegoSet.of([2, "a"]),
        [],
        {},
        [1, [2]],
        {"b": 1, "a": {"d": None, "c": False}},
    ],
)
def test_common_values_are_written_quickly(value: Any) -> None:
    assert quick_json(value) == careful(value)


@pytest.mark.parametrize(
    "value",
    [
        "\ud800", 1 << 63, Num("1.0"), {1: 2},
        {TRUE_KEY: 1}, {"k": Num("1e3")}, "x" * (LONGEST + 1), {"x" * (LONGEST + 1): 1},
        list(range(MOST_VALUES + 1)), {str(i): i for i in range(MOST_VALUES + 1)},
    ],
)  # fmt: skip
def test_everything_else_is_left(value: Any) -> None:
    assert quick_json(value) is None


def test_a_small_value_with_a_long_text_is_left() -> None:
    value: Any = ["x"]
    for _ in range(60):
        value = [value, value]
    assert quick_json(value) is None
