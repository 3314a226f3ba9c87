"""Lengths of time as Go writes them."""

import pytest

from image_enforcer.opa.testing.durations import duration


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"), (1, "1ns"), (1500, "1.5µs"), (2_000_000, "2ms"), (59_999_000_000, "59.999s"), (60 * 10**9, "1m0s"),
        (90_500_000_000, "1m30.5s"), (3600 * 10**9 + 1, "1h0m0.000000001s"), (60_000_500_000, "1m0.0005s"),
    ],
)  # fmt: skip
def test_as_go(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
