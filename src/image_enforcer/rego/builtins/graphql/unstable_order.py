"""The order in which Go's ``sort.Slice`` leaves elements that are equal: that of its pattern-defeating quicksort.

Up to twelve elements are sorted by insertion, which keeps the order of equals; beyond, partitions swap them around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from ...meter import METER

T = TypeVar("T")

_BY_INSERTION: Final = 12
_NINTHER: Final = 50
"""From here on the pivot is a median of medians, and a few elements out of order are shifted first."""
_SHIFTS: Final = 5
_ALL_SWAPPED: Final = 12


def sorted_as_go(items: Sequence[T], rank: Callable[[T], int]) -> list[T]:
    """The items by rank."""
    METER.spend(8 * len(items), 100 * len(items))
    if len(items) <= _BY_INSERTION:
        return sorted(items, key=rank)
    sorting = _Sorting([rank(item) for item in items])
    sorting.sort(0, len(items), len(items).bit_length())
    return [items[i] for i in sorting.places]


class _Sorting:
    """Ranks being sorted, and where each was at first."""

    def __init__(self, ranks: list[int]) -> None:
        self.ranks = ranks
        self.places = list(range(len(ranks)))

    def swap(self, i: int, j: int) -> None:
        self.ranks[i], self.ranks[j] = self.ranks[j], self.ranks[i]
        self.places[i], self.places[j] = self.places[j], self.places[i]

    def less(self, i: int, j: int) -> bool:
        return self.ranks[i] < self.ranks[j]

    def sort(self, start: int, end: int, patience: int) -> None:
        balanced = partitioned = True
        while end - start > _BY_INSERTION:
            length = end - start
            if not patience:
                self.by_heap(start, end)
                return
            if not balanced:
                self.scatter(start, length)
                patience -= 1
            pivot, swaps = self.pivot(start, length)
            if swaps == _ALL_SWAPPED:
                self.reverse(start, end)
                pivot, swaps = end - 1 - (pivot - start), 0
            if balanced and partitioned and not swaps and self.is_nearly_sorted(start, end):
                return
            if start > 0 and not self.less(start - 1, pivot):
                start = self.past_equals(start, end, pivot)
                continue
            middle, partitioned = self.partition(start, end, pivot)
            balanced = min(middle - start, end - middle) >= length // 8
            if middle - start < end - middle:
                self.sort(start, middle, patience)
                start = middle + 1
            else:
                self.sort(middle + 1, end, patience)
                end = middle
        self.by_insertion(start, end)

    def by_insertion(self, start: int, end: int) -> None:
        order = sorted(range(start, end), key=self.ranks.__getitem__)
        self.ranks[start:end], self.places[start:end] = (
            [self.ranks[i] for i in order],
            [self.places[i] for i in order],
        )

    def by_heap(self, start: int, end: int) -> None:
        size = end - start
        for root in range((size - 1) // 2, -1, -1):
            self.sink(root, size, start)
        for last in range(size - 1, -1, -1):
            self.swap(start, start + last)
            self.sink(0, last, start)

    def sink(self, root: int, size: int, start: int) -> None:
        while (child := 2 * root + 1) < size:
            if child + 1 < size and self.less(start + child, start + child + 1):
                child += 1
            if not self.less(start + root, start + child):
                return
            self.swap(start + root, start + child)
            root = child

    def partition(self, start: int, end: int, pivot: int) -> tuple[int, bool]:
        """Where the pivot ends up, and whether nothing else had to move."""
        self.swap(start, pivot)
        low, high, moved = start + 1, end - 1, False
        while True:
            while low <= high and self.less(low, start):
                low += 1
            while low <= high and not self.less(high, start):
                high -= 1
            if low > high:
                self.swap(high, start)
                return high, not moved
            self.swap(low, high)
            low, high, moved = low + 1, high - 1, True

    def past_equals(self, start: int, end: int, pivot: int) -> int:
        self.swap(start, pivot)
        low, high = start + 1, end - 1
        while True:
            while low <= high and not self.less(start, low):
                low += 1
            while low <= high and self.less(start, high):
                high -= 1
            if low > high:
                return low
            self.swap(low, high)
            low, high = low + 1, high - 1

    def is_nearly_sorted(self, start: int, end: int) -> bool:
        at = start + 1
        for _ in range(_SHIFTS):
            while at < end and not self.less(at, at - 1):
                at += 1
            if at == end:
                return True
            if end - start < _NINTHER:
                return False
            self.swap(at, at - 1)
            if at - start >= 2:
                left = at - 1
                while left >= 1 and self.less(left, left - 1):
                    self.swap(left, left - 1)
                    left -= 1
            if end - at >= 2:
                right = at + 1
                while right < end and self.less(right, right - 1):
                    self.swap(right, right - 1)
                    right += 1
        return False

    def scatter(self, start: int, length: int) -> None:
        mask = (1 << length.bit_length()) - 1
        seed = length
        middle = start + length // 4 * 2
        for at in (middle - 1, middle, middle + 1):
            seed ^= seed << 13 & _WORD
            seed ^= seed >> 7
            seed ^= seed << 17 & _WORD
            other = seed & mask
            self.swap(at, start + (other - length if other >= length else other))

    def pivot(self, start: int, length: int) -> tuple[int, int]:
        """A median, and how many swaps it took to find it."""
        candidates = [start + length // 4 * k for k in (1, 2, 3)]
        swaps = 0
        if length >= _NINTHER:
            for k, at in enumerate(candidates):
                candidates[k], more = self.median(at - 1, at, at + 1)
                swaps += more
        found, more = self.median(*candidates)
        return found, swaps + more

    def median(self, a: int, b: int, c: int) -> tuple[int, int]:
        swaps = 0
        if self.less(b, a):
            a, b, swaps = b, a, swaps + 1
        if self.less(c, b):
            b, c, swaps = c, b, swaps + 1
        if self.less(b, a):
            a, b, swaps = b, a, swaps + 1
        return b, swaps

    def reverse(self, start: int, end: int) -> None:
        self.ranks[start:end] = self.ranks[start:end][::-1]
        self.places[start:end] = self.places[start:end][::-1]


_WORD: Final = (1 << 64) - 1
