"""What has changed between two texts, character by character, as ``opa fmt --diff`` shows it.

Myers' algorithm with the shortcuts that OPA's library takes, since these decide which of several equally short
descriptions is shown. Whoever asks says when it has taken too long: what is left is then told as replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

DELETED: Final = -1
KEPT: Final = 0
INSERTED: Final = 1

Change: TypeAlias = "tuple[int, str]"
"""What became of a piece of text."""
_COLOURS: Final = {DELETED: "\x1b[31m", INSERTED: "\x1b[32m"}
_PLAIN: Final = "\x1b[0m"


def coloured(changes: list[Change]) -> str:
    """Both texts in one: what was deleted in red, what was inserted in green, line by line."""
    shown: list[str] = []
    for kind, text in changes:
        if kind == KEPT:
            shown.append(text)
        else:
            shown.append("\n".join(f"{_COLOURS[kind]}{line}{_PLAIN}" for line in text.split("\n")))
    return "".join(shown)


def changes(old: str, new: str, too_late: Callable[[], bool]) -> list[Change]:
    """How one text becomes the other."""
    if old == new:
        return [(KEPT, old)] if old else []
    start = _common_prefix(old, new)
    prefix, old, new = old[:start], old[start:], new[start:]
    end = _common_suffix(old, new)
    suffix = old[len(old) - end :]
    middle = _middle(old[: len(old) - end], new[: len(new) - end], too_late)
    found = [*([(KEPT, prefix)] if prefix else []), *middle, *([(KEPT, suffix)] if suffix else [])]
    return _merged(found)


def _middle(old: str, new: str, too_late: Callable[[], bool]) -> list[Change]:
    """The changes between texts that begin and end differently."""
    if not old:
        return [(INSERTED, new)]
    if not new:
        return [(DELETED, old)]
    short, long = (new, old) if len(old) > len(new) else (old, new)
    at = long.find(short)
    if at >= 0:
        kind = DELETED if long is old else INSERTED
        return [(kind, long[:at]), (KEPT, short), (kind, long[at + len(short) :])]
    if len(short) == 1:
        return [(DELETED, old), (INSERTED, new)]
    half = _half_match(long, short)
    if half is not None:
        first, second = (half.long, half.short) if long is old else (half.short, half.long)
        return [
            *changes(first[0], second[0], too_late),
            (KEPT, half.common),
            *changes(first[1], second[1], too_late),
        ]
    split = _bisect(old, new, too_late)
    if split is None:
        return [(DELETED, old), (INSERTED, new)]
    x, y = split
    return [*changes(old[:x], new[:y], too_late), *changes(old[x:], new[y:], too_late)]


def _common_prefix(a: str, b: str) -> int:
    size = min(len(a), len(b))
    return next((i for i in range(size) if a[i] != b[i]), size)


def _common_suffix(a: str, b: str) -> int:
    size = min(len(a), len(b))
    return next((i for i in range(size) if a[-1 - i] != b[-1 - i]), size)


# --- a long stretch in common --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Half:
    """What two texts have in common, at least half of the longer one, and what stands before and behind it in each."""

    common: str
    long: tuple[str, str]
    short: tuple[str, str]


def _half_match(long: str, short: str) -> _Half | None:
    size = len(long)
    if size < 4 or 2 * len(short) < size:
        return None
    first = _half_match_at(long, short, (size + 3) // 4)
    second = _half_match_at(long, short, (size + 1) // 2)
    if first is None or second is None:
        return first or second
    return first if len(first.common) > len(second.common) else second


def _half_match_at(long: str, short: str, start: int) -> _Half | None:
    seed = long[start : start + len(long) // 4]
    best: tuple[int, int, int] | None = None
    size = 0
    at = short.find(seed)
    while at >= 0:
        ahead = _common_prefix(long[start:], short[at:])
        behind = _common_suffix(long[:start], short[:at])
        if size < ahead + behind:
            size, best = ahead + behind, (at, behind, ahead)
        at = short.find(seed, at + 1)
    if best is None or 2 * size < len(long):
        return None
    at, behind, ahead = best
    return _Half(
        short[at - behind : at + ahead],
        (long[: start - behind], long[start + ahead :]),
        (short[: at - behind], short[at + ahead :]),
    )


# --- the shortest way ----------------------------------------------------------------------------


class _Walk:
    """One of the two walks that meet: how far along the first text it has come on each diagonal."""

    def __init__(self, old: str, new: str, room: int) -> None:
        self.old, self.new = old, new
        self.reached = [-1] * (2 * room + 2)
        self.offset = room
        self.reached[room + 1] = 0
        self.skip_low = 0
        self.skip_high = 0

    def diagonals(self, step: int) -> range:
        """The diagonals of a step that still lie within both texts."""
        return range(-step + self.skip_low, step - self.skip_high + 1, 2)

    def advance(self, step: int, diagonal: int) -> tuple[int, int] | None:
        """Go on along a diagonal; None where that leaves a text."""
        reached, at = self.reached, self.offset + diagonal
        down = diagonal == -step or (diagonal != step and reached[at - 1] < reached[at + 1])
        x = reached[at + 1] if down else reached[at - 1] + 1
        y = x - diagonal
        old, new = self.old, self.new
        width, height = len(old), len(new)
        while x < width and y < height and old[x] == new[y]:
            x += 1
            y += 1
        reached[at] = x
        if x > width:
            self.skip_high += 2
            return None
        if y > height:
            self.skip_low += 2
            return None
        return x, y

    def at(self, diagonal: int) -> int:
        """How far it has come on a diagonal; -1 where it has not been."""
        at = self.offset + diagonal
        return self.reached[at] if 0 <= at < 2 * self.offset else -1


def _bisect(old: str, new: str, too_late: Callable[[], bool]) -> tuple[int, int] | None:
    """Where a shortest way from one text to the other passes its middle; None where that takes too long."""
    room = (len(old) + len(new) + 1) // 2
    ahead, back = _Walk(old, new, room), _Walk(old[::-1], new[::-1], room)
    delta = len(old) - len(new)
    meets_ahead = delta % 2 != 0
    for step in range(room):
        if step % 16 == 0 and too_late():
            return None
        for diagonal in ahead.diagonals(step):
            place = ahead.advance(step, diagonal)
            if place is None or not meets_ahead:
                continue
            other = back.at(delta - diagonal)
            if other >= 0 and place[0] >= len(old) - other:
                return place
        for diagonal in back.diagonals(step):
            place = back.advance(step, diagonal)
            if place is None or meets_ahead:
                continue
            x = ahead.at(delta - diagonal)
            if x >= 0 and x >= len(old) - place[0]:
                return x, x - (delta - diagonal)
    return None


# --- putting it together -------------------------------------------------------------------------


def _merged(found: list[Change]) -> list[Change]:
    """The same in fewer pieces: neighbours of one kind are one, and single changes move to where they meet others."""
    moved = True
    while moved:
        found = _gathered(found)
        moved = _shift(found)
    return found


def _gathered(found: list[Change]) -> list[Change]:
    made: list[Change] = []
    pending: list[Change] = []
    for change in [*found, (KEPT, "")]:
        if change[0] != KEPT:
            pending.append(change)
            continue
        text = change[1]
        if len(pending) > 1:
            pending, prefix, suffix = _in_two(pending)
            text = suffix + text
            if prefix:
                made[-1:] = [(KEPT, "".join(t for _, t in made[-1:]) + prefix)]
        if not pending and made and made[-1][0] == KEPT:
            made[-1] = (KEPT, made[-1][1] + text)
        else:
            made += [*pending, (KEPT, text)]
        pending = []
    return made if made[-1][1] else made[:-1]


def _in_two(pending: list[Change]) -> tuple[list[Change], str, str]:
    """A deletion and an insertion instead of many, and what both begin and end with."""
    deleted = "".join(text for kind, text in pending if kind == DELETED)
    inserted = "".join(text for kind, text in pending if kind == INSERTED)
    kinds = {kind for kind, _ in pending}
    start = _common_prefix(inserted, deleted)
    prefix, deleted, inserted = deleted[:start], deleted[start:], inserted[start:]
    end = _common_suffix(inserted, deleted)
    suffix = deleted[len(deleted) - end :]
    whole = [(DELETED, deleted[: len(deleted) - end]), (INSERTED, inserted[: len(inserted) - end])]
    return [change for change in whole if change[0] in kinds], prefix, suffix


def _shift(made: list[Change]) -> bool:
    """Move single changes sideways, where that joins what was kept on both sides; whether any was moved."""
    moved = False
    at = 1
    while at < len(made) - 1:
        before, (kind, text), after = made[at - 1], made[at], made[at + 1]
        if before[0] == KEPT and after[0] == KEPT:
            both = (KEPT, before[1] + after[1])
            if text.endswith(before[1]):
                made[at - 1 : at + 2] = [(kind, before[1] + text[: len(text) - len(before[1])]), both]
                moved = True
            elif text.startswith(after[1]):
                made[at - 1 : at + 2] = [both, (kind, text[len(after[1]) :] + after[1])]
                moved = True
        at += 1
    return moved
