"""What somebody may have meant: the names that are near to one that is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ...meter import METER
from ..byte_texts import to_bytes
from .unstable_order import sorted_as_go

_SHOWN: Final = 5


def or_list(items: Sequence[str]) -> str:
    """``A, B, or C``, of five items at most."""
    shown = items[:_SHOWN]
    if len(shown) == 2:
        return f"{shown[0]} or {shown[1]}"
    return ", or ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def quoted_or_list(items: Iterable[str]) -> str:
    """The same with every item in quotes."""
    return or_list([f'"{item}"' for item in items])


def did_you_mean(start: str, typed: str, options: Iterable[str], in_quotes: bool = True) -> str:
    """The end of a message: what is near, or nothing."""
    near = suggested(typed, options)
    if not near:
        return ""
    return f" {start} {quoted_or_list(near) if in_quotes else or_list(near)}?"


def suggested(typed: str, options: Iterable[str]) -> list[str]:
    """The options that are near, the nearest first."""
    most = max(int(len(to_bytes(typed)) * 0.4 + 1), 1)
    near = [(distance, option) for option in options if (distance := _distance(typed, option, most)) <= most]
    return [option for _, option in sorted_as_go(near, rank=lambda pair: pair[0])]


def _distance(a: str, b: str, most: int) -> int:
    """How many characters have to be put in, left out or replaced; one where only case differs."""
    METER.spend(1)
    if a == b:
        return 0
    a, b = a.lower(), b.lower()
    if a == b:
        return 1
    if abs(len(a) - len(b)) > most:
        return most + 1
    METER.spend(len(a) * len(b) >> 1)
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], before if char == other else 1 + min(before, row[j], row[j - 1])
    return row[-1]
