"""``sprintf`` as Go's ``fmt.Sprintf`` formats OPA's values.

Integers that fit 64 bits are ``int64``, larger ones ``*big.Int``, numbers with a point or exponent ``float64``;
strings are strings; everything else comes as its text in Rego.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from math import copysign
from typing import Final

from ..meter import LARGE
from ..text import term
from ..values import Num, Value, integer_text
from . import operands
from .byte_texts import joined, to_bytes
from .contract import Builtin, Context
from .float_texts import float_text, with_point

Arg = int | float | str
_WIDEST: Final = 1_000_000
"""The greatest width and precision that an argument may give, and that a digit more is read after."""


_FRACTION: Final = re.compile("[.eE]")
_LONGEST: Final = 19
"""Digits of an integer that OPA puts into 64 bits; zeros in front of it count."""
_DECIMAL: Final = re.compile("[-+]?[0-9]+")


class Big(int):
    """An integer beyond 64 bits."""


def _arg(value: Value) -> Arg:
    t = type(value)
    if t is int:
        return value if -(1 << 63) <= value < 1 << 63 else Big(value)
    if t is Num:
        text: str = value.text
        if not _FRACTION.search(text):  # -0, and what to_number takes: +7, 007, 0x1p-2
            if not _DECIMAL.fullmatch(text):
                return text
            return _arg(int(text)) if len(text.lstrip("+-")) <= _LONGEST else Big(text)
        made = float(value)
        return made if abs(made) != float("inf") else text
    if t is str:
        return value  # type: ignore[no-any-return]
    return term(value)


def sprintf(context: Context, form: Value, args: Value) -> Value:
    """The arguments under the verbs of the format; faults show in the text, as Go's do."""
    text = operands.string(form, 1)
    made = _plainly(text, args)
    if made is not None:
        return made
    items = [_arg(v) for v in operands.array(args, 2)]
    for item in items:
        if type(item) is str and len(item) > LARGE:
            context.spend(len(item) >> 4, 2 * len(item))
    return joined(Formatter(context, items).run(text))


def _plainly(text: str, args: Value) -> str | None:
    """The text where each argument is short: text under ``%v``, ``%s`` or ``%q``, an integer under ``%v`` or ``%d``.

    None where it takes more to put it together.
    """
    if len(text) > LARGE or type(args) is not list:
        return None
    pieces = _pieces(text)
    if pieces is None or len(pieces) != 2 * len(args) + 1:
        return None
    made = list(pieces)
    at = 1
    for item in args:
        verb = pieces[at]
        if type(item) is str:
            if verb == "d" or len(item) > LARGE or not item.isascii():
                return None
            if verb == "q":
                if not item.isprintable() or '"' in item or "\\" in item:
                    return None
                made[at] = f'"{item}"'
            else:
                made[at] = item
        elif verb == "q":
            return None
        elif type(item) is int and verb != "s" and -_SHORT < item < _SHORT:
            made[at] = str(item)
        elif verb == "d" or type(item) is Num or type(item) is int:
            return None
        else:
            made[at] = term(item)
            if len(made[at]) > LARGE or not made[at].isascii():
                return None
        at += 2
    return "".join(made)


_SHORT: Final = 1 << 62


@lru_cache(maxsize=256)
def _pieces(text: str) -> tuple[str, ...] | None:
    """What stands between plain verbs, and the verbs' letters, in turn; None for a format with anything else."""
    parts = _PLAIN_VERB.split(text)
    if any("%" in between for between in parts[::2]) or not text.isascii():
        return None
    return tuple(parts)


_PLAIN_VERB: Final = re.compile("%([vsdq])")


