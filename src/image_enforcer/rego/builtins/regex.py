"""Regular expressions, by RE2: linear time, Go's syntax."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import re2

from ..errors import BuiltinError
from ..meter import CELL, LARGE, METER
from ..text import quoted
from ..values import Value
from . import operands, regex_syntax
from .byte_texts import as_utf8
from .contract import Builtin, Context
from .glob_intersection import GlobError, intersect
from .remembered import of_texts, of_texts_and_number

MAX_PATTERN: Final = 64 * 1024


_SMALL: Final = 1_000
"""Steps that are not worth counting."""


class Pattern:
    """A pattern ready for use, with the groups that have names, from the left.

    RE2 takes time in proportion to the text as long as its automaton fits into memory; else to the text, the program
    and the groups, some 10 ns for a character and instruction. That much is paid for.
    """

    __slots__ = ("expression", "names", "text", "weight")

    def __init__(self, text: str) -> None:
        read = regex_syntax.read(text)
        options = re2.Options()
        options.log_errors = False
        options.max_mem = 16 << 20
        self.expression = re2.compile(read.text, options)
        self.names = read.names
        self.text = read.text
        self.weight: int = self.expression.programsize * (25 + self.expression.groups)

    def search(self, text: str, at: int = 0) -> Any:
        """The first match from a place on; inside a character RE2 sees a ``\\B``, where Go never looks."""
        # behind the first match the next one is mostly near
        steps = (len(text) - at) * self.weight >> (12 if at else 8)
        if steps > _SMALL:
            METER.spend(steps)
        m = self.expression.search(text, at)
        if m is None or m.start() != m.end() or "\\B" not in self.text or text.isascii():
            return m
        raw = text.encode()
        here = len(text[:at].encode())
        while (found := self.expression.search(raw, here)) is not None:
            here = found.start()
            if here != found.end() or here == len(raw) or raw[here] & 0xC0 != 0x80:
                return self.expression.search(text, len(raw[:here].decode()))
            METER.spend(1)
            here += 1
        return None

    def fits(self, text: str) -> bool:
        """Whether the pattern matches the whole of a text."""
        steps = len(text) * self.weight >> 8
        if steps > _SMALL:
            METER.spend(steps)
        return self.expression.fullmatch(text) is not None


_compiled: Final = lru_cache(maxsize=1024)(Pattern)


def sound(text: str) -> str:
    """The text with what has no UTF-8 replaced; the same object where there is none of it."""
    return as_utf8(text)


def compiled(pattern: str) -> Pattern:
    """A pattern ready for use; raises :class:`BuiltinError` with Go's words where it is none."""
    if len(pattern) > MAX_PATTERN:
        raise BuiltinError("error parsing regexp: expression too large")
    if sound(pattern) is not pattern:
        raise BuiltinError("error parsing regexp: invalid UTF-8")
    try:
        if len(pattern) > LARGE or "{" in pattern:
            METER.spend(200 + 4 * len(pattern))
        return _compiled(pattern)
    except regex_syntax.PatternError as e:
        raise BuiltinError(f"error parsing regexp: {e}") from None
    except re2.error:  # what Go takes, and RE2 has no room for
        raise BuiltinError(f"error parsing regexp: expression too large: `{pattern}`") from None


def match(pattern: Value, value: Value) -> Value:
    """Whether the pattern matches anywhere in the text."""
    p, text = operands.string(pattern, 1), sound(operands.string(value, 2))
    return compiled(p).search(text) is not None


def is_valid(pattern: Value) -> Value:
    """Whether it is a pattern; false for anything but strings."""
    if type(pattern) is not str:
        return False
    try:
        compiled(pattern)
    except BuiltinError:
        return False
    return True


def split(pattern: Value, value: Value) -> Value:
    """The text between the matches."""
    p, text = operands.string(pattern, 1), sound(operands.string(value, 2))
    expression = compiled(p)
    if p and not text:
        return [""]
    out: list[str] = []
    begin = end = 0
    for m in _matches(expression, text, -1):
        if m.end() == 0:
            continue
        end = m.start()
        if m.end() != 0:
            out.append(text[begin:end])
        begin = m.end()
    if end != len(text):
        out.append(text[begin:])
    return out


def _matches(pattern: Pattern, text: str, n: int) -> list[Any]:
    """Go's ``FindAll``: no empty match directly behind another match."""
    found: list[Any] = []
    at, previous_end = 0, -1
    while (n < 0 or len(found) < n) and at <= len(text):
        m = pattern.search(text, at)
        if m is None:
            break
        accept = True
        if m.end() == m.start():
            if m.start() == previous_end:
                accept = False
            at = m.end() + 1
        else:
            at = m.end()
        previous_end = m.end()
        if accept:
            if not len(found) & 255:
                METER.spend(256 * 10, 256 * 20 * CELL)
            found.append(m)
    return found


