"""Strings. Positions and lengths count characters (code points)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ..errors import BuiltinError, OperandError, OutputsError
from ..meter import CELL, LARGE, METER
from ..text import term
from ..values import Num, RegoSet, Value, integer_text
from . import bigfloat, operands
from .byte_texts import as_utf8, from_bytes, joined, to_bytes
from .contract import Builtin, Context

SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's ``unicode.IsSpace`` holds."""


def concat(context: Context, join: Value, items: Value) -> Value:
    """The strings of an array, or of a set in order, with ``join`` between them."""
    glue = operands.string(join, 1)
    if type(items) is not list and type(items) is not RegoSet:
        raise operands.wrong(items, 2, "set", "array")
    found = operands.strings(items, 2)
    size = len(glue) * len(found) + sum(map(len, found))
    context.spend(len(found) + (size >> 6), size)
    return joined(glue.join(found))


def contains(a: Value, b: Value) -> Value:
    """Whether ``b`` stands somewhere in ``a``."""
    if type(a) is str and type(b) is str and len(a) <= LARGE:
        return b in a
    text = operands.string(a, 1)
    return operands.string(b, 2) in text


def startswith(a: Value, b: Value) -> Value:
    """Whether ``a`` starts with ``b``."""
    if type(a) is str and type(b) is str:
        return a.startswith(b)
    return operands.string(a, 1).startswith(operands.string(b, 2))


def endswith(a: Value, b: Value) -> Value:
    """Whether ``a`` ends with ``b``."""
    if type(a) is str and type(b) is str:
        return a.endswith(b)
    return operands.string(a, 1).endswith(operands.string(b, 2))


def lower(a: Value) -> Value:
    """Lower case, character by character as Go does it: the number of characters stays."""
    text = operands.string(a, 1)
    return text.lower() if text.isascii() else "".join(map(_lower, as_utf8(text)))


def _lower(c: str) -> str:
    made = c.lower()
    return made if len(made) == 1 else made[0] if c == "İ" else c


def upper(a: Value) -> Value:
    """Upper case, character by character as Go does it: ``ß`` stays."""
    text = operands.string(a, 1)
    return text.upper() if text.isascii() else "".join(map(_upper, as_utf8(text)))


def _upper(c: str) -> str:
    for made in (c.upper(), c.title()):  # letters with a mark below have one character only as titles
        if len(made) == 1:
            return made
    return c


def split(a: Value, delimiter: Value) -> Value:
    """The parts between delimiters; the characters where the delimiter is empty."""
    text, by = operands.string(a, 1), operands.string(delimiter, 2)
    return _parts(text, by)


def _parts(text: str, by: str) -> list[str]:
    if len(text) > LARGE:
        count = text.count(by) + 1
        METER.spend(count, count * 4 * CELL)
    return text.split(by) if by else list(text)


def split_n(a: Value, delimiter: Value, n: Value) -> Value:
    """The first ``n`` parts; for a negative ``n`` the last ones."""
    text, by, size = operands.string(a, 1), operands.string(delimiter, 2), operands.integer(n, 3)
    parts = _parts(text, by)
    if size >= 0:
        return parts[:size]
    return parts[max(len(parts) + size, 0) :]


def replace(context: Context, a: Value, old: Value, new: Value) -> Value:
    """``a`` with every ``old`` replaced; the empty text is found around every byte."""
    text, what, by = operands.string(a, 1), operands.string(old, 2), operands.string(new, 3)
    count = text.count(what) if what else len(text) + 1
    context.spend(count, len(text) + count * len(by))
    if not what and not text.isascii():  # between bytes, also those of one character
        return from_bytes(to_bytes(text).replace(b"", to_bytes(by)))
    return joined(text.replace(what, by))


