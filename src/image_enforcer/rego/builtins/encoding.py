"""Encodings: base64, hex, JSON, YAML, query strings, URIs."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from ..errors import BuiltinError, OperandError
from ..json_text import from_json, to_json
from ..meter import CELL, ENTRY, LARGE, METER
from ..text import term
from ..values import RegoSet, Value, unkey
from . import operands
from .contract import Builtin
from .yaml_documents import YamlError, dump, load


def _bytes(text: str) -> bytes:
    if len(text) > LARGE:
        METER.spend(len(text) >> 4, 6 * len(text))
    return text.encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


# --- base64, hex ---------------------------------------------------------------------------------

_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL: Final = re.compile(r"[A-Za-z0-9\-_]*={0,2}")


def _corrupt(text: str, alphabet: str) -> BuiltinError:
    for i, c in enumerate(text):
        if not (c.isascii() and (c.isalnum() or c in alphabet)):
            return BuiltinError(f"illegal base64 data at input byte {i}")
    return BuiltinError(f"illegal base64 data at input byte {len(text) // 4 * 4}")


def base64_encode(a: Value) -> Value:
    """Standard base64, padded."""
    return base64.b64encode(_bytes(operands.string(a, 1))).decode()


def _decode(text: str, url: bool) -> bytes:
    if len(text) > LARGE:
        METER.spend(len(text) >> 2, 4 * len(text))
    clean = text.replace("\n", "").replace("\r", "")
    if not (_URL if url else _STANDARD).fullmatch(clean) or len(clean) % 4:
        raise _corrupt(clean, "-_" if url else "+/")
    try:
        return base64.b64decode(clean, altchars=b"-_" if url else None, validate=True)
    except binascii.Error:
        raise _corrupt(clean, "-_" if url else "+/") from None


def base64_decode(a: Value) -> Value:
    """The text in standard base64; line breaks are skipped, bytes that are no UTF-8 become U+FFFD."""
    return _text(_decode(operands.string(a, 1), False))


def base64_is_valid(a: Value) -> Value:
    """Whether :func:`base64_decode` would accept it; false for anything but strings."""
    if type(a) is not str:
        return False
    try:
        _decode(a, False)
    except BuiltinError:
        return False
    return True


def base64url_encode(a: Value) -> Value:
    """Base64 for URLs, padded."""
    return base64.urlsafe_b64encode(_bytes(operands.string(a, 1))).decode()


def base64url_encode_no_pad(a: Value) -> Value:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(_bytes(operands.string(a, 1))).decode().rstrip("=")


def base64url_decode(a: Value) -> Value:
    """The text in base64 for URLs, padded or not."""
    text = operands.string(a, 1)
    if len(text) % 4 and not text.endswith("="):
        text += "=" * (-len(text) % 4)
        if text.endswith("==="):
            raise BuiltinError("illegal base64url string: " + str(a))
    return _text(_decode(text, True))


def hex_encode(a: Value) -> Value:
    """The UTF-8 bytes as lower-case hexadecimal digits."""
    return _bytes(operands.string(a, 1)).hex()


def hex_decode(a: Value) -> Value:
    """The text whose UTF-8 bytes these digits are; both cases are read."""
    text = operands.string(a, 1)
    if len(text) > LARGE:
        METER.spend(len(text), 2 * len(text))
    for c in text:
        if c not in "0123456789abcdefABCDEF":
            shown = f"'{c}'" if c.isprintable() else repr(c)
            raise BuiltinError(f"encoding/hex: invalid byte: U+{ord(c):04X} {shown}")
    if len(text) % 2:
        raise BuiltinError("encoding/hex: odd length hex string")
    return _text(bytes.fromhex(text))


# --- JSON ----------------------------------------------------------------------------------------


def json_marshal(a: Value) -> Value:
    """JSON text, without spaces, keys in order, ``<``, ``>`` and ``&`` escaped as Go does."""
    return to_json(a)


def json_marshal_with_options(a: Value, options: Value) -> Value:
    """JSON text with ``pretty``, ``indent`` and ``prefix``; either of the last two makes it pretty."""
    given = operands.obj(options, 2)
    indent, prefix, pretty = "\t", "", None
    for k, v in given.items():
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
    if not pretty:
        return to_json(a)
    plain = to_json(a, indent=1)
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
        raise BuiltinError(_json_fault(text, str(e))) from None


def _json_fault(text: str, reason: str) -> str:
    if not text.strip():
        return "EOF" if not text else "unexpected end of JSON input"
    return reason


def json_is_valid(a: Value) -> Value:
    """Whether it is JSON text; false for anything but strings."""
    if type(a) is not str:
        return False
    METER.spend(len(a) >> 3, 16 * len(a))
    try:
        from_json(a)
    except ValueError:
        return False
    return True


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


# --- query strings and URIs ----------------------------------------------------------------------


def urlquery_encode(a: Value) -> Value:
    """Text escaped for a query string; a space becomes ``+``."""
    return _quoted(operands.string(a, 1))


def _quoted(text: str) -> str:
    return quote_plus(_bytes(text), safe="")


_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})(.{0,2})", re.DOTALL)


def _unquoted(text: str) -> str:
    bad = _PERCENT.search(text)
    if bad is not None:
        raise BuiltinError(f'invalid URL escape "%{bad.group(1)}"')
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), _bytes(text.replace("+", " ")))
    return _text(raw)


def urlquery_decode(a: Value) -> Value:
    """Text from a query string; ``+`` becomes a space."""
    return _unquoted(operands.string(a, 1))


def urlquery_encode_object(a: Value) -> Value:
    """An object as a query string, keys in order; arrays and sets give a key several values."""
    out: list[str] = []
    table = operands.obj(a, 1)
    for k in table:
        if type(k) is not str:
            raise operands.wrong(k, 1, "string")
    for k in sorted(table):
        v = table[k]
        match v:
            case str():
                items = [v]
            case list() | RegoSet():
                items = list(v)
                for item in items:
                    if type(item) is not str:
                        raise operands.bad(1, "values must be string, array[string], or set[string]")
            case _:
                raise operands.bad(1, "values must be string, array[string], or set[string]")
        out.extend(f"{_quoted(k)}={_quoted(i)}" for i in items)
    return "&".join(out)


def urlquery_decode_object(a: Value) -> Value:
    """A query string as an object of arrays of strings."""
    out: dict[str, list[str]] = {}
    text = operands.string(a, 1)
    parts = text.count("&") + 1
    METER.spend(10 * parts, 2 * ENTRY * parts)
    for part in text.split("&"):
        if not part:
            continue
        if ";" in part:
            raise BuiltinError("invalid semicolon separator in query")
        k, _, v = part.partition("=")
        out.setdefault(_unquoted(k), []).append(_unquoted(v))
    return out


_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*$")


def _uri(text: str) -> dict[str, Any]:
    """Go's ``url.Parse``, as far as its parts show; raises :class:`BuiltinError`."""
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in text):
        raise BuiltinError(f"parse {to_json(text, html_safe=False)}: net/url: invalid control character in URL")
    rest, mark, fragment = text.partition("#")
    out: dict[str, Any] = {}
    scheme = ""
    colon = rest.find(":")
    slash = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    if colon == 0:
        raise BuiltinError(f'parse "{text}": missing protocol scheme')
    if 0 < colon < slash:
        candidate = rest[:colon]
        if _SCHEME.match(candidate):
            scheme, rest = candidate.lower(), rest[colon + 1 :]
        elif not candidate[0].isalpha():
            raise BuiltinError(f'parse "{text}": first path segment in URL cannot contain colon')
    body, _, query = rest.partition("?")
    host = ""
    path = body
    if scheme and not body.startswith("/"):
        path = ""
    elif body.startswith("//"):
        authority, slash_, tail = body[2:].partition("/")
        path = slash_ + tail
        user, at, host = authority.rpartition("@")
        if not at:
            host = authority
        elif not _USER.fullmatch(user):
            raise BuiltinError(f'parse "{text}": net/url: invalid userinfo')
        _check_host(text, host)
    if "%" in path:
        bad = _PERCENT.search(path)
        if bad is not None:
            raise BuiltinError(f'parse "{text}": invalid URL escape "%{bad.group(1)}"')
    if mark:
        bad = _PERCENT.search(fragment)
        if bad is not None:
            raise BuiltinError(f'parse "{text}": invalid URL escape "%{bad.group(1)}"')
    if scheme:
        out["scheme"] = scheme
    name, port = _host_port(host)
    if name:
        out["hostname"] = name
    if port:
        out["port"] = port
    decoded = _text(re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), _bytes(path)))
    if decoded:
        out["path"] = decoded
    if path:
        out["raw_path"] = _escaped_path(path, decoded)
    if query:
        out["raw_query"] = query
    if fragment:
        out["fragment"] = _text(re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), _bytes(fragment)))
    return out


