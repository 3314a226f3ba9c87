"""JSON text to values and back, exactly: numbers keep their text, keys come out in order, hostile text is refused."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec

from .text import term
from .values import Num, RegoSet, Value, sorted_keys, unkey

MAX_DEPTH: Final = 512
"""How deep documents may nest."""

MAX_EXPONENT: Final = 30_103
"""Decimal exponents beyond this one are refused, as OPA refuses binary ones beyond 100,000."""

_MINUS_ZERO: Final = re.compile(rb"-0(?![0-9.eE])")


def _float(text: str) -> Num:
    try:
        made = Num(text)
    except ArithmeticError:
        raise ValueError(f"number out of range: {text[:40]}") from None
    if made and abs(made.adjusted()) > MAX_EXPONENT:
        raise ValueError("invalid number: number too big")
    return made


_DECODER: Final = msgspec.json.Decoder(float_hook=_float)


def from_json(text: str | bytes) -> Value:
    """The value of a JSON document; raises :class:`ValueError` with a reason and a place."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    if _too_deep(raw):
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        if b"-0" in raw and _MINUS_ZERO.search(raw):
            return json.loads(raw, parse_float=_float, parse_int=_int)
        return _DECODER.decode(raw)
    except msgspec.DecodeError as e:
        raise ValueError(str(e)) from None
    except (RecursionError, UnicodeDecodeError) as e:
        raise ValueError(f"unreadable JSON: {e}") from None


def _int(text: str) -> int | Num:
    return Num(text) if text == "-0" else int(text)


def _too_deep(raw: bytes) -> bool:
    """Whether brackets nest too deep; a cheap count first, the exact one only where it may matter."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for m in _BRACKETS.finditer(raw):
        token = m.group()
        if token in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif token in b"]}":
            depth -= 1
    return False


_BRACKETS: Final = re.compile(rb'[\[\]{}]|"(?:[^"\\]|\\.)*"?', re.DOTALL)

_ESCAPE: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\x7f<>&]')
_ESCAPE_PLAIN: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def _escaped(match: re.Match[str]) -> str:
    c = match.group()
    if c == "\x7f":
        return c
    return _SHORT.get(c) or f"\\u{ord(c):04x}"


def quote(text: str, html_safe: bool = True) -> str:
    """A JSON string as Go writes it: ``<``, ``>`` and ``&`` as escapes where ``html_safe``."""
    return '"' + (_ESCAPE if html_safe else _ESCAPE_PLAIN).sub(_escaped, _sound(text)) + '"'


def _sound(text: str) -> str:
    return (
        text
        if text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
        else text.encode("utf-8", "replace").decode()
    )


def key_text(k: Any) -> str:
    """An object's key, in key form, as the string that JSON has for it."""
    return k if type(k) is str else to_json(unkey(k)) if type(k) is not int and k is not None else to_json(k)


def to_json(value: Value, indent: int | None = None, html_safe: bool = True) -> str:
    """A value as JSON text: keys in order, sets as arrays in Rego's order, keys that are no strings as JSON text."""
    out: list[str] = []
    _write(value, out, "\n" if indent is not None else "", " " * (indent or 0), html_safe)
    return "".join(out)


def _write(value: Value, out: list[str], newline: str, step: str, html_safe: bool) -> None:
    t = type(value)
    if t is str:
        out.append(quote(value, html_safe))
    elif value is None:
        out.append("null")
    elif t is bool:
        out.append("true" if value else "false")
    elif t is int:
        out.append(str(value))
    elif t is Num:
        out.append(value.text)
    elif t is list or t is RegoSet:
        _write_items(list(value), out, newline, step, html_safe)
    elif t is dict:
        _write_object(value, out, newline, step, html_safe)
    else:
        _write(value.to_value(), out, newline, step, html_safe)


def _write_items(items: list[Value], out: list[str], newline: str, step: str, html_safe: bool) -> None:
    if not items:
        out.append("[]")
        return
    inner = newline + step if newline else ""
    out.append("[")
    for i, item in enumerate(items):
        out.append(("," if i else "") + inner)
        _write(item, out, inner, step, html_safe)
    out.append(newline + "]")


def _write_object(value: dict[Any, Value], out: list[str], newline: str, step: str, html_safe: bool) -> None:
    if not value:
        out.append("{}")
        return
    inner = newline + step if newline else ""
    if all(type(k) is str for k in value):
        pairs = [(k, value[k]) for k in sorted(value)]
    else:
        named = {key_text(k): value[k] for k in sorted_keys(value)}
        pairs = [(k, named[k]) for k in sorted(named)]
    out.append("{")
    for i, (k, v) in enumerate(pairs):
        out.append(("," if i else "") + inner + quote(k, html_safe) + (": " if newline else ":"))
        _write(v, out, inner, step, html_safe)
    out.append(newline + "}")


__all__ = ["MAX_DEPTH", "from_json", "key_text", "quote", "term", "to_json"]
