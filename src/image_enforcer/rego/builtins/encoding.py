"""Encodings: base64, hex, JSON, YAML."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Final

from ..errors import BuiltinError, OperandError
from ..json_text import from_json, to_json
from ..meter import CELL, METER
from ..text import term
from ..values import Value, sorted_keys, unkey
from . import json_literals, operands
from .base64_texts import decode_standard, decode_url
from .byte_texts import from_bytes, to_bytes
from .contract import Builtin
from .yaml_documents import YamlError, load
from .yaml_texts import dump

# --- base64, hex ---------------------------------------------------------------------------------


def base64_encode(a: Value) -> Value:
    """Standard base64, padded."""
    return base64.b64encode(to_bytes(operands.string(a, 1))).decode()


def base64_decode(a: Value) -> Value:
    """The text in standard base64; line breaks are skipped."""
    return from_bytes(decode_standard(to_bytes(operands.string(a, 1))))


def base64_is_valid(a: Value) -> Value:
    """Whether :func:`base64_decode` would accept it; false for anything but strings."""
    if type(a) is not str:
        return False
    try:
        decode_standard(to_bytes(a))
    except BuiltinError:
        return False
    return True


def base64url_encode(a: Value) -> Value:
    """Base64 for URLs, padded."""
    return base64.urlsafe_b64encode(to_bytes(operands.string(a, 1))).decode()


def base64url_encode_no_pad(a: Value) -> Value:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(to_bytes(operands.string(a, 1))).decode().rstrip("=")


def base64url_decode(a: Value) -> Value:
    """The text in base64 for URLs, padded or not."""
    return from_bytes(decode_url(operands.string(a, 1)))


def hex_encode(a: Value) -> Value:
    """The UTF-8 bytes as lower-case hexadecimal digits."""
    return to_bytes(operands.string(a, 1)).hex()


def hex_decode(a: Value) -> Value:
    """The text whose UTF-8 bytes these digits are; both cases are read."""
    text = operands.string(a, 1)
    raw = to_bytes(text)
    METER.spend(len(raw) >> 2, len(raw))
    for byte in raw:
        if byte not in _HEX:
            shown = f" '{chr(byte)}'" if chr(byte).isprintable() else ""
            raise BuiltinError(f"encoding/hex: invalid byte: U+{byte:04X}{shown}")
    if len(raw) % 2:
        raise BuiltinError("encoding/hex: odd length hex string")
    return from_bytes(bytes.fromhex(text))


_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


# --- JSON ----------------------------------------------------------------------------------------


def json_marshal(a: Value) -> Value:
    """JSON text, without spaces, keys in order, ``<``, ``>`` and ``&`` escaped as Go does."""
    text = to_json(a)
    json_literals.check(a, text)
    return text


def json_marshal_with_options(a: Value, options: Value) -> Value:
    """JSON text with ``pretty``, ``indent`` and ``prefix``; either of the last two makes it pretty."""
    given = operands.obj(options, 2)
    indent, prefix, pretty = "\t", "", None
    for k in sorted_keys(given):
        v = given[k]
        match k:
            case "pretty":
                if type(v) is not bool:
                    raise operands.wrong(v, 2, "boolean")
                pretty = v
            case "indent" | "prefix":
                if type(v) is not str:
                    raise operands.wrong(v, 2, "string")
                if k == "indent":
                    indent = v
                else:
                    prefix = v
            case _:
                raise OperandError(f"operand 2 object contained unknown key {term(unkey(k))}")
    if pretty is None:
        pretty = "indent" in given or "prefix" in given
    plain = to_json(a, indent=1) if pretty else to_json(a)
    json_literals.check(a, plain)
    if not pretty:
        return plain
    lines = plain.split("\n")
    widest = max(len(line) - len(line.lstrip(" ")) for line in lines)
    size = len(lines) * (len(prefix) + widest * len(indent))
    METER.spend(4 * len(lines), 2 * len(plain) + 4 * CELL * len(lines) + size)
    made: list[str] = []
    for line in lines:
        stripped = line.lstrip(" ")
        made.append(prefix + indent * (len(line) - len(stripped)) + stripped)
    return "\n".join(made)


def json_unmarshal(a: Value) -> Value:
    """The value of JSON text; numbers keep their text."""
    text = operands.string(a, 1)
    METER.spend(len(text) >> 3, 16 * len(text))
    try:
        return from_json(text)
    except ValueError as e:
        return _lenient(text, str(e))


def _lenient(text: str, reason: str) -> Value:
    """The value of a text that OPA takes although a ``null`` follows; raises what Go says of any other."""
    from .go_json import first_value, whole_fault

    fault = whole_fault(text)
    if fault is None:
        rest = first_value(text)[1]
        try:
            return from_json(text[: len(text) - len(rest)])
        except ValueError:
            fault = reason
    raise BuiltinError(fault)


def json_is_valid(a: Value) -> Value:
    """Whether it is JSON text; false for anything but strings."""
    if type(a) is not str:
        return False
    METER.spend(len(a) >> 3, 16 * len(a))
    try:
        from_json(a)
    except ValueError:
        return _is_json(a)
    return True


def _is_json(text: str) -> bool:
    """Whether a text that is not read here is JSON all the same, for it has a number that is too large."""
    from .go_json import first_value

    try:
        return not first_value(text)[1].strip(" \t\r\n")
    except BuiltinError:
        return False


# --- YAML ----------------------------------------------------------------------------------------


def yaml_marshal(a: Value) -> Value:
    """YAML text, block style."""
    try:
        return dump(a)
    except YamlError as e:
        raise BuiltinError(str(e)) from None


def yaml_unmarshal(a: Value) -> Value:
    """The value of YAML text; see :mod:`.yaml_documents` for what that means."""
    try:
        return load(operands.string(a, 1))
    except YamlError as e:
        raise BuiltinError(str(e)) from None


def yaml_is_valid(a: Value) -> Value:
    """Whether it is YAML text; false for anything but strings."""
    if type(a) is not str:
        return False
    try:
        load(a)
    except YamlError:
        return False
    return True


def _plain(fn: Callable[..., Value]) -> Builtin:
    return Builtin(fn)


BUILTINS: Final[Mapping[str, Builtin]] = {
    "base64.encode": _plain(base64_encode),
    "base64.decode": _plain(base64_decode),
    "base64.is_valid": _plain(base64_is_valid),
    "base64url.encode": _plain(base64url_encode),
    "base64url.encode_no_pad": _plain(base64url_encode_no_pad),
    "base64url.decode": _plain(base64url_decode),
    "hex.encode": _plain(hex_encode),
    "hex.decode": _plain(hex_decode),
    "json.marshal": _plain(json_marshal),
    "json.marshal_with_options": _plain(json_marshal_with_options),
    "json.unmarshal": _plain(json_unmarshal),
    "json.is_valid": _plain(json_is_valid),
    "yaml.marshal": _plain(yaml_marshal),
    "yaml.unmarshal": _plain(yaml_unmarshal),
    "yaml.is_valid": _plain(yaml_is_valid),
}
