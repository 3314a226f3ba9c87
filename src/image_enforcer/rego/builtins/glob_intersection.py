"""Whether two simple patterns (``.``, ``[a-z]``, ``*``, ``+``) can match one text: ``regex.globs_match``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ..meter import CELL, METER

ANY = None
MAX_REPEATS: Final = 150
"""How many repeats two patterns may have together."""


class GlobError(ValueError):
    """A pattern that cannot be read."""


@dataclass(frozen=True, slots=True)
class Token:
    """A set of characters (None: any), once, or repeatedly (``*`` or ``+``); ``single`` is a character by itself."""

    chars: frozenset[str] | None
    flag: str = ""
    single: bool = False


def tokens(pattern: str) -> tuple[Token, ...]:
    """The tokens of a pattern."""
    out: list[Token] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        chars: frozenset[str] | None
        single = c not in ".["
        if c == "\\":
            if i + 1 >= len(pattern):
                raise GlobError("the input provided is invalid")
            chars = frozenset(pattern[i + 1])
            i += 2
        elif c == ".":
            chars = ANY
            i += 1
        elif c == "[":
            end = i + 1
            members: set[str] = set()
            while end < len(pattern) and pattern[end] != "]":
                if pattern[end] == "\\" and end + 1 < len(pattern):
                    end += 1
                if pattern[end + 1 : end + 2] == "-" and end + 2 < len(pattern) and pattern[end + 2] != "]":
                    low, high = pattern[end], pattern[end + 2]
                    if high < low:
                        raise GlobError("the input provided is invalid")
                    if ord(high) - ord(low) > 0x10000:
                        raise GlobError("the input provided is invalid")
                    members.update(chr(n) for n in range(ord(low), ord(high) + 1))
                    end += 3
                else:
                    members.add(pattern[end])
                    end += 1
            if end >= len(pattern):
                raise GlobError(
                    f"input:{pattern}, pos:{i + 1}, found [ without matching ]: the input provided is invalid"
                )
            chars = frozenset(members)
            i = end + 1
        elif c == "]":
            text = f"input:{pattern}, pos:{i + 1}, set-close ']' with no preceding '[': the input provided is invalid"
            raise GlobError(text)
        elif c in "*+":
            where = f"input:{pattern}, pos:{i + 1}"
            raise GlobError(f"{where}, flag '{c}' must be preceded by a non-flag: the input provided is invalid")
        else:
            chars = frozenset(c)
            i += 1
        flag = ""
        if i < len(pattern) and pattern[i] in "*+":
            flag = pattern[i]
            i += 1
        out.append(Token(chars, flag, single))
    return tuple(out)


def _simple(items: tuple[Token, ...]) -> list[Token]:
    """The tokens, with equal ones that follow each other and both repeat made one."""
    out: list[Token] = []
    for item in items:
        if out and item.flag and out[-1].flag and (item.chars, item.single) == (out[-1].chars, out[-1].single):
            out[-1] = replace(item, flag="+" if "+" in (item.flag, out[-1].flag) else "*")
        else:
            out.append(item)
    return out


def intersect(a: str, b: str) -> bool:
    """Whether some text matches both patterns, as OPA's library finds it: it misjudges some that have several repeats.

    Raises :class:`GlobError` for what is no pattern, and for more repeats than can be followed.
    """
    x, y = _simple(tokens(a)), _simple(tokens(b))
    if sum(bool(token.flag) for token in (*x, *y)) > MAX_REPEATS:
        raise GlobError("the input provided is invalid")
    left = 0
    while left < len(x) and left < len(y) and not x[left].flag and not y[left].flag:
        if not _overlap(x[left], y[left]):
            return False
        left += 1
    left = max(left - 1, 0)
    right = 0
    while right < min(len(x), len(y)) - left and not x[-1 - right].flag and not y[-1 - right].flag:
        if not _overlap(x[-1 - right], y[-1 - right]):
            return False
        right += 1
    right = max(right - 1, 0)
    return _normal(x[left : len(x) - right], y[left : len(y) - right])


def _normal(x: list[Token], y: list[Token]) -> bool:
    METER.spend(1 + min(len(x), len(y)), CELL * (len(x) + len(y)))
    for i, (one, other) in enumerate(zip(x, y, strict=False)):
        if one.flag or other.flag:
            repeated, rest = (x[i:], y[i:]) if one.flag else (y[i:], x[i:])
            return _star(repeated, rest) if repeated[0].flag == "*" else _plus(repeated, rest)
        if not _overlap(one, other):
            return False
    return len(x) == len(y)


def _plus(repeated: list[Token], rest: list[Token]) -> bool:
    if not _overlap(repeated[0], rest[0]):
        return False
    return _star(repeated, rest[1:]) or (bool(rest[0].flag) and _normal(repeated[1:], rest))


def _star(repeated: list[Token], rest: list[Token]) -> bool:
    METER.spend(1 + len(rest), CELL * len(rest))
    following = repeated[1] if len(repeated) > 1 else None
    for i, token in enumerate(rest):
        if following is not None and _overlap(token, following) and _normal(repeated[1:], rest[i:]):
            return True
        if not _overlap(token, repeated[0]):
            return False
    return following is None


def _overlap(x: Token, y: Token) -> bool:
    return x.chars is None or y.chars is None or not x.chars.isdisjoint(y.chars)
