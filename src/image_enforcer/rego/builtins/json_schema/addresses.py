"""E-mail addresses as Go's ``net/mail`` reads them: one address, with or without a name and comments."""

from __future__ import annotations

import binascii
import ipaddress
import re
from base64 import b64decode
from typing import Final

_ATOM: Final = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,\"\ud800-\udfff]+")
_QUOTED: Final = re.compile(
    r'"((?:[^\x00-\x08\x0a-\x1f\x7f"\\\ud800-\udfff]|\\[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff])*)"'
)
_LITERAL: Final = re.compile(r"\[([^\x00-\x20\x7f\[\]\\\ud800-\udfff]*)\]")
_COMMENT_PART: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ENCODED: Final = re.compile(r"=\?([^?]+)\?([bBqQ])\?(.*?)\?=", re.DOTALL)
_QUOTED_PRINTABLE: Final = re.compile(r"(?:_|=[0-9A-Fa-f]{2}|[\x21-\x3c\x3e-\x7e \n\r\t])*")
_CHARSETS: Final = frozenset({"utf-8", "iso-8859-1", "us-ascii"})


class _NoAddress(Exception):
    """What is there is none."""


class _Reader:
    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip_space(self) -> None:
        while self.next in (" ", "\t") and self.next:
            self.at += 1

    def take(self, char: str) -> bool:
        if self.next != char:
            return False
        self.at += 1
        return True

    def skip_comments(self) -> None:
        self.skip_space()
        while self.take("("):
            self.comment()
            self.skip_space()

    def comment(self) -> str:
        depth, start = 1, self.at
        for part in _COMMENT_PART.finditer(self.text, self.at):
            depth += {"(": 1, ")": -1}.get(part.group(), 0)
            if depth == 0:
                self.at = part.end()
                return self.text[start : part.start()]
        raise _NoAddress

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise _NoAddress
        self.at = found.end()
        return found

    def dotted(self) -> None:
        atom = self._match(_ATOM).group()
        if atom.startswith(".") or atom.endswith(".") or ".." in atom:
            raise _NoAddress

    def spec(self) -> None:
        """``local@domain``."""
        self.skip_space()
        if self.next == '"':
            if not self._match(_QUOTED).group(1):
                raise _NoAddress
        else:
            self.dotted()
        if not self.take("@"):
            raise _NoAddress
        self.skip_space()
        if self.next != "[":
            self.dotted()
            return
        literal = self._match(_LITERAL).group(1)
        try:
            ipaddress.ip_address(literal)
        except ValueError:
            raise _NoAddress from None
        if "%" in literal:
            raise _NoAddress

    def phrase(self) -> None:
        """The words of a name; what follows them is for others to read, unless there is no word."""
        words = 0
        while True:
            if words:
                self.skip_comments()
            self.skip_space()
            if not self.next:
                return
            try:
                if self.next == '"':
                    self._match(_QUOTED)
                else:
                    _check_encoded(self._match(_ATOM).group())
            except _NoAddress:
                if not words:
                    raise
                return
            words += 1

    def address(self, groups: bool) -> int:
        """How many addresses there are: one, or those of a group."""
        self.skip_space()
        if not self.next:
            raise _NoAddress
        start = self.at
        try:
            self.spec()
        except _NoAddress:
            self.at = start
        else:
            self.skip_space()
            if self.take("("):
                for word in self.comment().replace("\t", " ").split(" "):
                    _check_encoded(word)
            return 1
        if self.next != "<":
            self.phrase()
        self.skip_space()
        if groups and self.take(":"):
            return self.group()
        if not self.take("<"):
            raise _NoAddress
        self.spec()
        if not self.take(">"):
            raise _NoAddress
        return 1

    def group(self) -> int:
        self.skip_space()
        if self.take(";"):
            self.skip_comments()
            return 0
        count = 0
        while True:
            self.skip_space()
            count += self.address(groups=False)
            self.skip_comments()
            if self.take(";"):
                self.skip_comments()
                return count
            if not self.take(","):
                raise _NoAddress


def _check_encoded(word: str) -> None:
    """An encoded word that is well written has a character set that is known."""
    found = _ENCODED.fullmatch(word)
    if found is None or found.group(1).lower() in _CHARSETS:
        return
    body = found.group(3)
    if found.group(2) in "bB":
        try:
            b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            return
    elif not _QUOTED_PRINTABLE.fullmatch(body):
        return
    raise _NoAddress


def is_address(text: str) -> bool:
    """Whether it is exactly one address."""
    reader = _Reader(text)
    try:
        count = reader.address(groups=True)
        reader.skip_comments()
    except _NoAddress:
        return False
    return count == 1 and not reader.next
