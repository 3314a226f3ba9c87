"""Values to JSON text: keys in order, sets as arrays, numbers as they were written, characters escaped as Go does."""

from __future__ import annotations

import sys

from .errors import LimitError
from .meter import LARGE, METER, make_room
from .packed import Branch, Packed
from .values import Num, RegoSet, integer_text, sorted_keys, unkey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from .values import Value

_QUICK: Final = f"{__package__}.json_quick"
"""Who reads JSON has loaded what this needs; for a single text it takes longer to load than it saves."""

MAX_TEXT: Final = 256 << 20
"""How many characters of JSON text are written at most, about."""


def quote(text: str, html_safe: bool = True) -> str:
    """A JSON string as Go writes it: ``<``, ``>`` and ``&`` as escapes where ``html_safe``."""
    return f'"{text}"' if not escapes(text, html_safe) else f'"{_escaped(text, html_safe)}"'


def escapes(text: str, html_safe: bool) -> bool:
    """Whether something in a text has to be escaped."""
    if text.isprintable():
        return '"' in text or "\\" in text or (html_safe and ("<" in text or ">" in text or "&" in text))
    from .json_escapes import pattern  # late: most texts do without regular expressions

    return pattern(html_safe).search(text) is not None


def _escaped(text: str, html_safe: bool) -> str:
    from .json_escapes import escaped

    return escaped(text, html_safe)


def key_text(k: Any) -> str:
    """An object's key, in key form, as the string that JSON has for it."""
    return k if type(k) is str else to_json(unkey(k)) if type(k) is not int and k is not None else to_json(k)


def to_json(value: Value, indent: int | None = None, html_safe: bool = True, most: int = MAX_TEXT) -> str:
    """A value as JSON text: keys in order, sets as arrays in Rego's order, keys that are no strings as JSON text.

    Raises ``LimitError`` (kind ``output``) where the text would have more than about ``most`` characters or nest
    too deep: a small value can be a long text, since its parts may be one and the same.
    """
    if value is True or value is False:
        return "true" if value else "false"
    if indent is None and html_safe and most == MAX_TEXT:
        quick = sys.modules.get(_QUICK)
        made: str | None = None if quick is None else quick.quick_json(value)
        if made is not None:
            return made
    writer = _Writer("\n" if indent is not None else "", " " * (indent or 0), html_safe, most)
    payer = METER.payer
    if payer is None:
        METER.payer = writer
    try:
        return writer.text(value, writer.newline)
    except RecursionError:
        if make_room():
            return to_json(value, indent, html_safe, most)
        raise LimitError("depth", "a value nests too deep to be written") from None
    finally:
        METER.payer = payer


class _Writer:
    """Writes one text, counting its characters before they are put together."""

    __slots__ = ("html_safe", "left", "most", "newline", "step", "work")

    def __init__(self, newline: str, step: str, html_safe: bool, most: int) -> None:
        self.newline = newline
        self.step = step
        self.html_safe = html_safe
        self.most = self.left = most
        self.work = most >> 3

    def _count(self, characters: int) -> None:
        self.left -= characters
        if self.left < 0:
            raise LimitError("output", f"a text of more than {self.most} characters")

    def spend(self, steps: int, size: int = 0) -> None:  # noqa: ARG002 - the text itself is what is counted
        """Where no evaluation does: pay for the sorting of sets within sets, whose parts may be one and the same."""
        self.work -= steps
        if self.work < 0:
            raise LimitError("output", f"a text of more than {self.most} characters, or as much work")

    def text(self, value: Value, newline: str) -> str:
        """A value's text; ``newline`` is a line break and the indentation, or empty."""
        t = type(value)
        if t is str:
            self._count(len(value) + 4)
            rare = escapes(value, self.html_safe)
            if len(value) > LARGE:
                METER.spend(len(value) >> 2, 10 * len(value) if rare else len(value))
            return f'"{_escaped(value, self.html_safe)}"' if rare else f'"{value}"'
        if value is None:
            return "null"
        if t is bool:
            return "true" if value else "false"
        if t is int:
            return integer_text(value)
        if t is Num:
            return str(value.text)
        if t is dict or t is Branch:
            return self._object(value, newline)
        if t is list:
            return self._array(value, newline)
        if t is RegoSet:
            return self._array(value.sorted(), newline)
        if t is Packed:
            return self._packed(value, newline)
        return self.text(value.to_value(), newline)

    def _packed(self, value: Packed, newline: str) -> str:
        """Member by member: none of them is kept."""
        inner = newline + self.step if newline else ""
        size = len(value) * (len(inner) + 8)
        self._count(size)
        METER.spend(len(value), 2 * size)
        colon = ": " if newline else ":"
        texts = [f"{quote(k, self.html_safe)}{colon}{self.text(value.once(k), inner)}" for k in sorted(value.keys())]
        return f"{{{inner}{f',{inner}'.join(texts)}{newline}}}" if texts else "{}"

    def _array(self, items: list[Value], newline: str) -> str:
        if not items:
            return "[]"
        inner = newline + self.step if newline else ""
        size = len(items) * (len(inner) + 4)
        self._count(size)
        METER.spend(len(items), 2 * size)
        texts = [self.text(i, inner) for i in items]
        return f"[{inner}{f',{inner}'.join(texts)}{newline}]"

    def _object(self, value: dict[Any, Value], newline: str) -> str:
        if not value:
            return "{}"
        inner = newline + self.step if newline else ""
        size = len(value) * (len(inner) + 8)
        self._count(size)
        METER.spend(len(value), 2 * size)
        try:
            keys = sorted(value)
            plain = not escapes("".join(keys), self.html_safe)
        except TypeError:
            value = {key_text(k): value[k] for k in sorted_keys(value)}
            keys = sorted(value)
            plain = False
        colon = ": " if newline else ":"
        texts: list[str] = []
        for k in keys:
            v = value[k]
            text = "true" if v is True else "false" if v is False else self.text(v, inner)
            texts.append(f'"{k}"{colon}{text}' if plain else f"{quote(k, self.html_safe)}{colon}{text}")
        return f"{{{inner}{f',{inner}'.join(texts)}{newline}}}"


__all__ = ["MAX_TEXT", "key_text", "quote", "to_json"]
