"""The text of a template to items: texts, and what stands between ``{{`` and ``}}``."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ...meter import METER
from ...text import quoted
from ..byte_texts import to_bytes

ERROR: Final = "error"
EOF: Final = "EOF"
TEXT: Final = "text"
LEFT: Final = "{{"
RIGHT: Final = "}}"
SPACE: Final = "space"
FIELD: Final = "field"
VARIABLE: Final = "variable"
IDENTIFIER: Final = "identifier"
BOOL: Final = "bool"
NUMBER: Final = "number"
COMPLEX: Final = "complex"
CHARACTER: Final = "character"
STRING: Final = "string"
RAW_STRING: Final = "raw string"
CHAR: Final = "char"
PIPE: Final = "|"
ASSIGN: Final = "="
DECLARE: Final = ":="
OPEN: Final = "("
CLOSE: Final = ")"
DOT: Final = "."
NIL: Final = "nil"
KEYWORDS: Final = frozenset(("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"))

_SHOWN: Final = 10
_SPACES: Final = " \t\r\n"
_ENDS: Final = frozenset(f"{_SPACES}.,|:)(")
_WORD: Final = re.compile(r"\w*")
_NUMBER: Final = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_QUOTED: Final = {
    '"': (re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'), STRING, "unterminated quoted string"),
    "'": (re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"), CHARACTER, "unterminated character constant"),
    "`": (re.compile(r"`[^`]*`"), RAW_STRING, "unterminated raw quoted string"),
}


class Item(NamedTuple):
    """A kind, the text, where it begins and on which line."""

    kind: str
    text: str
    at: int
    line: int

    def __str__(self) -> str:
        if self.kind == EOF:
            return "EOF"
        if self.kind == ERROR:
            return self.text
        if self.kind in KEYWORDS or self.kind in (DOT, NIL):
            return f"<{self.text}>"
        start = quoted(self.text[:_SHOWN])
        return f"{start}..." if len(to_bytes(self.text[: _SHOWN + 1])) > _SHOWN else start


def is_alphanumeric(char: str) -> bool:
    """Whether names may have it."""
    return char == "_" or char.isalpha() or char.isdecimal()


def shown(char: str) -> str:
    """A character as error texts have it."""
    text = f"U+{ord(char):04X}"
    return f"{text} '{char}'" if char.isprintable() else text


class Lexer:
    """Reads one item after the other; after a fault there is nothing more to read."""

    def __init__(self, text: str) -> None:
        METER.spend(len(text) >> 2, 2 * len(text))
        self.text = text
        self.at = 0
        self.start = 0
        self.start_line = 1
        self.inside = False
        self.parens = 0

    def read(self) -> Item:
        """The next item."""
        METER.spend(4, 160)
        return self._inside() if self.inside else self._outside()

    def _item(self, kind: str) -> Item:
        """The item from the start to here."""
        text = self.text[self.start : self.at]
        made = Item(kind, text, self.start, self.start_line)
        self.start_line += text.count("\n")
        self.start = self.at
        return made

    def _ignore(self) -> None:
        self.start_line += self.text.count("\n", self.start, self.at)
        self.start = self.at

    def _error(self, message: str) -> Item:
        made = Item(ERROR, message, self.start, self.start_line)
        self.text = ""
        self.at = self.start = 0
        return made

    # --- outside of actions ----------------------------------------------------------------------

    def _outside(self) -> Item:
        while True:
            found = self.text.find(LEFT, self.at)
            if found < 0:
                self.at = len(self.text)
                return self._item(TEXT if self.at > self.start else EOF)
            if found > self.at:
                end = found
                if self._left_marker(found + 2):
                    end = self.start + len(self.text[self.start : found].rstrip(_SPACES))
                self.at = end
                made = self._item(TEXT)
                self.at = found
                self._ignore()
                if made.text:
                    return made
            opening = self._left()
            if opening is not None:
                return opening

    def _left_marker(self, at: int) -> bool:
        return self.text[at : at + 1] == "-" and self.text[at + 1 : at + 2] in (" ", "\t", "\r", "\n")

    def _left(self) -> Item | None:
        """The opening of an action, or nothing where it was a comment."""
        after = self.at + 2
        marker = 2 if self._left_marker(after) else 0
        if self.text.startswith("/*", after + marker):
            self.at = after + marker
            self._ignore()
            return self._comment()
        self.at = after
        made = self._item(LEFT)
        self.inside = True
        self.at += marker
        self._ignore()
        self.parens = 0
        return made

    def _comment(self) -> Item | None:
        end = self.text.find("*/", self.at + 2)
        if end < 0:
            return self._error("unclosed comment")
        self.at = end + 2
        closing, trims = self._right_ahead()
        if not closing:
            return self._error("comment ends before closing delimiter")
        self.at += 4 if trims else 2
        if trims:
            self._skip_spaces()
        self._ignore()
        return None

    def _skip_spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACES:
            self.at += 1

    def _right_ahead(self) -> tuple[bool, bool]:
        """Whether the action is closed here, and whether that trims what follows."""
        if self.text[self.at : self.at + 1] in (" ", "\t", "\r", "\n") and self.text.startswith("-}}", self.at + 1):
            return True, True
        return self.text.startswith(RIGHT, self.at), False

    # --- inside of actions -----------------------------------------------------------------------

    def _right(self) -> Item:
        _, trims = self._right_ahead()
        if trims:
            self.at += 2
            self._ignore()
        self.at += 2
        made = self._item(RIGHT)
        if trims:
            self._skip_spaces()
            self._ignore()
        self.inside = False
        return made

    def _inside(self) -> Item:
        if self._right_ahead()[0]:
            return self._right() if self.parens == 0 else self._error("unclosed left paren")
        if self.at >= len(self.text):
            return self._error("unclosed action")
        char = self.text[self.at]
        if char in _SPACES:
            return self._space()
        following = self.text[self.at + 1 : self.at + 2]
        if char in _QUOTED:
            return self._quote(*_QUOTED[char])
        if char == "$" or (char == "." and following and not "0" <= following <= "9"):
            return self._field_or_variable(VARIABLE if char == "$" else FIELD)
        if char in "+-." or "0" <= char <= "9":
            return self._number()
        if is_alphanumeric(char):
            return self._identifier()
        self.at += 1
        if char == ":":
            self.at += 1
            return self._item(DECLARE) if following == "=" else self._error("expected :=")
        if char == "(":
            self.parens += 1
        elif char == ")":
            self.parens -= 1
            if self.parens < 0:
                return self._error("unexpected right paren")
        if char in "=|()":
            return self._item(char)
        if char.isascii() and char.isprintable():
            return self._item(CHAR)
        return self._error(f"unrecognized character in action: {shown(char)}")

    def _space(self) -> Item:
        self._skip_spaces()
        self.at -= 1
        if self._right_ahead()[1]:
            if self.at == self.start:
                return self._right()
            return self._item(SPACE)
        self.at += 1
        return self._item(SPACE)

    def _quote(self, pattern: re.Pattern[str], kind: str, fault: str) -> Item:
        found = pattern.match(self.text, self.at)
        if found is None:
            return self._error(fault)
        self.at = found.end()
        return self._item(kind)

    def _at_end(self) -> bool:
        """Whether a name may end here."""
        return self.at >= len(self.text) or self.text[self.at] in _ENDS or self.text.startswith(RIGHT, self.at)

    def _word(self) -> None:
        while self.at < len(self.text) and is_alphanumeric(self.text[self.at]):
            self.at += 1

    def _field_or_variable(self, kind: str) -> Item:
        self.at += 1
        if self._at_end():
            return self._item(VARIABLE if kind == VARIABLE else DOT)
        self._word()
        if not self._at_end():
            return self._error(f"bad character {shown(self.text[self.at])}")
        return self._item(kind)

    def _identifier(self) -> Item:
        self._word()
        if not self._at_end():
            return self._error(f"bad character {shown(self.text[self.at])}")
        word = self.text[self.start : self.at]
        if word in KEYWORDS or word == NIL:
            return self._item(word)
        return self._item(BOOL if word in ("true", "false") else IDENTIFIER)

    def _number(self) -> Item:
        if not self._scan_number():
            return self._error(f"bad number syntax: {quoted(self.text[self.start : self.at])}")
        if self.text[self.at : self.at + 1] in ("+", "-"):
            if not self._scan_number() or self.text[self.at - 1] != "i":
                return self._error(f"bad number syntax: {quoted(self.text[self.start : self.at])}")
            return self._item(COMPLEX)
        return self._item(NUMBER)

    def _scan_number(self) -> bool:
        found = _NUMBER.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        if self.at < len(self.text) and is_alphanumeric(self.text[self.at]):
            self.at += 1
            return False
        return True
