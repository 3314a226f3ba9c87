"""Tables: as OPA draws them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.tables import columns_of, listing, table


def test_headers_are_centred_and_cells_to_the_left() -> None:
    assert table(["name", "x"], [["a", "1"], ["abcdefg", "2"]]).splitlines() == [
        "┌─────────┬───┐",
        "│  name   │ x │",
        "├─────────┼───┤",
        "│ a       │ 1 │",
        "│ abcdefg │ 2 │",
        "└─────────┴───┘",
    ]


def test_a_header_of_several_lines() -> None:
    assert table(["numbers.range(1,\n2)[_]"], [["1"]]).splitlines() == [
        "┌──────────────────┐",
        "│ numbers.range(1, │",
        "│      2)[_]       │",
        "├──────────────────┤",
        "│ 1                │",
        "└──────────────────┘",
    ]


def test_wide_and_combining_characters() -> None:
    assert table(['{"日本"}[x]'], [['"e\u0301"'], ['"日本"'], ['"a"']]).splitlines() == [
        "┌─────────────┐",
        '│ {"日本"}[x] │',
        "├─────────────┤",
        '│ "e\u0301"         │',
        '│ "日本"      │',
        '│ "a"         │',
        "└─────────────┘",
    ]


@pytest.mark.parametrize(
    ("text", "columns"),
    [("", 0), ("abc", 3), ("日", 2), ("😀", 2), ("é", 1), ("e\u0301", 1), ("\u200d", 0), ("a\x7f", 1)],
)
def test_columns(text: str, columns: int) -> None:
    assert columns_of(text) == columns


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])), min_size=2, max_size=2), max_size=5
    )
)
def test_every_line_is_as_wide(rows: list[list[str]]) -> None:
    assert len({columns_of(line) for line in table(["a", "b"], rows).split("\n")}) == 1


def test_a_listing_has_a_rule_between_its_rows() -> None:
    assert listing([("a", "1\n22"), ("bb", "")]) == (
        "┌────┬────┐\n│ a  │ 1  │\n│    │ 22 │\n├────┼────┤\n│ bb │    │\n└────┴────┘"
    )