def replace_n(context: Context, patterns: Value, a: Value) -> Value:
    """The text with several replacements done at once; the least pattern that fits at a place wins."""
    table = operands.obj(patterns, 1)
    text = operands.string(a, 2)
    pairs: list[tuple[str, str]] = []
    if any(type(k) is not str for k in table):
        raise OperandError("operand 1 non-string key found in pattern object")
    for k in sorted(table):
        v = table[k]
        if type(v) is not str:
            raise OperandError("operand 1 non-string value found in pattern object")
        pairs.append((k, v))
    if not pairs:
        return text
    most = (len(text) + 1) * max(len(v) for _, v in pairs)
    context.spend(20 * len(pairs) + (len(text) * (len(pairs) + 7) >> 2), len(text) + most)
    return _replace_many(text, pairs)


def _replace_many(text: str, pairs: list[tuple[str, str]]) -> str:
    """Go's ``strings.NewReplacer``: at each place the first pattern in order that fits.

    The empty pattern comes first and fits at each byte, before whatever else does. A character stands for each byte:
    to join many pieces, Python needs ten times as much memory for bytes.
    """
    table = {_byte_by_byte(k): _byte_by_byte(v) for k, v in pairs}
    empty = table.pop("", "")
    names = "|".join(map(re.escape, table))
    raw = _byte_by_byte(text)
    if len(table) == len(pairs):
        made = re.sub(names, lambda m: table[m.group()], raw)
    else:
        each = re.compile(names + "|." if names else ".", re.DOTALL)
        made = each.sub(lambda m: empty + table.get(m.group(), m.group()), raw) + empty
    return made if made.isascii() else from_bytes(made.encode("latin-1"))


def _byte_by_byte(text: str) -> str:
    return text if text.isascii() else to_bytes(text).decode("latin-1")


def substring(a: Value, start: Value, length: Value) -> Value:
    """``length`` characters from ``start``; the rest where the length is negative. A negative start is an error."""
    text, first, size = operands.string(a, 1), operands.integer(start, 2), operands.integer(length, 3)
    if first < 0:
        raise BuiltinError("negative offset")
    if first == 0 and size >= len(text):
        return text
    return as_utf8(text[first:] if size < 0 else text[first : first + size])


def indexof(a: Value, b: Value) -> Value:
    """Where ``b`` first stands in ``a``, -1 where it does not. An empty ``b`` is an error."""
    text, what = operands.string(a, 1), operands.string(b, 2)
    if not what:
        raise BuiltinError("empty search character")
    return text.find(what)


def indexof_n(a: Value, b: Value) -> Value:
    """Everywhere that ``b`` stands in ``a``, overlapping places included. An empty ``b`` is an error."""
    text, what = operands.string(a, 1), operands.string(b, 2)
    if not what:
        raise BuiltinError("empty search character")
    if len(text) > LARGE:
        METER.spend(len(text), 2 * CELL * text.count(what))
    found: list[int] = []
    at = text.find(what)
    while at >= 0:
        found.append(at)
        at = text.find(what, at + 1)
    return found


def count(a: Value, b: Value) -> Value:
    """How often ``b`` stands in ``a`` without overlap."""
    text, what = operands.string(a, 1), operands.string(b, 2)
    return text.count(what)


def reverse(a: Value) -> Value:
    """The characters from last to first."""
    return operands.string(a, 1)[::-1]


def trim(a: Value, cut: Value) -> Value:
    """Without the leading and trailing characters that ``cut`` holds."""
    text, chars = operands.string(a, 1), operands.string(cut, 2)
    return text.strip(chars) if chars else text


def trim_left(a: Value, cut: Value) -> Value:
    """Without the leading characters that ``cut`` holds."""
    text, chars = operands.string(a, 1), operands.string(cut, 2)
    return text.lstrip(chars) if chars else text


def trim_right(a: Value, cut: Value) -> Value:
    """Without the trailing characters that ``cut`` holds."""
    text, chars = operands.string(a, 1), operands.string(cut, 2)
    return text.rstrip(chars) if chars else text


def trim_prefix(a: Value, prefix: Value) -> Value:
    """Without the prefix, once."""
    return operands.string(a, 1).removeprefix(operands.string(prefix, 2))


