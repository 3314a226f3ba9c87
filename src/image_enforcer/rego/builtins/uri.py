"""URIs and query strings, as Go's ``net/url`` reads and writes them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, quote_plus

from ..errors import BuiltinError
from ..json_text import key_text
from ..meter import CELL, ENTRY, METER
from ..text import quoted
from ..values import RegoSet, Value
from . import operands
from .byte_texts import from_bytes, to_bytes
from .contract import Builtin

MAX_PARAMETERS: Final = 10_000
"""How many parameters a query string may have, as in Go."""

# --- escapes -------------------------------------------------------------------------------------

_ESCAPE: Final = re.compile(rb"%(?:[0-9A-Fa-f]{2})?")
_WHOLE_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_HOST: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!$&'()*+,;=:[]<>\"-_.~")
"""What stands in a host as it is."""


class _Fault(Exception):
    """What is wrong with a URI, without the URI."""


def _bad_escape(raw: bytes) -> _Fault:
    return _Fault(f"invalid URL escape {quoted(from_bytes(raw[:3]))}")


def _unescaped(text: str, plus: bytes = b"+") -> str:
    """The text that ``%`` and two digits stand for bytes in, and ``+`` for what is said; raises :class:`_Fault`."""
    raw = to_bytes(text)
    made: list[bytes] = []
    at = 0
    for found in _ESCAPE.finditer(raw):
        if len(found.group()) < 3:
            raise _bad_escape(raw[found.start() :])
        made += (raw[at : found.start()].replace(b"+", plus), bytes([int(found.group()[1:], 16)]))
        at = found.end()
    return from_bytes(b"".join([*made, raw[at:].replace(b"+", plus)]))


def _host_unescaped(text: str, zone: bool = False) -> str:
    """The same in a host, whose ASCII stands as it is; in the zone of an address it may be written otherwise."""
    raw = to_bytes(text)
    at = 0
    while at < len(raw):
        if raw[at] == ord("%"):
            escape = raw[at : at + 3]
            if not _WHOLE_ESCAPE.fullmatch(escape):
                raise _bad_escape(escape)
            value = int(escape[1:], 16)
            allowed = value == ord(" ") or value in _HOST if zone else value >= 0x80
            if escape != b"%25" and not allowed:
                raise _bad_escape(escape)
            at += 3
        else:
            if raw[at] < 0x80 and raw[at] not in _HOST:
                raise _Fault(f"invalid character {quoted(chr(raw[at]))} in host name")
            at += 1
    return _unescaped(text)


# --- URIs ----------------------------------------------------------------------------------------

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f]")
_PORT: Final = re.compile(r"(?::[0-9]*)?")
_USER: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=@%]*")


def _parsed(text: str) -> dict[str, Value]:
    """The parts of a URI; raises :class:`BuiltinError`."""
    before, _, fragment = text.partition("#")
    at_fault = before
    try:
        out = _without_fragment(before)
        if fragment:
            at_fault = text
            out["fragment"] = _unescaped(fragment)
    except _Fault as fault:
        raise BuiltinError(f"parse {quoted(at_fault)}: {fault}") from None
    return {name: part for name, part in out.items() if part}


def _without_fragment(text: str) -> dict[str, Value]:
    if _CONTROL.search(text):
        raise _Fault("net/url: invalid control character in URL")
    if text == "*":
        return {"path": "*", "raw_path": "*"}
    if text.startswith(":"):
        raise _Fault("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme = found.group(1).lower() if found else ""
    rest, _, query = (text[found.end() :] if found else text).partition("?")
    if scheme and not rest.startswith("/"):
        return {"scheme": scheme, "raw_query": query}
    if not rest.startswith("/") and ":" in rest.partition("/")[0]:
        raise _Fault("first path segment in URL cannot contain colon")
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        host, rest = _host(scheme, authority), slash + path
    path = _unescaped(rest)
    name, port = _host_and_port(host)
    raw_path = path if quote(to_bytes(path), safe="-._~$&+,/:;=@") == rest else rest
    return {"scheme": scheme, "hostname": name, "port": port, "path": path, "raw_path": raw_path, "raw_query": query}


def _host(scheme: str, authority: str) -> str:
    """The host with its port, once the name and password before it are found to be well written."""
    user, _, written = authority.rpartition("@")
    host = _checked_host(scheme, written)
    if not _USER.fullmatch(user):
        raise _Fault("net/url: invalid userinfo")
    for part in user.split(":", 1):
        _unescaped(part)
    return host


def _checked_host(scheme: str, host: str) -> str:
    if "[" in host[1:]:
        raise _Fault("invalid IP-literal")
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise _Fault("missing ']' in host")
        _check_port(host[end + 1 :])
        name, mark, zone = host[1:end].partition("%25")
        address = _host_unescaped(name) + (_host_unescaped(mark + zone, zone=True) if mark else "")
        _check_address(address)
        return f"[{address}]{host[end + 1 :]}"
    if ":" in host:
        colon = host.find(":") if scheme in ("http", "https") else host.rfind(":")
        _check_port(host[colon:])
    return _host_unescaped(host)


def _check_port(port: str) -> None:
    if not _PORT.fullmatch(port):
        raise _Fault(f"invalid port {quoted(port)} after host")


def _check_address(text: str) -> None:
    """Only an IPv6 address, perhaps with a zone, stands between brackets."""
    address, mark, zone = text.partition("%")
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        found = None
    if found is None or (mark and (found.version == 4 or not zone)):
        raise _Fault(f"invalid host: ParseAddr({quoted(text)}): unable to parse IP")
    if found.version == 4:
        raise _Fault("invalid IP-literal")


def _host_and_port(host: str) -> tuple[str, str]:
    name, colon, port = host.rpartition(":")
    if not colon or not _PORT.fullmatch(colon + port):
        name, port = host, ""
    return (name[1:-1] if name.startswith("[") and name.endswith("]") else name), port


def uri_parse(a: Value) -> Value:
    """The parts of a URI that Go's ``url.Parse`` finds; parts that are empty are left out."""
    text = operands.string(a, 1)
    METER.spend(len(text), CELL * len(text))
    return _parsed(text)