def find_n(pattern: Value, value: Value, n: Value) -> Value:
    """The first ``n`` matches; all of them where it is negative."""
    p, text, limit = operands.string(pattern, 1), sound(operands.string(value, 2)), operands.integer(n, 3)
    return [m.group() for m in _matches(compiled(p), text, limit)]


def find_all_string_submatch_n(pattern: Value, value: Value, n: Value) -> Value:
    """The first ``n`` matches with their groups; a group that took no part is empty."""
    p, text, limit = operands.string(pattern, 1), sound(operands.string(value, 2)), operands.integer(n, 3)
    return [[m.group(), *(g or "" for g in m.groups())] for m in _matches(compiled(p), text, limit)]


def replace(context: Context, base: Value, pattern: Value, value: Value) -> Value:
    """The text with every match replaced; ``$1`` and ``${name}`` stand for groups."""
    text, p, by = sound(operands.string(base, 1)), operands.string(pattern, 2), operands.string(value, 3)
    expression = compiled(p)
    found = _matches(expression, text, -1)
    context.spend(len(found), len(text) + len(found) * len(by))
    out: list[str] = []
    at = 0
    for m in found:
        out.append(text[at : m.start()])
        made = _expanded(by, m, expression.names) if "$" in by else by
        if len(made) > LARGE:
            context.spend(len(made) >> 6, len(made))
        out.append(made)
        at = m.end()
    out.append(text[at:])
    return "".join(out)


def _expanded(template: str, m: Any, names: Sequence[tuple[str, int]]) -> str:
    """Go's templates: ``$1``, ``${name}``, ``$$``; the longest name counts, an unknown one is empty."""
    out: list[str] = []
    at = 0
    while True:
        start = template.find("$", at)
        if start < 0 or start + 1 >= len(template):
            out.append(template[at:])
            return "".join(out)
        out.append(template[at:start])
        following = template[start + 1]
        if following == "$":
            out.append("$")
            at = start + 2
            continue
        braced = following == "{"
        name_at = start + (2 if braced else 1)
        end = name_at
        while end < len(template) and _is_word(template[end]):
            end += 1
        name = template[name_at:end]
        if not name or (braced and template[end : end + 1] != "}"):
            out.append("$")
            at = start + 1
            continue
        at = end + 1 if braced else end
        if name.isascii() and name.isdigit() and (len(name) == 1 or name[0] != "0") and len(name) < 10:
            index = int(name)
            if index <= m.re.groups:
                out.append(m.group(index) or "")
        else:  # the first group of that name that took part
            out.append(next((m.group(i) for n, i in names if n == name and m.group(i) is not None), ""))


def _is_word(c: str) -> bool:
    return c == "_" or c.isalpha() or c.isdecimal()


def template_match(template: Value, value: Value, start: Value, end: Value) -> Value:
    """Whether the text fits a template with patterns between the two delimiters."""
    form, text = sound(operands.string(template, 1)), sound(operands.string(value, 2))
    opening, closing = operands.string(start, 3), operands.string(end, 4)
    sizes = [len(given.encode("utf-8", "replace")) for given in (opening, closing)]
    for which, size in zip(("start", "end"), sizes, strict=True):
        if size != 1:  # OPA's message about the end has the size of the start
            raise BuiltinError(f"{which} delimiter has to be exactly one character long but is {sizes[0]} long")
    return compiled(_template_pattern(form, opening, closing)).search(text) is not None


def _template_pattern(form: str, opening: str, closing: str) -> str:
    out = ["^"]
    at = depth = 0
    inner = 0
    for i, c in enumerate(form):
        if c == opening:
            depth += 1
            if depth == 1:
                out.append(re2.escape(form[at:i]))
                inner = i + 1
        elif c == closing:
            depth -= 1
            if depth == 0:
                out.append(f"({form[inner:i]})")
                compiled(f"^{form[inner:i]}$")
                at = i + 1
            elif depth < 0:
                raise BuiltinError(f"unbalanced braces in {quoted(form)}")
    if depth:
        raise BuiltinError(f"unbalanced braces in {quoted(form)}")
    out.append(re2.escape(form[at:]) + "$")
    return "".join(out)


def globs_match(a: Value, b: Value) -> Value:
    """Whether some non-empty text fits both globs."""
    first, second = operands.string(a, 1), operands.string(b, 2)
    try:
        return intersect(first, second)
    except GlobError as e:
        raise BuiltinError(str(e)) from None


BUILTINS: Final[Mapping[str, Builtin]] = {
    "regex.match": Builtin(of_texts(match)),
    "re_match": Builtin(of_texts(match)),
    "regex.is_valid": Builtin(is_valid),
    "regex.split": Builtin(of_texts(split)),
    "regex.find_n": Builtin(of_texts_and_number(find_n)),
    "regex.find_all_string_submatch_n": Builtin(of_texts_and_number(find_all_string_submatch_n)),
    "regex.replace": Builtin(replace, context=True),
    "regex.template_match": Builtin(template_match),
    "regex.globs_match": Builtin(globs_match),
}
