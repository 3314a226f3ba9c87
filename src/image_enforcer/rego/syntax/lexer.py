"""Text to tokens. Keywords are not told apart here: which words are keywords depends on imports.

The whole text is cut up front, in linear time. Faults (an unfinished string, a stray character) become tokens of
kind ``illegal`` that carry their messages; the parser reports the first one it meets.
"""

from __future__ import annotations

import re

from ..places import Location, Text
from ..records import record
from .tokens import Tokens

EOF = "eof"
IDENT = "identifier"
NUMBER = "number"
STRING = "string"
RAW_STRING = "raw-string"
ILLEGAL = "illegal"
WHITESPACE = "whitespace"
TEMPLATE_PART = "template-string-part"
TEMPLATE_END = "template-string-end"
RAW_TEMPLATE_PART = "raw-template-string-part"
RAW_TEMPLATE_END = "raw-template-string-end"

MAX_FAULTS = 100
"""How many faults of one string are looked for; behind so many the rest of the text is not read."""

MAX_LINE = 4096
"""How much of a line is shown with an error, in characters."""

OPERATORS = {
    "[": "[", "]": "]", "{": "{", "}": "}", "(": "(", ")": ")", ",": ",", ":": ":", ";": ";", ".": ".",
    "+": "plus", "-": "minus", "*": "mul", "/": "div", "%": "rem", "&": "and", "|": "or",
    "=": "eq", "==": "equal", ":=": "assign", "!=": "neq", ">": "gt", "<": "lt", ">=": "gte", "<=": "lte",
}  # fmt: skip
"""Operator text to OPA's name of the token."""


@record(frozen=True, slots=True)
class CommentToken:
    """A comment: the text behind ``#`` and where the ``#`` stands."""

    text: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<comment>\#[^\n]*)
      | (?P<ident>[A-Za-z_][A-Za-z_\d]*)
      | (?P<number>[0-9]+)
      | (?P<op>:=|==|!=|>=|<=|[\[\]{}(),:;.+\-*/%&|=<>])
      | (?P<string>")
      | (?P<raw>`)
      | (?P<template>\$["`])
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r'[^"\\\n\x00\ufeff]*')
_UNWANTED = re.compile("[\x00\ufeff]")
_FRACTION = re.compile(r"\.([0-9]*)")
_EXPONENT = re.compile(r"[eE][+-]?([0-9]*)")
_WORD = re.compile(r"[A-Za-z_\d]+")


_UNWANTED_FAULTS = {"\x00": "illegal null character", "\ufeff": "illegal byte-order mark"}
"""Characters that may stand nowhere, strings included; a byte-order mark may be the first one of a text."""
_HALVES = re.compile("[\ud800-\udfff]")


