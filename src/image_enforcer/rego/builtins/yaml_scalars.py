"""What YAML scalars are, as version 3 of Go's library resolves them, and floats as Go's JSON has them."""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from math import copysign, inf, isnan
from typing import Final

from ..values import Num, Value
from . import bigfloat
from .byte_texts import from_bytes, to_bytes
from .float_texts import shortest


class YamlError(ValueError):
    """Text that is no YAML document, with the reason."""


PREFIX: Final = "tag:yaml.org,2002:"
Scalar = str | int | float | bool | None

_WORDS: Final[dict[str, tuple[str, Scalar]]] = {
    **dict.fromkeys(("true", "True", "TRUE"), ("!!bool", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("!!bool", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("!!null", None)),
    **{word: ("!!float", float("nan")) for word in (".nan", ".NaN", ".NAN")},
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), ("!!float", inf)),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), ("!!float", -inf)),
}
_RESOLVED: Final = frozenset({"", "!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp"})
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[bB](?P<b>[01]+)|0[oO](?P<o>[0-7]+)|0[xX](?P<x>[0-9a-fA-F]+)|0(?P<z>[0-7]*)|(?P<d>[1-9][0-9]*))"
)
_SIGN_INSIDE: Final = re.compile(r"0(?:b([-+][01]+)|o([-+][0-7]+))")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FRACTION: Final = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")


def short(tag: str | None) -> str:
    """A tag as it is written in documents."""
    if not tag or tag == "!":
        return ""
    return "!!" + tag.removeprefix(PREFIX) if tag.startswith(PREFIX) else tag


def resolve(tag: str, text: str, plain: bool = True) -> Scalar:
    """The value of a scalar; ``tag`` is short. Quoted text without a tag is a string, and what is nothing else is one.

    Raises :class:`YamlError` for text that is not what its tag says.
    """
    if tag == "!!str" or (not tag and not plain):
        return text
    if tag == "!!binary":
        return _binary(text)
    if tag not in _RESOLVED:
        return text
    kind, value = _guess(text)
    if tag == "!!float" and kind == "!!int" and isinstance(value, int) and value < 1 << 63:
        return float(value)
    if tag in ("", kind):
        return value
    raise YamlError(f"yaml: cannot decode {kind} `{text}` as a {tag}")


def guessed(text: str) -> str:
    """The tag of a scalar that is its own."""
    return _guess(text)[0]


def _guess(text: str) -> tuple[str, Scalar]:
    word = _WORDS.get(text)
    if word is not None:
        return word
    if text.startswith("."):
        made = float(text.replace("_", "")) if _FRACTION.fullmatch(text) else inf
        return ("!!str", text) if made == inf else ("!!float", made)
    if not (text[0] in "+-" or (text[0].isascii() and text[0].isdigit())):
        return "!!str", text
    bare = text.replace("_", "")
    whole = _whole(bare)
    if whole is not None:
        return "!!int", whole
    if _FLOAT.fullmatch(bare):
        made = float(bare)
        if abs(made) != inf:
            return "!!float", made
    return "!!str", text


def _whole(text: str) -> int | None:
    """An integer in one of Go's spellings; None for what is none, or has more than 64 bits."""
    found = _INTEGER.fullmatch(text)
    if found is None:
        inside = _SIGN_INSIDE.fullmatch(text)
        if inside is None:
            return None
        value = int(inside.group(1), 2) if inside.group(1) else int(inside.group(2), 8)
        return value if -(1 << 63) <= value < 1 << 63 else None
    base = {"b": 2, "o": 8, "x": 16, "z": 8, "d": 10}[found.lastgroup or "z"]
    digits = found.group(found.lastgroup or "z") or "0"
    if len(digits) > 70:
        return None
    value = -int(digits, base) if found.group(1) == "-" else int(digits, base)
    most = 1 << (63 if found.group(1) else 64)
    return value if -(1 << 63) <= value < most else None


def _binary(text: str) -> str:
    raw = to_bytes(text).translate(None, b"\r\n")
    if not re.fullmatch(rb"[A-Za-z0-9+/]*={0,2}", raw) or len(raw) % 4:
        raise YamlError("yaml: !!binary value contains invalid base64 data")
    return from_bytes(base64.b64decode(raw))


def as_value(scalar: Scalar) -> Value:
    """A scalar as a value of ours; raises :class:`YamlError` for the floats that JSON has not."""
    return from_float(scalar) if isinstance(scalar, float) else scalar


def as_key(scalar: Scalar) -> str | None:
    """A scalar as the key of an object, None where it cannot be one. Floats have the digits of 32 bits there."""
    match scalar:
        case str():
            return scalar
        case bool():
            return "true" if scalar else "false"
        case int():
            return str(scalar)
        case float():
            return _single(scalar)
    return None


_GREATEST: Final = (2**24 - 1) * 2.0**104


def _single(value: float) -> str:
    if isnan(value):
        return ".nan"
    sign = "-" if copysign(1, value) < 0 else ""
    if abs(value) > _GREATEST + 2.0**103:
        return f"{sign}.inf"
    made = bigfloat.rounded(bigfloat.exact(Num(repr(abs(value)))), 24)
    if not made:
        return f"{sign}0"
    digits, point = bigfloat.shortest(made, 24)
    return sign + shortest(float(f"{digits}e{point - len(digits)}"))


def from_float(value: float) -> Value:
    """A 64-bit float as Go's JSON writes it."""
    if isnan(value) or abs(value) == inf:
        shown = "NaN" if isnan(value) else f"{'+' if value > 0 else '-'}Inf"
        raise YamlError(f"json: unsupported value: {shown}")
    if value == int(value) and abs(value) < 1e21:
        made = int(Decimal(repr(value)))  # the shortest digits, filled up with zeros
        return made if made or copysign(1, value) > 0 else Num("-0")
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    if not e:
        return Num(text)
    number = int(exponent)
    if -7 < number < 0:
        return Num(f"{value:.{len(mantissa.replace('.', '').replace('-', '')) - number - 1}f}")
    return Num(f"{mantissa}e{number:+d}")
