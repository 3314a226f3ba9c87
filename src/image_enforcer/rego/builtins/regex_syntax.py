"""What Go reads as a regular expression, said in RE2's words; faults in Go's.

Both engines have nearly one syntax. They differ in names of Unicode classes, in which faults there are, and in what a
fault shows; so the pattern is read here as Go's ``regexp/syntax`` does it, and RE2 meets only what that takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NoReturn

from .regex_classes import POSIX, inside

MAX_HEIGHT: Final = 1000
MAX_REPEAT: Final = 1000
MAX_CHARACTER: Final = 0x10FFFF
_BIG: Final = 100_000_000
_OCTAL: Final = "01234567"
_SHORT: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class PatternError(Exception):
    """No pattern of Go's; the text says why, with the part at fault."""


def _refuse(why: str, part: str) -> NoReturn:
    raise PatternError(f"{why}: `{part}`")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for RE2, and the groups that have names, from the left; Go lets several have the same one."""

    text: str
    names: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class _Branch:
    """What stands between two bars so far: of its last item, of all of them, and how many there are."""

    kind: str = ""
    letters: int = 0
    height: int = 0
    weight: int = 1
    pieces: int = 0
    highest: int = 0
    heaviest: int = 1


@dataclass(slots=True)
class _Group:
    """An open group: whether it captures, and the branches that have ended."""

    captures: bool = False
    branches: int = 0
    highest: int = 0
    heaviest: int = 1
    single: bool = True
    branch: _Branch = field(default_factory=_Branch)


def read(pattern: str) -> Pattern:
    """A pattern as RE2 has to read it. Raises :class:`PatternError`."""
    return _Reader(pattern).read()


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.out: list[str] = []
        self.copied = 0
        self.groups = [_Group()]
        self.captures = 0
        self.names: list[tuple[str, int]] = []

    def read(self) -> Pattern:
        pattern, size = self.pattern, len(self.pattern)
        repeated = -1  # where the repetition began that ends here
        while self.at < size:
            begin, last = self.at, repeated
            repeated = -1
            match pattern[begin]:
                case "(":
                    self._open()
                case "|":
                    self._bar(self.groups[-1])
                    self.at += 1
                case ")":
                    self._close()
                case "[":
                    self._class()
                case "*" | "+" | "?":
                    self.at += 1
                    self._repeat(begin, last, None)
                    repeated = begin
                case "{":
                    found = self._counted()
                    if found is None:
                        self._item("literal")
                        self.at += 1
                    else:
                        self._repeat(begin, last, found)
                        repeated = begin
                case "\\":
                    self._escaped()
                case "^" | "$":
                    self._item("empty")
                    self.at += 1
                case ".":
                    self._item("class")
                    self.at += 1
                case _:
                    self._item("literal")
                    self.at += 1
        if len(self.groups) > 1:
            _refuse("missing closing )", pattern)
        self._bar(self.groups[-1])
        self.out.append(pattern[self.copied :])
        return Pattern("".join(self.out), tuple(self.names))

    def _say(self, begin: int, text: str) -> None:
        """Have RE2 read a text in place of what was read from a place on."""
        self.out += (self.pattern[self.copied : begin], text)
        self.copied = self.at

    # --- the tree, as far as its bounds ask for it

    def _item(self, kind: str, height: int = 1, weight: int = 1) -> None:
        branch = self.groups[-1].branch
        if kind == branch.kind == "literal":
            branch.letters += 1
        else:
            branch.letters = 1
            branch.pieces += 1
            branch.highest = max(branch.highest, branch.height)
            branch.heaviest = max(branch.heaviest, branch.weight)
        branch.kind, branch.height, branch.weight = kind, height, weight
        if height > MAX_HEIGHT:
            _refuse("expression nests too deeply", self.pattern)

    def _bar(self, group: _Group) -> None:
        """The end of a branch."""
        branch, group.branch = group.branch, _Branch()
        group.branches += 1
        group.highest = max(group.highest, branch.highest, branch.height, 1) + (branch.pieces > 1)
        group.heaviest = max(group.heaviest, branch.heaviest, branch.weight)
        group.single = group.single and branch.pieces == 1 and branch.kind in ("literal", "class")
        if group.highest > MAX_HEIGHT:
            _refuse("expression nests too deeply", self.pattern)

    def _open(self) -> None:
        begin, pattern = self.at, self.pattern
        if not pattern.startswith("(?", begin):
            self.at += 1
            self._begin(captures=True)
            return
        named = 4 if pattern.startswith("P<", begin + 2) else 3 if pattern.startswith("<", begin + 2) else 0
        if named and len(pattern) - begin > named:
            end = pattern.find(">", begin)
            if end < 0:
                _refuse("invalid named capture", pattern[begin:])
            name = pattern[begin + named : end]
            if not name or not _WORD.issuperset(name):
                _refuse("invalid named capture", pattern[begin : end + 1])
            self.at = end + 1
            self._say(begin, "(")
            self._begin(captures=True)
            self.names.append((name, self.captures))
            return
        self._flags(begin)

    def _begin(self, *, captures: bool) -> None:
        self.captures += captures
        self.groups.append(_Group(captures))

    def _flags(self, begin: int) -> None:
        """``(?i)``, ``(?i-s:``: what follows is in a group of its own or not."""
        pattern = self.pattern
        self.at += 2
        turned, seen = False, False
        while self.at < len(pattern):
            c = pattern[self.at]
            self.at += 1
            match c:
                case "i" | "m" | "s" | "U":
                    seen = True
                case "-" if not turned:
                    turned, seen = True, False
                case ":" | ")" if seen or not turned:
                    if c == ":":
                        self._begin(captures=False)
                    return
                case _:
                    break
        _refuse("invalid or unsupported Perl syntax", pattern[begin : self.at])

    def _close(self) -> None:
        if len(self.groups) == 1:
            _refuse("unexpected )", self.pattern)
        self.at += 1
        group = self.groups.pop()
        self._bar(group)
        merged = group.single and group.branches > 1
        height = 1 if merged else group.highest + (group.branches > 1)
        kind = "capture" if group.captures else "class" if merged else "group"
        self._item(kind, height + group.captures, group.heaviest)

    def _repeat(self, begin: int, last: int, counts: tuple[int, int] | None) -> None:
        """A repetition of the last item; ``last`` is where the repetition before it began, if there is one."""
        pattern = self.pattern
        if pattern.startswith("?", self.at):
            self.at += 1
        if last >= 0:
            _refuse("invalid nested repetition operator", pattern[last : self.at])
        branch = self.groups[-1].branch
        if not branch.pieces:
            _refuse("missing argument to repetition operator", pattern[begin : self.at])
        weight = branch.weight
        if counts is not None:
            low, high = counts
            times = low if high < 0 else high
            weight = 1 if high == 0 else max(times, 1) * weight
            if (low >= 2 or high >= 2) and weight > MAX_REPEAT:
                _refuse("invalid repeat count", pattern[begin : self.at])
        height = 1 + branch.height
        if branch.kind == "literal" and branch.letters > 1:  # a* of ba*: what is before it is a piece of its own
            branch.pieces += 1
        branch.kind, branch.height, branch.weight = "repeat", height, weight
        if height > MAX_HEIGHT:
            _refuse("expression nests too deeply", pattern)

    def _counted(self) -> tuple[int, int] | None:
        """The counts of ``{2}``, ``{2,}``, ``{2,3}``, the second -1 for any; None where it is just a brace."""
        begin = self.at
        read = self._number(begin + 1)
        if read is None:
            return None
        low, at = read
        high = low
        if self.pattern.startswith(",}", at):
            high, at = -1, at + 1
        elif self.pattern.startswith(",", at):
            read = self._number(at + 1)
            if read is None:
                return None
            high, at = read
        if not self.pattern.startswith("}", at):
            return None
        self.at = at + 1
        if low > MAX_REPEAT or high > MAX_REPEAT or 0 <= high < low:
            _refuse("invalid repeat count", self.pattern[begin : self.at])
        return low, high

    def _number(self, at: int) -> tuple[int, int] | None:
        end = at
        while end < len(self.pattern) and self.pattern[end] in "0123456789":
            end += 1
        if end == at or (end - at > 1 and self.pattern[at] == "0"):
            return None
        return (int(self.pattern[at:end]) if end - at < 9 else _BIG), end

    # --- escapes and classes

    def _escaped(self) -> None:
        pattern, begin = self.pattern, self.at
        following = pattern[begin + 1 : begin + 2]
        match following:
            case "A" | "b" | "B" | "z":
                self._item("empty")
                self.at += 2
            case "C":
                _refuse("invalid escape sequence", "\\C")
            case "Q":
                end = pattern.find("\\E", begin + 2)
                for _ in range(begin + 2, len(pattern) if end < 0 else end):
                    self._item("literal")
                self.at = len(pattern) if end < 0 else end + 2
            case "p" | "P":
                text = self._unicode()
                self._say(begin, f"[{text}]")
                self._item("class")
            case "d" | "D" | "s" | "S" | "w" | "W":
                self._item("class")
                self.at += 2
            case _:
                self._character()
                self._item("literal")

    def _unicode(self) -> str:
        """A class such as ``\\p{Han}`` as it stands within brackets."""
        pattern, begin = self.pattern, self.at
        negated = pattern[begin + 1] == "P"
        if pattern.startswith("{", begin + 2):
            end = pattern.find("}", begin)
            if end < 0:
                _refuse("invalid character class range", pattern[begin:])
            name = pattern[begin + 3 : end]
            self.at = end + 1
        else:
            name = pattern[begin + 2 : begin + 3]
            self.at = begin + 2 + len(name)
        if name.startswith("^"):
            negated, name = not negated, name[1:]
        text = inside(name, negated=negated)
        if text is None:
            _refuse("invalid character class range", pattern[begin : self.at])
        return text

    def _class(self) -> None:
        """``[...]``."""
        pattern, begin = self.pattern, self.at
        self.at += 1
        if pattern.startswith("^", self.at):
            self.at += 1
        first = True
        while first or not pattern.startswith("]", self.at):
            first = False
            if pattern.startswith("[:", self.at) and len(pattern) - self.at > 2:
                end = pattern.find(":]", self.at + 2)
                if end >= 0:
                    if pattern[self.at + 2 : end].removeprefix("^") not in POSIX:
                        _refuse("invalid character class range", pattern[self.at : end + 2])
                    self.at = end + 2
                    continue
            here = self.at
            match pattern[here : here + 1], pattern[here + 1 : here + 2]:
                case "\\", "p" | "P":
                    self._say(here, self._unicode())
                    continue
                case "\\", "d" | "D" | "s" | "S" | "w" | "W":
                    self.at += 2
                    continue
            low = self._class_character(begin)
            if pattern.startswith("-", self.at) and pattern[self.at + 1 : self.at + 2] not in ("", "]"):
                self.at += 1
                if self._class_character(begin) < low:
                    _refuse("invalid character class range", pattern[here : self.at])
        self.at += 1
        self._item("class")

    def _class_character(self, begin: int) -> int:
        if self.at == len(self.pattern):
            _refuse("missing closing ]", self.pattern[begin:])
        if self.pattern[self.at] == "\\":
            return self._character()
        self.at += 1
        return ord(self.pattern[self.at - 1])

    def _character(self) -> int:
        """A character behind a backslash."""
        pattern, begin = self.pattern, self.at
        self.at += 1
        if self.at == len(pattern):
            _refuse("trailing backslash at end of expression", "")
        c = pattern[self.at]
        self.at += 1
        if c in _OCTAL and (c == "0" or pattern[self.at : self.at + 1] in tuple(_OCTAL)):
            end = self.at
            while end < self.at + 2 and pattern[end : end + 1] in tuple(_OCTAL):
                end += 1
            code = int(pattern[self.at - 1 : end], 8)
            self.at = end
            return code
        if c == "x":
            return self._hex(begin)
        if c in _SHORT:
            return _SHORT[c]
        if c < "\x80" and (c == "_" or c not in _WORD):
            return ord(c)
        _refuse("invalid escape sequence", pattern[begin : self.at])

    def _hex(self, begin: int) -> int:
        pattern = self.pattern
        if not pattern.startswith("{", self.at):
            digits = pattern[self.at : self.at + 2]
            self.at += len(digits)
            if len(digits) < 2 or not _HEX.issuperset(digits):
                _refuse("invalid escape sequence", pattern[begin : self.at])
            return int(digits, 16)
        self.at += 1
        code = count = 0
        while self.at < len(pattern):
            c = pattern[self.at]
            self.at += 1
            if c == "}" and count:
                return code
            if c not in _HEX:
                break
            code, count = code * 16 + int(c, 16), count + 1
            if code > MAX_CHARACTER:
                break
        _refuse("invalid escape sequence", pattern[begin : self.at])