class Source(Text):
    """A policy text and the places in it. Half surrogate pairs, which UTF-8 cannot have, become U+FFFD."""

    __slots__ = ("_line",)

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name, _HALVES.sub("\ufffd", text))
        self._line = (0, 0, "")

    def end_location(self) -> Location:
        """The place of an unexpected end, as OPA gives it: that of the last character."""
        text = self.text
        if text.endswith("\n") or not text:
            return self.apart(len(self.line_starts), 0, len(text))
        row = len(self.line_starts)
        return self.apart(row, len(text) - self.line_starts[-1], len(text))

    def line_at(self, offset: int) -> tuple[str, int]:
        """The source line that an error at the offset is shown with, and the index in it, in bytes as OPA's."""
        text = self.text
        if not text:
            return "", 0
        at = min(max(offset, 0), len(text) - 1)
        while at > 0 and text[at].isspace():
            at -= 1
        begin, end, line = self._line
        if not begin <= at < end:
            begin = max(text.rfind("\n", 0, at + 1), text.rfind("\r", 0, at + 1)) + 1
            ends = [i for i in (text.find("\n", at), text.find("\r", at)) if i >= 0]
            end = min(ends, default=len(text))
            begin = min(begin, end)
            line = text[begin:end]
            self._line = (begin, end, line)  # many faults of one line share it
        index = at - begin
        if len(line) > MAX_LINE:
            start = max(0, index - MAX_LINE // 2)
            line, index = line[start : start + MAX_LINE], index - start
        return line, len(line[:index].encode())


class Lexer:
    """Cuts one text."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.tokens = Tokens(source.text)
        self.comments: list[CommentToken] = []
        self._space = False
        self._newline = False
        self._braces: list[tuple[int, bool]] = []
        """Open template strings: how many braces are open inside the expression, and whether it is a raw one."""

    def run(self) -> None:
        """Fill ``tokens`` (the last is ``eof``) and ``comments``."""
        text = self.text
        match = _TOKEN.match
        at = 1 if text.startswith("\ufeff") else 0
        size = len(text)
        while at < size:
            m = match(text, at)
            if m is None:
                at = self._stray(at)
                continue
            kind = m.lastgroup
            end = m.end()
            if kind == "space":
                self._space = True
                if "\n" in m.group():
                    self._newline = True
                at = end
            elif kind == "ident":
                # OPA cuts words by bytes: one that is directly before a longer character has the first byte of it
                word = m.group() + "\ufffd" if "\x80" <= text[end : end + 1] != "\ufeff" else m.group()
                self._add(IDENT, word, at, end)
                at = end
            elif kind == "op":
                at = self._operator(m.group(), at, end)
            elif kind == "string":
                at = self._string(at)
            elif kind == "number":
                at = self._number(at, end)
            elif kind == "comment":
                body = m.group()[1:]
                while body.endswith("\r"):
                    body = body[:-1]
                self.comments.append(CommentToken(body, at, end))
                if faults := self._unwanted(at, end):
                    self._add(ILLEGAL, body, at, end, faults)
                self._space = True
                at = end
            elif kind == "raw":
                at = self._raw(at)
            else:
                at = self._template(at, at + 2, text[at + 1] == "`")
        self._add(EOF, "", size, size)

    def _add(self, kind: str, word: str | None, start: int, end: int, faults: tuple[str, ...] = ()) -> None:
        kind = ILLEGAL if faults else kind
        self.tokens.add(kind, word, start, end, space=self._space, newline=self._newline, faults=faults)
        self._space = self._newline = False

    def _stray(self, at: int) -> int:
        ch = self.text[at]
        if ch in _UNWANTED_FAULTS and at:
            return self._unwanted_here(at)
        if ch in _UNWANTED_FAULTS:
            fault = _UNWANTED_FAULTS[ch]
        elif ch == "!":
            fault = "illegal ! character"
        elif ch == "$":
            fault = "illegal $ character"
        elif ch == "\xa0":
            fault = "illegal non-breaking space character, use a regular space instead"
        else:
            fault = ""
        self._add(ILLEGAL, ch, at, at + 1, (fault,) if fault else ())
        return at + 1

    def _unwanted_here(self, at: int) -> int:
        """A character that may stand nowhere: what stands before it is at fault, for OPA looks one character ahead."""
        fault = _UNWANTED_FAULTS[self.text[at]]
        if self.text[at - 1] in " \t\r\n":
            self._add(ILLEGAL, "", at - 1, at, (fault,))
        else:
            self.tokens.spoil(fault)
        self._add(ILLEGAL, "", at, at + 1)
        return at + 1

    def _operator(self, text: str, at: int, end: int) -> int:
        self._add(OPERATORS[text], text, at, end)
        if self._braces:
            depth, raw = self._braces[-1]
            if text == "{":
                self._braces[-1] = (depth + 1, raw)
            elif text == "}":
                if depth == 0:
                    self._braces.pop()
                    return self._template(end, end, raw)
                self._braces[-1] = (depth - 1, raw)
        return end

    def _number(self, at: int, end: int) -> int:
        text = self.text
        faults: list[str] = []
        m = _FRACTION.match(text, end)
        if m is not None:
            end = m.end()
            if not m.group(1):
                faults.append("expected fraction")
        m = _EXPONENT.match(text, end)
        if m is not None:
            end = m.end()
            if not m.group(1):
                faults.append("expected exponent")
        m = _WORD.match(text, end)
        if m is not None and not m.group()[0].isdigit():
            end = m.end()
            faults.append("illegal number format")
        cut = "\x80" <= text[end : end + 1] != "\ufeff"  # in the middle of what follows, as words are
        self._add(NUMBER, text[at:end] + "\ufffd" if cut else None, at, end, tuple(faults))
        return end

    def _quoted(self, at: int, stops: str) -> tuple[int, list[str], str]:
        """Scan a string with escapes from behind its opening; the end, the faults, and the character that ended it."""
        text = self.text
        faults: list[str] = []
        while True:
            if len(faults) > MAX_FAULTS:
                return len(text), faults, ""
            if at >= len(text) or text[at] == "\n":
                faults.append("non-terminated string")
                return at, faults, ""
            ch = text[at]
            if ch in stops:
                return at + 1, faults, ch
            if ch in "\x00\ufeff":
                faults.append(_UNWANTED_FAULTS[ch])
                at += 1
            elif ch == "\\":
                nxt = text[at + 1] if at + 1 < len(text) else ""
                if nxt == "u":
                    at = min(at + 6, len(text))
                elif (nxt and nxt in '\\"/bfnrt') or (nxt == "{" and "{" in stops):
                    at += 2
                else:
                    faults.append("illegal escape sequence")
                    at += 1
            elif stops == '"':
                m = _PLAIN.match(text, at)
                assert m is not None
                at = max(m.end(), at + 1) if m.end() == at else m.end()
            else:
                at += 1

    def _string(self, at: int) -> int:
        end, faults, _ = self._quoted(at + 1, '"')
        self._add(STRING, None, at, end, tuple(faults))
        return end

    def _raw(self, at: int) -> int:
        end = self.text.find("`", at + 1)
        if end < 0:
            self._add(
                RAW_STRING, None, at, len(self.text), (*self._unwanted(at, len(self.text)), "non-terminated string")
            )
            return len(self.text)
        self._add(RAW_STRING, self.text[at + 1 : end], at, end + 1, self._unwanted(at, end))
        return end + 1

    def _unwanted(self, at: int, end: int) -> tuple[str, ...]:
        """The faults of a raw text: characters that may stand nowhere."""
        found = _UNWANTED.findall(self.text, at, end)
        return tuple([_UNWANTED_FAULTS[ch] for ch in found[: MAX_FAULTS + 1]])

    def _template(self, start: int, at: int, raw: bool) -> int:
        """Scan a literal part of a template string from ``at``; its token's text is what stands between the marks."""
        text = self.text
        if not raw:
            end, faults, stop = self._quoted(at, '"{')
            body = text[at : end - 1] if stop else text[at:end]
            if "\\{" in body:
                body = _unescape_braces(body)
        else:
            i = at
            stop = ""
            while i < len(text):
                if text[i] == "\\" and text[i + 1 : i + 2] == "{":
                    i += 2
                    continue
                if text[i] in "`{":
                    stop = text[i]
                    break
                i += 1
            faults = [*self._unwanted(at, i)]
            if not stop:
                faults.append("non-terminated string")
            body = text[at:i].replace("\\{", "{")
            end = min(i + 1, len(text))
        if stop == "{":
            kind = RAW_TEMPLATE_PART if raw else TEMPLATE_PART
            self._braces.append((0, raw))
        else:
            kind = RAW_TEMPLATE_END if raw else TEMPLATE_END
        self._add(kind, body, start, end, tuple(faults))
        return end


def _unescape_braces(body: str) -> str:
    out: list[str] = []
    i = 0
    while i < len(body):
        if body[i] == "\\" and i + 1 < len(body):
            out.append("{" if body[i + 1] == "{" else body[i : i + 2])
            i += 2
        else:
            out.append(body[i])
            i += 1
    return "".join(out)


def tokenize(source: Source) -> tuple[Tokens, list[CommentToken]]:
    """All tokens of a text, ``eof`` last, and its comments."""
    lexer = Lexer(source)
    lexer.run()
    return lexer.tokens, lexer.comments
