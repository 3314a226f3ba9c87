"""Whether two simple patterns (``.``, ``[a-z]``, ``*``, ``+``) can match one text: ``regex.globs_match``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ..meter import CELL, METER

ANY = None
_TOKEN: Final = 320
"""Bytes of a token and its set of characters."""
MAX_REPEATS: Final = 150
"""How many repeats two patterns may have together."""
MAX_RANGE: Final = 0x10000
"""How many characters a range may span."""


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
    at = 0
    while at < len(pattern):
        at, c, escaped = _character(pattern, at)
        chars: frozenset[str] | None = frozenset(c)
        single = True
        if not escaped:
            match c:
                case ".":
                    chars, single = ANY, False
                case "[":
                    at, chars = _set(pattern, at)
                    single = False
                case "]":
                    raise _invalid(pattern, at, "set-close ']' with no preceding '['")
                case "*" | "+":
                    raise _invalid(pattern, at, f"flag '{c}' must be preceded by a non-flag")
        flag = ""
        if pattern[at : at + 1] in ("*", "+"):
            flag = pattern[at]
            at += 1
        if not len(out) & 255:
            METER.spend(256, 256 * _TOKEN)
        out.append(Token(chars, flag, single))
    return tuple(out)


def _character(pattern: str, at: int) -> tuple[int, str, bool]:
    """The next character, whether it stands behind a backslash, and where the one after it stands."""
    if pattern[at] != "\\":
        return at + 1, pattern[at], False
    if at + 1 == len(pattern):
        raise _invalid(pattern, at, "input ends with a \\ (escape) character")
    return at + 2, pattern[at + 1], True


def _set(pattern: str, at: int) -> tuple[int, frozenset[str]]:
    """The characters between brackets, from behind the first one."""
    members: set[str] = set()
    before: str | None = None
    while at < len(pattern):
        at, c, escaped = _character(pattern, at)
        if c == "]" and not escaped:
            return at, frozenset(members)
        if c != "-" or escaped:
            members.add(c)
            before = c
            continue
        if before is None:
            raise _invalid(pattern, at, "range character '-' must be preceded by a Unicode character")
        if at >= len(pattern) - 1:
            raise _invalid(pattern, at, "range character '-' must be followed by a Unicode character")
        at, last, escaped = _character(pattern, at)
        if last in "]-" and not escaped:
            raise _invalid(pattern, at, "range character '-' cannot be followed by a special symbol")
        if last < before:
            raise _invalid(pattern, at, f"range is out of order: '{last}' comes before '{before}' in Unicode")
        if ord(last) - ord(before) > MAX_RANGE:
            raise GlobError("the input provided is invalid")
        members.update(map(chr, range(ord(before), ord(last) + 1)))
        before = None
    raise _invalid(pattern, at, "found [ without matching ]")


def _invalid(pattern: str, at: int, why: str) -> GlobError:
    return GlobError(f"input:{pattern}, pos:{at}, {why}: the input provided is invalid")


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