def trim_suffix(a: Value, suffix: Value) -> Value:
    """Without the suffix, once."""
    return operands.string(a, 1).removesuffix(operands.string(suffix, 2))


def trim_space(a: Value) -> Value:
    """Without leading and trailing white space, as Go's ``unicode.IsSpace`` has it."""
    return operands.string(a, 1).strip(SPACE)


def any_prefix_match(a: Value, b: Value) -> Value:
    """Whether any of the strings starts with any of the prefixes."""
    texts, prefixes = _affixes(a, 1), tuple(_affixes(b, 2))
    return any(_costs(len(prefixes)) and t.startswith(prefixes) for t in texts)


def any_suffix_match(a: Value, b: Value) -> Value:
    """Whether any of the strings ends with any of the suffixes."""
    texts, suffixes = _affixes(a, 1), tuple(_affixes(b, 2))
    return any(_costs(len(suffixes)) and t.endswith(suffixes) for t in texts)


def _costs(affixes: int) -> bool:
    if affixes > LARGE:
        METER.spend(affixes >> 2)
    return True


def _affixes(value: Value, position: int) -> list[str]:
    if type(value) not in (str, list, RegoSet):
        raise operands.wrong(value, position, "string", "set", "array")
    return operands.strings(value, position)


_BASES: Final = {2: "b", 8: "o", 10: "d", 16: "x"}


def format_int(context: Context, a: Value, base: Value) -> Value:
    """The integer part of a number in base 2, 8, 10 or 16, which must be written so."""
    value, radix = operands.number(a, 1), operands.number(base, 2)
    if type(radix) is not int or radix not in _BASES:
        raise OperandError("operand 2 must be one of {2, 8, 10, 16}")
    if type(value) is Num:
        written = _WHOLE.fullmatch(value.text)
        value = int(value.text) if written else int(bigfloat.load(value))
    context.spend(value.bit_length() >> 4, value.bit_length())
    return integer_text(value) if radix == 10 else format(value, _BASES[radix])


_WHOLE: Final = re.compile("[-+]?[0-9]+")


def template_string(context: Context, parts: Value) -> Value:
    """What a template string comes to: strings as they are, other values as terms, sets of none as ``<undefined>``."""
    out: list[str] = []
    for part in operands.array(parts, 1):
        if type(part) is RegoSet:
            found = part.sorted()
            if not found:
                out.append("<undefined>")
                continue
            if len(found) > 1:
                raise OutputsError("template-strings must not produce multiple outputs")
            part = found[0]
        out.append(part if type(part) is str else term(part))
        context.spend(len(out[-1]) >> 4, len(out[-1]))
    return joined("".join(out))


BUILTINS: Final[Mapping[str, Builtin]] = {
    "concat": Builtin(concat, context=True),
    "contains": Builtin(contains),
    "startswith": Builtin(startswith),
    "endswith": Builtin(endswith),
    "lower": Builtin(lower),
    "upper": Builtin(upper),
    "split": Builtin(split),
    "strings.split_n": Builtin(split_n),
    "replace": Builtin(replace, context=True),
    "strings.replace_n": Builtin(replace_n, context=True),
    "substring": Builtin(substring),
    "indexof": Builtin(indexof),
    "indexof_n": Builtin(indexof_n),
    "strings.count": Builtin(count),
    "strings.reverse": Builtin(reverse),
    "trim": Builtin(trim),
    "trim_left": Builtin(trim_left),
    "trim_right": Builtin(trim_right),
    "trim_prefix": Builtin(trim_prefix),
    "trim_suffix": Builtin(trim_suffix),
    "trim_space": Builtin(trim_space),
    "strings.any_prefix_match": Builtin(any_prefix_match),
    "strings.any_suffix_match": Builtin(any_suffix_match),
    "format_int": Builtin(format_int, context=True),
    "internal.template_string": Builtin(template_string, context=True),
}
