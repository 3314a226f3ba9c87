"""Lengths of time as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.settings.durations import LONGEST, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("60", 60), ("0", 0), ("1.5", 1.5), ("60s", 60), ("1m30s", 90), ("1.5h", 5400), ("2d", 172_800),
        ("500ms", 0.5), ("1h0m0s", 3600), ("1m1m", 120),
    ],
)  # fmt: skip
def test_what_is_one(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "s", "1x", "-1s", "+1s", "1 s", "1s ", "1m 30s", "1,5s", "1e3", "nan", "inf", "0x10", "1S", "٣s", "٣",
        "1m30", "30s1", "1..5s", ".5s", "9" * 400, "9" * 400 + "d", "367d", "1_000", "1\n",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"write 60s, 5m or 1h30m"):
        seconds(text)


@given(st.integers(0, 100), st.integers(0, 59), st.integers(0, 59))
def test_parts_add_up(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest
    assert seconds(str(hours * 3600 + minutes * 60 + rest)) == hours * 3600 + minutes * 60 + rest


@given(st.text(alphabet="0123456789.smhd -e", max_size=12))
def test_anything_is_a_bounded_number_or_an_error(text: str) -> None:
    try:
        found = seconds(text)
    except ValueError:
        return
    assert 0 <= found <= LONGEST
