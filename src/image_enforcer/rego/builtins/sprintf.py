"""``sprintf`` as Go's ``fmt.Sprintf`` formats OPA's values.

Integers that fit 64 bits are ``int64``, larger ones ``*big.Int``, numbers with a point or exponent ``float64``;
strings are strings; everything else comes as its text in Rego.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from ..meter import LARGE
from ..text import term
from ..values import Num, Value, integer_text
from . import operands
from .contract import Builtin, Context

Arg = int | float | str
_WIDEST: Final = 1_000_000
"""The greatest width and precision; Go refuses greater ones."""


class Big(int):
    """An integer beyond 64 bits."""


_DIRECTIVE: Final = re.compile(r"%([-+# 0]*)(\*|[0-9]+)?(?:(\.)(\*|[0-9]+)?)?(?:\[([0-9]+)\])?(.|$)?", re.DOTALL)


def _arg(value: Value) -> Arg:
    t = type(value)
    if t is int:
        return value if -(1 << 63) <= value < 1 << 63 else Big(value)
    if t is Num:
        if value.text == "-0":
            return 0
        made = float(value)
        return made if abs(made) != float("inf") else str(value.text)
    if t is str:
        return value  # type: ignore[no-any-return]
    return term(value)


def sprintf(context: Context, form: Value, args: Value) -> Value:
    """The arguments under the verbs of the format; faults show in the text, as Go's do."""
    text = operands.string(form, 1)
    items = [_arg(v) for v in operands.array(args, 2)]
    for item in items:
        if type(item) is str and len(item) > LARGE:
            context.spend(len(item) >> 4, 2 * len(item))
    return Formatter(context, items).run(text)


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
            extra = ", ".join(f"{_go_type(a)}={self._plain(a)}" for a in self.items[self.next :])
            out.append(f"%!(EXTRA {extra})")
        return "".join(out)

    def _directive(self, text: str, at: int, out: list[str]) -> int:
        flags = set()
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
            width, at = _digits(text, at)
            if indexed and width is not None:
                good_index = False
        if at < len(text) and text[at] == ".":
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
                precision, at = _digits(text, at)
                precision = precision or 0
        if not indexed:
            at, indexed, ok = self._index(text, at)
            good_index = good_index and ok
        for size in (width, precision):
            if size is not None:
                self.context.spend(min(size, _WIDEST) >> 6, min(size, _WIDEST))
        if width is not None and width > _WIDEST:
            out.append("%!(BADWIDTH)")
            width = None
        if precision is not None and precision > _WIDEST:
            out.append("%!(BADPREC)")
            precision = None
        if at >= len(text):
            out.append("%!(NOVERB)")
            return at
        verb = text[at]
        at += 1
        if verb == "v":
            flags.discard("+")  # there it asks for the names of fields, of which these values have none
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
        inner = text[at + 1 : end]
        if inner.isdigit() and 1 <= int(inner) <= len(self.items):
            self.next = int(inner) - 1
            return end + 1, True, True
        return end + 1, True, False

    def _star(self, out: list[str], complaint: str, negative: bool = True) -> int | None:
        if self.next < len(self.items):
            value = self.items[self.next]
            self.next += 1
            if type(value) is int and abs(value) <= _WIDEST and (negative or value >= 0):
                return value
        out.append(complaint)
        return None

    def _plain(self, arg: Arg) -> str:
        return self.format(arg, "v", set(), None, None)

    # --- one argument ----------------------------------------------------------------------------

    def format(self, arg: Arg, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        """One argument under one verb."""
        if verb == "T":
            return _pad(_go_type(arg), width, flags)
        if verb == "p":
            return self._bad(arg, verb, flags, width, precision)
        if isinstance(arg, int):
            return self._integer(arg, verb, flags, width, precision)
        if isinstance(arg, float):
            return self._float(arg, verb, flags, width, precision)
        return self._string(arg, verb, flags, width, precision)

    def _bad(self, arg: Arg, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        return f"%!{verb}({_go_type(arg)}={self.format(arg, 'v', flags, width, precision)})"

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
                return " " * (width or 0)
            digits = digits.rjust(precision, "0")
        prefix = ""
        if ("#" in flags and verb != "v") or verb == "O":
            prefix = {"b": "0b", "o": "0", "x": "0x", "X": "0X", "O": "0o"}.get(verb, "")
            if verb == "o" and digits.startswith("0"):
                prefix = ""
        sign = "-" if arg < 0 else "+" if "+" in flags else " " if " " in flags else ""
        if "0" in flags and "-" not in flags and precision is None and width is not None:
            digits = digits.rjust(width - len(sign) - (len(prefix) if big else 0), "0")
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
        if "#" in flags and char.isprintable():
            text += f" '{char}'"
        return _pad(text, width, flags - {"0"})

    def _float(self, arg: float, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if verb in "eEfFgGv":
            body = _go_float(abs(arg), verb, precision, "#" in flags)
        elif verb == "b":
            mantissa, exponent = _binary(abs(arg))
            body = f"{mantissa}p{exponent:+d}"
        elif verb in "xX":
            body = _hex_float(abs(arg), precision)
            if verb == "X":
                body = body.upper()
        else:
            return self._bad(arg, verb, flags, width, precision)
        negative = arg < 0 or (arg == 0 and str(arg)[0] == "-")
        sign = "-" if negative else "+" if "+" in flags else " " if " " in flags else ""
        if "0" in flags and "-" not in flags and width is not None:
            return sign + body.rjust(width - len(sign), "0")
        return _pad(sign + body, width, flags - {"0"})

    def _string(self, arg: str, verb: str, flags: set[str], width: int | None, precision: int | None) -> str:
        if verb == "v" and "#" in flags:
            verb = "q"
            flags = flags - {"#"}
        if verb in ("s", "v"):
            return _pad(arg if precision is None else arg[:precision], width, flags)
        if verb == "q":
            text = arg if precision is None else arg[:precision]
            if "#" in flags and "`" not in text and all(c == "\t" or c.isprintable() for c in text):
                return _pad(f"`{text}`", width, flags)
            return _pad('"' + "".join(_escape(c, "+" in flags, '"') for c in text) + '"', width, flags)
        if verb in ("x", "X"):
            raw = arg.encode("utf-8", "surrogatepass")
            if precision is not None:
                raw = raw[:precision]
            pairs = [f"{b:02x}" for b in raw]
            lead = "0x" if "#" in flags and pairs else ""
            text = (" " + lead).join(pairs) if " " in flags else "".join(pairs)
            text = lead + text
            return _pad(text.upper() if verb == "X" else text, width, flags)
        return self._bad(arg, verb, flags, width, precision)


def _digits(text: str, at: int) -> tuple[int | None, int]:
    end = at
    while end < len(text) and text[end].isascii() and text[end].isdigit():
        end += 1
    return (int(text[at : min(end, at + 10)]) if end > at else None), end


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
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _go_float(value: float, verb: str, precision: int | None, sharp: bool) -> str:
    if verb in "fF":
        return (
            f"{value:#.{6 if precision is None else precision}f}"
            if sharp
            else f"{Decimal(value):.{6 if precision is None else precision}f}"
        )
    if verb in "eE":
        text = f"{Decimal(value):.{6 if precision is None else precision}e}"
        return _exponent(text, verb)
    if precision is None:
        return _shortest(value, verb)
    text = f"{value:{'#' if sharp else ''}.{precision or 1}g}"
    return _exponent(text, "E" if verb == "G" else "e")


def _exponent(text: str, letter: str) -> str:
    mantissa, e, exponent = text.lower().partition("e")
    if not e:
        return text
    number = int(exponent)
    return f"{mantissa}{letter if letter in 'eE' else 'e'}{'-' if number < 0 else '+'}{abs(number):02d}"


def _shortest(value: float, verb: str) -> str:
    """Go's ``%v``: the shortest digits, with an exponent below -4 and from 21."""
    if value == 0:
        return "0"
    digits, exponent = _repr_digits(value)
    if exponent < -4 or exponent >= 21:
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{mantissa}{'E' if verb == 'G' else 'e'}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    point = exponent + 1
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return digits[:point] + "." + digits[point:]


def _repr_digits(value: float) -> tuple[str, int]:
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits))
    assert isinstance(exponent, int)
    place = len(text) - 1 + exponent
    return text.rstrip("0") or "0", place


def _binary(value: float) -> tuple[int, int]:
    numerator, denominator = value.as_integer_ratio()
    if not numerator:
        return 0, -1074
    exponent = -(denominator.bit_length() - 1)
    shift = 53 - numerator.bit_length()
    return (numerator << shift, exponent - shift) if shift >= 0 else (numerator >> -shift, exponent - shift)


def _hex_float(value: float, precision: int | None) -> str:
    text = value.hex()
    mantissa, _, exponent = text.removeprefix("0x").partition("p")
    head, _, tail = mantissa.partition(".")
    tail = tail.rstrip("0")
    if precision is not None:
        tail = tail[:precision].ljust(precision, "0")
    number = int(exponent)
    return f"0x{head}{'.' + tail if tail else ''}p{'-' if number < 0 else '+'}{abs(number):02d}"


BUILTINS: Final[Mapping[str, Builtin]] = {"sprintf": Builtin(sprintf, context=True)}
