"""Writes YAML in block style as Go's library does: which quotes a text gets, where lines begin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

INDENT: Final = 2
SIMPLE: Final = 128
"""Bytes that a key may have to stand before its colon without a question mark."""

_BREAKS: Final = "\n\u2028\u2029"
_OPENING: Final = frozenset("#,[]{}&*!|>'\"%@`")
_PRINTABLE: Final = re.compile("[\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]*")
_ESCAPES: Final = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e", '"': '"',
    "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


class Emitter:
    """The text so far, and what decides about the next line: the indents that are open, the place in the line."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._indents: list[int] = []
        self._indent = -1
        self._column = 0
        self._white = True
        self._indenting = True

    def text(self) -> str:
        """The whole document, once all of it is written."""
        self._line()
        return "".join(self._out)

    # --- structure -------------------------------------------------------------------------------

    @contextmanager
    def sequence(self, *, empty: bool) -> Iterator[None]:
        """A sequence around its items."""
        with self._block("[]" if empty else ""):
            yield

    @contextmanager
    def mapping(self, *, empty: bool) -> Iterator[None]:
        """A mapping around its keys and values."""
        with self._block("{}" if empty else ""):
            yield

    @contextmanager
    def _block(self, instead: str) -> Iterator[None]:
        if instead:
            self._indicator(instead, white=False)
            yield
            return
        self._indents.append(self._indent)
        self._indent = 0 if self._indent < 0 else self._indent + INDENT
        yield
        self._indent = self._indents.pop()

    def item(self) -> None:
        """The dash before an item."""
        self._line()
        self._indicator("-", white=False, indenting=True)

    def key(self, text: str) -> bool:
        """The beginning of a key; whether it is a simple one, else a question mark was written."""
        self._line()
        simple = not any(c in text for c in _BREAKS + "\r\x85") and len(text.encode()) <= SIMPLE
        if not simple:
            self._indicator("?", white=False, indenting=True)
        return simple

    def colon(self, simple: bool) -> None:
        """What stands between a key and its value."""
        if not simple:
            self._line()
        self._indicator(":", white=False, indenting=not simple, apart=not simple)

    # --- scalars ---------------------------------------------------------------------------------

    def scalar(self, text: str, plain: bool, *, simple_key: bool = False) -> None:
        """A text, without quotes where it may be ``plain`` and its characters allow it."""
        found = _Found(text)
        before, self._indent = self._indent, INDENT if self._indent < 0 else self._indent + INDENT
        if "\n" in text:
            style = "|"
        else:
            style = "" if plain else '"'
        if not style and (not found.plain or (simple_key and not text)):
            style = "'"
        if (style == "'" and not found.single) or (style == "|" and (not found.block or simple_key)):
            style = '"'
        match style:
            case "":
                self._plain(text)
            case "'":
                self._single(text)
            case "|":
                self._literal(text)
            case _:
                self._double(text)
        self._indent = before

    def _plain(self, text: str) -> None:
        if text:
            self._put(text if self._white else " " + text)
            self._white = False
        self._indenting = False

    def _single(self, text: str) -> None:
        self._indicator("'")
        self._lines(text.replace("'", "''"), broken=False)
        self._indicator("'", apart=False)

    def _literal(self, text: str) -> None:
        self._indicator("|")
        if text[0] == " " or text[0] in _BREAKS:
            self._put(str(INDENT))
        if text[-1] not in _BREAKS:
            self._put("-")
        elif len(text) == 1 or text[-2] in _BREAKS:
            self._put("+")
        self._break("\n")
        self._white = True
        self._lines(text, broken=True)

    def _lines(self, text: str, *, broken: bool) -> None:
        """Characters and line breaks, each line at the indent."""
        for part in re.split(f"([{_BREAKS}])", text):
            if not part:
                continue
            if part in _BREAKS:
                self._break(part)
                broken = True
                continue
            if broken:
                self._line()
            self._put(part)
            self._indenting = broken = False

    def _double(self, text: str) -> None:
        every = text.startswith("\ufeff")  # Go looks for that mark at the beginning whichever character it writes
        shown = text if _PRINTABLE.fullmatch(text) and not every else None
        if shown is None or any(c in text for c in '"\\\n\xa0\u2028\u2029'):
            shown = "".join(_escaped(c) if every or _needs_escape(c) else c for c in text)
        self._indicator('"')
        self._put(shown)
        self._indicator('"', apart=False)

    # --- places ----------------------------------------------------------------------------------

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._column += len(text)

    def _break(self, text: str) -> None:
        self._out.append(text)
        self._column = 0
        self._indenting = True

    def _line(self) -> None:
        """A new line at the indent, unless we are there."""
        indent = max(self._indent, 0)
        if not self._indenting or self._column > indent or (self._column == indent and not self._white):
            self._break("\n")
        if self._column < indent:
            self._put(" " * (indent - self._column))
        self._white = True

    def _indicator(self, text: str, *, white: bool = False, indenting: bool = False, apart: bool = True) -> None:
        self._put(" " + text if apart and not self._white else text)
        self._white = white
        self._indenting = self._indenting and indenting


def _needs_escape(c: str) -> bool:
    return c in _BREAKS or c in '"\\' or not _PRINTABLE.fullmatch(c)


def _escaped(c: str) -> str:
    code = ord(c)
    short = _ESCAPES.get(c)
    if short is not None:
        return "\\" + short
    return f"\\x{code:02X}" if code <= 0xFF else f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


class _Found:
    """Which ways of writing a text are open to it."""

    __slots__ = ("block", "plain", "single")

    def __init__(self, text: str) -> None:
        special = not _PRINTABLE.fullmatch(text.replace("\t", ""))
        ends = text[:1] + text[-1:]
        broken = any(c in text for c in _BREAKS)
        space_break = re.search(f" [{_BREAKS}]", text) is not None
        break_space = re.search(f"[{_BREAKS}] ", text) is not None
        self.block = bool(text) and not (text[-1:] == " " or space_break or special)
        self.single = not (break_space or space_break or "\t" in text or special)
        self.plain = self.single and not broken and " " not in ends and not _indicates(text)


def _indicates(text: str) -> bool:
    """Whether what a text begins with, or holds, means something in block style."""
    if text.startswith(("---", "...")) or text[:1] in _OPENING:
        return True
    if text[:1] in ("?", ":", "-") and (len(text) == 1 or text[1] in " \t"):
        return True
    return text[1:].endswith(":") or re.search(r".:[ \t]|[ \t\n\u2028\u2029\x85\r]#", text, re.DOTALL) is not None