_USER: Final = re.compile(r"(?:[A-Za-z0-9\-._:~!$&'()*+,;=@]|%[0-9A-Fa-f]{2})*")


def _escaped_path(path: str, decoded: str) -> str:
    """Go's ``RawPath``: the path as written where Go would escape it otherwise, else the decoded one."""
    return decoded if path == quote(_bytes(decoded), safe="-._~$&+,/:;=@") else path


def _host_port(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, rest.removeprefix(":")
    name, colon, port = host.rpartition(":")
    return (name, port) if colon else (host, "")


def _check_host(text: str, host: str) -> None:
    if host.startswith("["):
        end = host.find("]")
        if end < 0:
            raise BuiltinError(f"parse \"{text}\": missing ']' in host")
        port = host[end + 1 :]
    else:
        colon = host.rfind(":")
        port = host[colon:] if colon >= 0 else ""
    if port and not (port.startswith(":") and (port == ":" or (port[1:].isascii() and port[1:].isdigit()))):
        raise BuiltinError(f'parse "{text}": invalid port "{port}" after host')
    escape = re.search(r"%(?![89A-Fa-f][0-9A-Fa-f])(.{0,2})", host) if not host.startswith("[") else None
    if escape is not None:
        raise BuiltinError(f'parse "{text}": invalid URL escape "%{escape.group(1)}"')
    if any(c in ' <>"' for c in host):
        raise BuiltinError(f'parse "{text}": invalid character " " in host name')


def uri_parse(a: Value) -> Value:
    """The parts of a URI that Go's ``url.Parse`` finds; parts that are empty are left out."""
    return _uri(operands.string(a, 1))


def uri_is_valid(a: Value) -> Value:
    """Whether :func:`uri_parse` would accept it; false for no text and for anything but strings."""
    if type(a) is not str or not a:
        return False
    try:
        _uri(a)
    except BuiltinError:
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
    "urlquery.encode": _plain(urlquery_encode),
    "urlquery.decode": _plain(urlquery_decode),
    "urlquery.encode_object": _plain(urlquery_encode_object),
    "urlquery.decode_object": _plain(urlquery_decode_object),
    "uri.parse": _plain(uri_parse),
    "uri.is_valid": _plain(uri_is_valid),
}