def uri_is_valid(a: Value) -> Value:
    """Whether :func:`uri_parse` would accept it; false for no text and for anything but strings."""
    if type(a) is not str or not a:
        return False
    try:
        uri_parse(a)
    except BuiltinError:
        return False
    return True


# --- query strings -------------------------------------------------------------------------------


def _escaped(text: str) -> str:
    return quote_plus(to_bytes(text), safe="")


def urlquery_encode(a: Value) -> Value:
    """Text escaped for a query string; a space becomes ``+``."""
    return _escaped(operands.string(a, 1))


def urlquery_decode(a: Value) -> Value:
    """Text from a query string; ``+`` becomes a space."""
    text = operands.string(a, 1)
    METER.spend(len(text) >> 2, 4 * len(text))
    try:
        return _unescaped(text, plus=b" ")
    except _Fault as fault:
        raise BuiltinError(str(fault)) from None


def urlquery_encode_object(a: Value) -> Value:
    """An object as a query string, keys in order; arrays and sets give a key several values."""
    parameters = {key_text(k): _values(v) for k, v in operands.obj(a, 1).items()}
    return "&".join(f"{_escaped(k)}={_escaped(v)}" for k in sorted(parameters) for v in parameters[k])


def _values(value: Value) -> list[str]:
    items = [value] if type(value) is str else value
    if not isinstance(items, list | RegoSet) or not all(type(item) is str for item in items):
        raise operands.bad(1, "values must be string, array[string], or set[string]")
    return list(items)


def urlquery_decode_object(a: Value) -> Value:
    """A query string as an object of arrays of strings."""
    out: dict[str, list[str]] = {}
    text = operands.string(a, 1)
    parts = text.split("&")
    METER.spend(10 * len(parts), 2 * ENTRY * len(parts))
    if len(parts) > MAX_PARAMETERS:
        raise BuiltinError("number of URL query parameters exceeded limit")
    if ";" in text:
        raise BuiltinError("invalid semicolon separator in query")
    for part in parts:
        if part:
            k, _, v = part.partition("=")
            name = urlquery_decode(k)
            out.setdefault(name, []).append(urlquery_decode(v))
    return out


BUILTINS: Final[Mapping[str, Builtin]] = {
    "uri.parse": Builtin(uri_parse),
    "uri.is_valid": Builtin(uri_is_valid),
    "urlquery.encode": Builtin(urlquery_encode),
    "urlquery.decode": Builtin(urlquery_decode),
    "urlquery.encode_object": Builtin(urlquery_encode_object),
    "urlquery.decode_object": Builtin(urlquery_decode_object),
}
