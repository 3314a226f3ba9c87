"""Whether two simple patterns (``.``, ``[a-z]``, ``*``, ``+``) can match one non-empty text: ``regex.globs_match``."""

from __future__ import annotations

from dataclasses import dataclass

from ..meter import CELL, METER

ANY = None


class GlobError(ValueError):
    """A pattern that cannot be read."""


@dataclass(frozen=True, slots=True)
class Token:
    """A set of characters (None: any), once, or repeatedly (``*`` or ``+``)."""

    chars: frozenset[str] | None
    flag: str = ""


def tokens(pattern: str) -> tuple[Token, ...]:
    """The tokens of a pattern."""
    out: list[Token] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        chars: frozenset[str] | None
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
        out.append(Token(chars, flag))
    return tuple(out)


def intersect(a: str, b: str) -> bool:
    """Whether some non-empty text matches both patterns, or both are without any."""
    x, y = tokens(a), tokens(b)
    if not x and not y:
        return True
    METER.spend(len(x) * len(y), len(x) * len(y) * 4 * CELL)
    seen: set[tuple[int, int]] = set()
    todo = [(i, j) for i in _closure(x, 0) for j in _closure(y, 0)]
    while todo:
        i, j = todo.pop()
        if (i, j) in seen:
            continue
        seen.add((i, j))
        if i >= len(x) or j >= len(y) or not _overlap(x[i].chars, y[j].chars):
            continue
        ni, nj = _after(x, i), _after(y, j)
        if len(x) in ni and len(y) in nj:
            return True
        todo.extend((p, q) for p in ni for q in nj)
    return False


def _closure(items: tuple[Token, ...], i: int) -> set[int]:
    out = {i}
    while i < len(items) and items[i].flag == "*":
        i += 1
        out.add(i)
    return out


def _after(items: tuple[Token, ...], i: int) -> set[int]:
    """Where one may stand after taking a character at ``i``."""
    out = _closure(items, i + 1)
    if items[i].flag:
        out.add(i)
        out |= _closure(items, i + 1)
    return out


def _overlap(a: frozenset[str] | None, b: frozenset[str] | None) -> bool:
    return a is None or b is None or not a.isdisjoint(b)