class Formatter:
    """One formatting run over its arguments."""

    def __init__(self, context: Context, items: list[Arg]) -> None:
        self.context = context
        self.items = items
        self.next = 0
        self.reordered = False

    def run(self, text: str) -> str:
        """The formatted text, Go's complaints about verbs and arguments included."""
        out: list[str] = []
        at = 0
        while True:
            start = text.find("%", at)
            if start < 0:
                out.append(text[at:])
                break
            out.append(text[at:start])
            at = self._directive(text, start + 1, out)
        if not self.reordered and self.next < len(self.items):
            extra = ", ".join(map(self.with_type, self.items[self.next :]))
            out.append(f"%!(EXTRA {extra})")
        return "".join(out)

    def _directive(self, text: str, at: int, out: list[str]) -> int:
        flags: set[str] = set()
        while at < len(text) and text[at] in "+-# 0":
            flags.add(text[at])
            at += 1
        good_index = True
        at, indexed, ok = self._index(text, at)
        good_index = good_index and ok
        width: int | None = None
        precision: int | None = None
        if at < len(text) and text[at] == "*":
            at += 1
            width = self._star(out, "%!(BADWIDTH)")
            if width is not None and width < 0:
                flags.add("-")
                flags.discard("0")
                width = -width
            indexed = False
        else:
            width, at = _digits(text, at, len(text))
            if indexed and width is not None:
                good_index = False
        if at + 1 < len(text) and text[at] == ".":
            at += 1
            if indexed:
                good_index = False
            at, indexed, ok = self._index(text, at)
            good_index = good_index and ok
            if at < len(text) and text[at] == "*":
                at += 1
                precision = self._star(out, "%!(BADPREC)", negative=False)
                indexed = False
            else:
                precision, at = _digits(text, at, len(text))
                precision = precision or 0
        if not indexed:
            at, indexed, ok = self._index(text, at)
            good_index = good_index and ok
        for size in (width, precision):
            if size is not None:
                self.context.spend(size >> 6, size)
        if at >= len(text):
            out.append("%!(NOVERB)")
            return at
        verb = text[at]
        at += 1
        if verb in ("v", "w"):  # there they ask for the syntax of Go, and for the names of fields
            flags = {flag + "v" if flag in "+#" else flag for flag in flags}
        if verb == "%":
            out.append("%")
        elif not good_index:
            out.append(f"%!{verb}(BADINDEX)")
        elif self.next >= len(self.items):
            out.append(f"%!{verb}(MISSING)")
        else:
            arg = self.items[self.next]
            self.next += 1
            out.append(self.format(arg, verb, flags, width, precision))
        return at

    def _index(self, text: str, at: int) -> tuple[int, bool, bool]:
        """``[n]``: where it ends, whether there is one, and whether it is good."""
        if at >= len(text) or text[at] != "[":
            return at, False, True
        self.reordered = True
        end = text.find("]", at)
        if end < 0:
            return at + 1, False, False
        number, stopped = _digits(text, at + 1, end)
        if number is None or stopped != end:
            return end + 1, False, False
        if not 1 <= number <= len(self.items):
            return end + 1, True, False
        self.next = number - 1
        return end + 1, True, True

    def _star(self, out: list[str], complaint: str, negative: bool = True) -> int | None:
        if self.next < len(self.items):
            value = self.items[self.next]
            self.next += 1
            if type(value) is int and abs(value) <= _WIDEST and (negative or value >= 0):
                return value
        out.append(complaint)
        return None

    def with_type(self, arg: Arg) -> str:
        """An argument that no verb asks for."""
        return f"{self.type_name(arg)}={self._plain(arg)}"

    def type_name(self, arg: Arg) -> str:
        """What Go calls an argument's type."""
        return _go_type(arg)

    def _plain(self, arg: Arg) -> str:
        return self.format(arg, "v", set(), None, None)

    # --- one argument ----------------------------------------------------------------------------

    def format(self, arg: Arg, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        """One argument under one verb."""
        if verb == "T":
            return _pad(self.type_name(arg)[:precision], width, flags)
        if verb == "p":
            return self._bad(arg, verb, flags, width, precision)
        if isinstance(arg, int):
            return self._integer(arg, verb, flags, width, precision)
        if isinstance(arg, float):
            return self._float(arg, verb, flags, width, precision)
        return self._string(arg, verb, flags, width, precision)

    def _bad(self, arg: Arg, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if isinstance(arg, Big):
            if verb == "w":  # the only one that it is not asked to format itself under
                return f"%!w(*big.Int={self._parts(arg, flags, width, precision)})"
            return f"%!{verb}(big.Int={integer_text(arg)})"
        return f"%!{verb}({self.type_name(arg)}={self.format(arg, 'v', flags, width, precision)})"

    def _parts(self, arg: Big, flags: set[str], width: int | None, precision: int | None) -> str:
        """A large integer as it is stored: whether it is negative, and its words of 64 bits, the least first."""
        magnitude = abs(arg)
        words = [magnitude >> shift & ((1 << 64) - 1) for shift in range(0, magnitude.bit_length(), 64)]
        negative = _pad("true" if arg < 0 else "false", width, flags)
        if "#v" in flags:
            shown = ", ".join(self._integer(word, "x", flags | {"#"}, width, precision) for word in words)
            return f"&big.Int{{neg:{negative}, abs:big.nat{{{shown}}}}}"
        shown = " ".join(self._integer(word, "v", flags, width, precision) for word in words)
        return f"&{{neg:{negative} abs:[{shown}]}}" if "+v" in flags else f"&{{{negative} [{shown}]}}"

    def _integer(self, arg: int, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        bases = {"d": 10, "v": 10, "b": 2, "o": 8, "O": 8, "x": 16, "X": 16}
        big = isinstance(arg, Big)
        if verb in ("c", "q", "U") and not big:
            return self._rune(arg, verb, flags, width, precision)
        if verb == "s" and big:
            verb = "d"
        if verb not in bases:
            return self._bad(arg, verb, flags, width, precision)
        base = bases[verb]
        magnitude = abs(arg)
        digits = integer_text(magnitude) if base == 10 else format(magnitude, {2: "b", 8: "o", 16: "x"}[base])
        if verb == "X":
            digits = digits.upper()
        if precision is not None:
            if precision == 0 and magnitude == 0:
                return "" if big else " " * (width or 0)
            digits = digits.rjust(precision, "0")
        prefix = {"b": "0b", "x": "0x", "X": "0X"}.get(verb, "") if "#" in flags else ""
        if "#" in flags and (verb == "o" or (verb == "O" and not big)) and not digits.startswith("0"):
            prefix = "0"
        if verb == "O":
            prefix = "0o" + prefix
        plus = "+" in flags or (big and "+v" in flags)
        sign = "-" if arg < 0 else "+" if plus else " " if " " in flags else ""
        if "0" in flags and "-" not in flags and precision is None and width is not None:
            digits = digits.rjust(width - len(sign) - (len(prefix) if big else 0), "0")
            if prefix in ("0", "0o0") and not big and digits.startswith("0"):  # that zero is there already
                prefix = prefix[:-1]
            return sign + prefix + digits
        return _pad(sign + prefix + digits, width, flags - {"0"})

    def _rune(self, arg: int, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        char = chr(arg) if 0 <= arg <= 0x10FFFF and not 0xD800 <= arg <= 0xDFFF else "\ufffd"
        if verb == "c":
            return _pad(char, width, flags)
        if verb == "q":
            quoted = "'" + ("\\'" if char == "'" else _escape(char, "+" in flags, '"')) + "'"
            return _pad(quoted, width, flags)
        text = f"U+{arg & 0xFFFFFFFFFFFFFFFF:0{max(precision or 4, 4)}X}"
        if "#" in flags and ord(char) == arg and char.isprintable():
            text += f" '{char}'"
        return _pad(text, width, flags - {"0"})

    def _float(self, arg: float, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if verb not in "eEfFgGvxXb":
            return self._bad(arg, verb, flags, width, precision)
        plain = "g" if verb == "v" else verb
        body = float_text(abs(arg), plain, precision)
        if "#" in flags and plain != "b":
            body = with_point(body, plain, precision)
        sign = "-" if copysign(1, arg) < 0 else "+" if "+" in flags else " " if " " in flags else ""
        if "0" in flags and "-" not in flags and width is not None:
            return sign + body.rjust(width - len(sign), "0")
        return _pad(sign + body, width, flags - {"0"})

    def _string(self, arg: str, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if verb == "v" and "#v" in flags:
            verb = "q"
        if verb in ("s", "v"):
            return _pad(arg if precision is None else arg[:precision], width, flags)
        if verb == "q":
            text = arg if precision is None else arg[:precision]
            if "#" in flags and not _UNQUOTED.search(text):
                return _pad(f"`{text}`", width, flags)
            return _pad('"' + "".join(_escape(c, "+" in flags, '"') for c in text) + '"', width, flags)
        if verb in ("x", "X"):
            raw = to_bytes(arg)
            if precision is not None:
                raw = raw[:precision]
            pairs = [f"{b:02x}" for b in raw]
            lead = "0x" if "#" in flags and pairs else ""
            text = (" " + lead).join(pairs) if " " in flags else "".join(pairs)
            text = lead + text
            return _pad(text.upper() if verb == "X" else text, width, flags)
        return self._bad(arg, verb, flags, width, precision)


def _digits(text: str, at: int, end: int) -> tuple[int | None, int]:
    """A number, if there is one, and where it ends; one that is too large takes all of the text with it."""
    number: int | None = None
    while at < end and "0" <= text[at] <= "9":
        if number is not None and number > _WIDEST:
            return None, end
        number = (number or 0) * 10 + int(text[at])
        at += 1
    return number, at


_UNQUOTED: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f`\ufeff\ufffd\ud800-\udfff]")
"""What cannot stand between backquotes in Go."""


def _go_type(arg: Arg) -> str:
    if isinstance(arg, Big):
        return "*big.Int"
    return {int: "int64", float: "float64"}.get(type(arg), "string")


def _pad(text: str, width: int | None, flags: set[str]) -> str:
    if width is None or len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    return text.rjust(width, "0" if "0" in flags else " ")


_ESCAPES: Final = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}


def _escape(char: str, ascii_only: bool, quote: str) -> str:
    if char == quote:
        return "\\" + quote
    if char in _ESCAPES:
        return _ESCAPES[char]
    code = ord(char)
    if char.isascii() and char.isprintable():
        return char
    if not ascii_only and char.isprintable():
        return char
    if (code < 0x80 and code < 0x20) or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xDC80 <= code < 0xDD00:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


BUILTINS: Final[Mapping[str, Builtin]] = {"sprintf": Builtin(sprintf, context=True)}
