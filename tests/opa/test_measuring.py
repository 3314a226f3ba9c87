"""Measuring with a clock that we move, and figures as Go prints them."""

from collections.abc import Iterator

import pytest

from image_enforcer.opa.measuring import Measured, document, figure, measure, memory_text, times_text


class Clock:
    """Each look at it is a nanosecond later; doing something takes what it says."""

    def __init__(self, took: int) -> None:
        self.now = 0
        self.took = took
        self.done = 0

    def __call__(self) -> int:
        return self.now

    def do(self) -> None:
        self.now += self.took
        self.done += 1


@pytest.mark.parametrize("took", [1_000, 10_000_000, 2_000_000_000])
def test_it_goes_on_for_about_as_long_as_wanted(took: int) -> None:
    clock = Clock(took)
    found = measure(clock.do, clock=clock, memory=False)
    assert found.time == found.count * took
    assert found.count == 1 or 10**9 <= found.time <= 2 * 10**9
    assert len(found.times) == min(found.count, 1_000_000)
    assert set(found.times) == {took}


def test_what_is_raised_ends_it() -> None:
    def fail() -> Iterator[None]:
        raise LookupError("no")

    with pytest.raises(LookupError):
        measure(fail)


def test_memory_is_what_one_evaluation_holds() -> None:
    found = measure(lambda: bytearray(1_000_000), seconds=0.0)
    assert 1_000_000 <= found.bytes < 1_100_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "         0"), (123456.7, "    123457"), (99.95, "       100"), (12.34, "        12.3"),
        (1.234, "         1.23"), (0.1234, "         0.123"), (0.01234, "         0.0123"),
        (0.001234, "         0.00123"), (0.0001234, "         0.000123"),
    ],
)  # fmt: skip
def test_figures(value: float, text: str) -> None:
    assert figure(value) == text


def test_texts() -> None:
    found = Measured(1000, 2_000_000, 512, 7, {"b/op": 1.5, "a/op": 2})
    assert times_text(found) == "    1000\t      2000 ns/op\t         2.00 a/op\t         1.50 b/op"
    assert memory_text(found) == "     512 B/op\t       7 allocs/op"
    assert document(found)["MemBytes"] == 512_000
