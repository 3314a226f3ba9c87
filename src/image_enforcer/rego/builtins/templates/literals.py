"""Strings and numbers as Go writes them."""

from __future__ import annotations

import re
from typing import Final

from ...errors import BuiltinError
from ...meter import METER
from ...text import quoted
from ..byte_texts import from_bytes, to_bytes

_ESCAPE: Final = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)", re.DOTALL
)
_SHORT: Final = dict(zip("abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\"", strict=True))
_INTEGER: Final = re.compile(
    r"([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|([1-9](?:_?[0-9])*|0))"
)
_HEX_FLOAT: Final = re.compile(
    r"([+-]?)0[xX]((?:_?[0-9a-fA-F])*)(?:\.((?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?))?[pP]([+-]?[0-9]{1,6})"
)
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INT64: Final = 1 << 63
LONGEST: Final = 4096


class Illegal(Exception):
    """What is written is none; the message says why."""


def unquoted(text: str) -> str:
    """The string in double quotes or backquotes."""
    inner = text[1:-1]
    if text.startswith("`"):
        return inner.replace("\r", "")
    return _unescaped(inner, '"') if "\\" in inner else inner


def _unescaped(text: str, mark: str) -> str:
    METER.spend(len(text), 4 * len(text))
    parts: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(text):
        if found.start() < at:
            continue
        short, hexadecimal, octal, *characters = found.groups()
        parts.append(to_bytes(text[at : found.start()]))
        if short:
            if short in "'\"" and short != mark:
                raise Illegal("invalid syntax")
            parts.append(to_bytes(_SHORT[short]))
        elif hexadecimal or octal:
            code = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
            if code > 0xFF:
                raise Illegal("invalid syntax")
            parts.append(bytes([code]))
        else:
            code = int(characters[0] or characters[1] or "ffffffff", 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise Illegal("invalid syntax")
            parts.append(chr(code).encode())
        at = found.end()
    parts.append(to_bytes(text[at:]))
    return from_bytes(b"".join(parts))


def character(text: str) -> int:
    """The number of the character between single quotes."""
    inner = text[1:-1]
    if not inner:
        raise Illegal("invalid syntax")
    if not inner.startswith("\\"):
        if len(inner) != 1:
            raise Illegal(f"malformed character constant: {text}")
        return ord(inner)
    found = _ESCAPE.match(inner)
    if found is None:
        raise Illegal("invalid syntax")
    short, hexadecimal, octal, *_ = found.groups()
    if found.group() == "\\" or (short is not None and short == '"'):
        raise Illegal("invalid syntax")
    if found.end() != len(inner):
        raise Illegal(f"malformed character constant: {text}")
    if hexadecimal or octal:
        code = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
        if code > 0xFF:
            raise Illegal("invalid syntax")
        return code
    return ord(_unescaped(inner, "'"))


def number(text: str) -> int | float | complex | None:
    """The number that is written; ``None`` where it is an integer that only an unsigned one of 64 bits holds."""
    if len(text) > LONGEST:
        raise BuiltinError(f"a number of more than {LONGEST} digits")
    if text.endswith("i"):
        imaginary = _float(text[:-1])
        if imaginary is not None:
            return complex(0, imaginary)
    whole = _integer(text)
    if whole is not None and -_INT64 <= whole < 2 * _INT64:
        return whole if whole < _INT64 else None
    made = _float(text)
    if made is None:
        raise Illegal(f"illegal number syntax: {quoted(text)}")
    if not set(text) & set(".eEpP"):
        raise Illegal(f"integer overflow: {quoted(text)}")
    if text[:1] == "0" and text[1:2] in ("x", "X") and not set(text) & set("pP"):
        return int(made)
    return made


def complex_number(text: str) -> complex:
    """A real and an imaginary part."""
    cut = max(text.rfind("+", 1), text.rfind("-", 1))
    if text[cut - 1 : cut] in ("e", "E", "p", "P"):
        cut = max(text.rfind("+", 1, cut), text.rfind("-", 1, cut))
    real, imaginary = _float(text[:cut]), _float(text[cut:-1])
    if real is None or imaginary is None:
        raise Illegal("syntax error scanning complex number")
    return complex(real, imaginary)


def _integer(text: str) -> int | None:
    found = _INTEGER.fullmatch(text)
    if found is None:
        return None
    sign, *digits = found.groups()
    for digit, base in zip(digits, (16, 2, 8, 10), strict=True):
        if digit is not None:
            value = int(digit.replace("_", ""), base)
            # A number with a sign is no unsigned one.
            if sign and value >= _INT64 + (sign == "-"):
                return None
            return -value if sign == "-" else value
    return None


def _float(text: str) -> float | None:
    found = _HEX_FLOAT.fullmatch(text)
    try:
        if found is not None:
            sign, whole, fraction, exponent = found.groups()
            if not whole and not fraction:
                return None
            digits = f"{sign}0x{whole.replace('_', '')}.{(fraction or '').replace('_', '')}p{exponent}"
            made = float.fromhex(digits)
        elif _DECIMAL.fullmatch(text):
            made = float(text)
        else:
            return None
    except OverflowError:
        return None
    return None if abs(made) == float("inf") else made
