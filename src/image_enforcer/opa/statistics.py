"""Numbers of several runs summed up, with the names and the percentiles of OPA's histograms."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import Final

SHARES: Final = {
    "75%": 0.75, "90%": 0.9, "95%": 0.95, "99%": 0.99, "99.9%": 0.999, "99.99%": 0.9999,
}  # fmt: skip


def statistics(numbers: Sequence[int]) -> dict[str, int | float]:
    """Least, most, mean and so on, in the order of their names."""
    mean = fsum(numbers) / len(numbers)
    stddev = sqrt(fsum((n - mean) ** 2 for n in numbers) / len(numbers))
    ordered = sorted(numbers)
    return {
        **{name: _percentile(ordered, share) for name, share in SHARES.items()},
        "count": len(numbers),
        "max": ordered[-1],
        "mean": mean,
        "median": _percentile(ordered, 0.5),
        "min": ordered[0],
        "stddev": stddev,
    }


def whole(number: float) -> int | float:
    """A number without a fraction as an integer, as JSON shows it."""
    return int(number) if number == int(number) else number


def figure(number: float) -> str:
    """A number as Go prints it: those with fractions in powers of ten from a million on."""
    if isinstance(number, int):
        return str(number)
    digits, _, power = f"{number!r}".partition("e")
    exponent = int(power) if power else len(digits.lstrip("-").partition(".")[0]) - 1
    if -5 < exponent < 6 and not power:
        return digits.removesuffix(".0")
    figures, point, rest = digits.replace("-", "").partition(".")
    shown = (figures + rest).strip("0") if point else figures
    sign = "-" if number < 0 else ""
    return (
        f"{sign}{shown[:1]}{'.' if len(shown) > 1 else ''}{shown[1:]}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    )


def _percentile(ordered: Sequence[int], share: float) -> float:
    """A value between the two that stand next to the place."""
    place = share * (len(ordered) + 1)
    if place < 1:
        return float(ordered[0])
    if place >= len(ordered):
        return float(ordered[-1])
    below, above = ordered[int(place) - 1], ordered[int(place)]
    return below + (place - int(place)) * (above - below)
