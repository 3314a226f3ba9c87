"""GraphQL text to tokens, with the places and the faults of OPA's library."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ...meter import METER
from ...text import quoted
from ..byte_texts import as_utf8, from_bytes, to_bytes
from .faults import GraphqlFault, Position

INVALID: Final = "<Invalid>"
EOF: Final = "<EOF>"
NAME: Final = "Name"
INT: Final = "Int"
FLOAT: Final = "Float"
STRING: Final = "String"
BLOCK_STRING: Final = "BlockString"
COMMENT: Final = "Comment"


class Token(NamedTuple):
    """A kind (a punctuator is its own), the text where there is one, and the place."""

    kind: str
    value: str
    position: Position

    def __str__(self) -> str:
        return f"{self.kind} {quoted(self.value)}" if self.value else self.kind


_SPACE: Final = re.compile("[\t ,\ufeff]*")
_PUNCTUATORS: Final = frozenset("!$&():=@[]{}|")
_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_COMMENT: Final = re.compile("#[^\x00-\x08\x0a-\x1f]*")
_DIGITS: Final = re.compile(r"[0-9]*")
_PLAIN: Final = re.compile('[^\x00-\x08\x0a-\x1f"\\\\]+')
_PLAIN_BLOCK: Final = re.compile('[^\x00-\x08\x0a-\x1f"\\\\]+')
_QUOTES: Final = re.compile('"+')
_HEX: Final = re.compile(r"[0-9a-fA-F]{4}")
_ESCAPES: Final = {'"': '"', "/": "/", "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Lexer:
    """Reads one token after the other; a fault comes with a token of its own kind at its place."""

    def __init__(self, text: str, source: str = "") -> None:
        METER.spend(len(text), 2 * len(text))
        self.text = as_utf8(text)
        self.source = source
        self.at = 0
        self.line = 1
        self.line_start = 0

    def _token(self, kind: str, value: str, start: int) -> Token:
        return Token(kind, value, Position(self.line, start - self.line_start + 1, self.source))

    def _fault(self, message: str) -> tuple[Token, GraphqlFault]:
        place = Position(self.line, self.at - self.line_start + 1, self.source)
        return Token(INVALID, "", place), GraphqlFault(as_utf8(message), place)

    def read(self) -> tuple[Token, GraphqlFault | None]:
        """The next token, and what is wrong with it."""
        METER.spend(4, 240)
        self._skip_space()
        start, text = self.at, self.text
        if start >= len(text):
            return self._token(EOF, "", start), None
        char = text[start]
        if char in _PUNCTUATORS:
            self.at += 1
            return self._token(char, "", start), None
        name = _NAME.match(text, start)
        if name is not None:
            self.at = name.end()
            return self._token(NAME, name.group(), start), None
        if char == '"':
            return self._block_string() if text.startswith('"""', start) else self._string()
        if text.startswith("...", start):
            self.at += 3
            return self._token("...", "", start), None
        if char == "#":
            found = _COMMENT.match(text, start)
            assert found is not None
            self.at = found.end()
            return self._token(COMMENT, found.group(), start), None
        if char == "-" or "0" <= char <= "9":
            return self._number()
        if char < " ":
            return self._fault(f'Cannot contain the invalid character "\\u{ord(char):04x}"')
        if char == "'":
            return self._fault("Unexpected single quote character ('), did you mean to use a double quote (\")?")
        return self._fault(f'Cannot parse the unexpected character "{_first_byte(char)}".')

    def _skip_space(self) -> None:
        while True:
            found = _SPACE.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
            char = self.text[self.at : self.at + 1]
            if char == "\n":
                self.at += 1
                self.line += 1
                self.line_start = self.at
            elif char == "\r":
                self.at += 1
                self.line += 1
                self.line_start = self.at  # a line feed behind it counts as a column, as in the library
                if self.text.startswith("\n", self.at):
                    self.at += 1
            else:
                return

    # --- numbers ---------------------------------------------------------------------------------

    def _number(self) -> tuple[Token, GraphqlFault | None]:
        start = self.at
        self._take("-")
        if self._take("0"):
            before = self.at
            if self._digits():
                self.at = before
                return self._fault(f"Invalid number, unexpected digit after 0: {self._next()}.")
        elif not self._digits():
            return self._digit_wanted()
        kind = INT
        if self._take("."):
            kind = FLOAT
            if not self._digits():
                return self._digit_wanted()
        if self._take("eE"):
            kind = FLOAT
            self._take("-+")
            if not self._digits():
                return self._digit_wanted()
        return self._token(kind, self.text[start : self.at], start), None

    def _digit_wanted(self) -> tuple[Token, GraphqlFault]:
        return self._fault(f"Invalid number, expected digit but got: {self._next()}.")

    def _take(self, chars: str) -> bool:
        if self.at < len(self.text) and self.text[self.at] in chars:
            self.at += 1
            return True
        return False

    def _digits(self) -> bool:
        found = _DIGITS.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return bool(found.group())

    def _next(self) -> str:
        return f'"{_first_byte(self.text[self.at])}"' if self.at < len(self.text) else EOF

    # --- strings ---------------------------------------------------------------------------------

    def _string(self) -> tuple[Token, GraphqlFault | None]:
        self.at += 1
        start, text = self.at, self.text
        parts: list[str] = []
        while self.at < len(text):
            plain = _PLAIN.match(text, self.at)
            if plain is not None:
                parts.append(plain.group())
                self.at = plain.end()
                continue
            char = text[self.at]
            if char in "\n\r":
                break
            if char == '"':
                token = self._token(STRING, "".join(parts), start)
                self.at += 1
                return token, None
            if char != "\\":
                return self._fault(f'Invalid character within String: "\\u{ord(char):04x}".')
            if self.at + 1 >= len(text):
                self.at += 1
                return self._fault("Invalid character escape sequence.")
            made = self._escape(text[self.at + 1])
            if not isinstance(made, str):
                return made
            parts.append(made)
        return self._fault("Unterminated string.")

    def _escape(self, char: str) -> str | tuple[Token, GraphqlFault]:
        if char != "u":
            if char not in _ESCAPES:
                self.at += 1
                return self._fault(f"Invalid character escape sequence: \\{_first_byte(char)}.")
            self.at += 2
            return _ESCAPES[char]
        rest = to_bytes(self.text[self.at : self.at + 8])
        if len(rest) <= 6:
            self.at += 1
            return self._fault(f"Invalid character escape sequence: \\{from_bytes(rest[1:])}.")
        digits = _HEX.fullmatch(from_bytes(rest[2:6]))
        if digits is None:
            self.at += 1
            return self._fault(f"Invalid character escape sequence: \\{from_bytes(rest[1:6])}.")
        self.at += 6
        code = int(digits.group(), 16)
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def _block_string(self) -> tuple[Token, GraphqlFault | None]:
        self.at += 3
        start, text = self.at, self.text
        parts: list[str] = []
        while self.at < len(text):
            plain = _PLAIN_BLOCK.match(text, self.at)
            if plain is not None:
                parts.append(plain.group())
                self.at = plain.end()
                continue
            char = text[self.at]
            if char == '"':
                quotes = _QUOTES.match(text, self.at)
                assert quotes is not None
                count = len(quotes.group())
                if count > 2:
                    parts.append('"' * (count - 3))
                    # The line is that of the end, the column counts from it: it may well be negative.
                    token = self._token(BLOCK_STRING, _block_value("".join(parts)), start)
                    self.at += count
                    return token, None
                parts.append(char)
                self.at += 1
            elif char == "\\":
                escaped = text.startswith('\\"""', self.at)
                parts.append('"""' if escaped else char)
                self.at += 4 if escaped else 1
            elif char in "\n\r":
                parts.append("\n")
                self.at += 2 if text.startswith("\r\n", self.at) else 1
                self.line += 1
                self.line_start = self.at
            else:
                return self._fault(f'Invalid character within String: "\\u{ord(char):04x}".')
        return self._fault("Unterminated string.")


def _first_byte(char: str) -> str:
    """What the library shows of a character: its first byte, taken for one."""
    return chr(to_bytes(char)[0])


def _block_value(raw: str) -> str:
    lines = raw.split("\n")
    METER.spend(2 * len(lines), 60 * len(lines))
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip(" \t")]
    if indents:
        common = min(indents)
        lines[1:] = [line[common:] for line in lines[1:]]
    begin, end = 0, len(lines)
    while begin < end and not lines[begin].strip(" \t"):
        begin += 1
    while begin < end and not lines[end - 1].strip(" \t"):
        end -= 1
    return "\n".join(lines[begin:end])
