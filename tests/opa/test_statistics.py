"""Numbers of several runs: percentiles as OPA's histograms have them, figures as Go prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_enforcer.opa.statistics import figure, statistics, whole


def test_two_runs() -> None:
    assert statistics([13079, 23555]) == {
        "75%": 23555, "90%": 23555, "95%": 23555, "99%": 23555, "99.9%": 23555, "99.99%": 23555,
        "count": 2, "max": 23555, "mean": 18317, "median": 18317, "min": 13079, "stddev": 5238,
    }  # fmt: skip


def test_between_values() -> None:
    found = statistics([1, 2, 3, 4])
    assert (found["median"], found["75%"], found["90%"], found["mean"]) == (2.5, 3.75, 4, 2.5)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_percentiles_lie_between_the_least_and_the_most(numbers: list[int]) -> None:
    found = statistics(numbers)
    assert found["min"] <= found["median"] <= found["75%"] <= found["99.99%"] <= found["max"]
    assert found["count"] == len(numbers)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (15603, "15603"), (16304.5, "16304.5"), (548808.0, "548808"), (1129008.0, "1.129008e+06"),
        (1668878.0, "1.668878e+06"), (2000000.0, "2e+06"), (0.0, "0"), (0.5, "0.5"),
        (12345678901.5, "1.23456789015e+10"),
    ],
)  # fmt: skip
def test_figures(number: float, shown: str) -> None:
    assert figure(number) == shown


def test_whole_numbers_have_no_fraction() -> None:
    assert repr(whole(2.0)) == "2"
    assert whole(2.5) == 2.5
