"""The formats that a schema may ask of strings, as Go's standard library checks them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Final

from ...errors import BuiltinError, LimitError
from ...meter import LARGE, METER
from ..regex import MAX_PATTERN, compiled, sound
from ..time_texts import LayoutError, scan
from ..uri import uri_parse
from .addresses import is_address

_HOSTNAME: Final = (
    r"^([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])"
    r"(\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-]{0,61}[a-zA-Z0-9]))*$"
)
_POINTER: Final = r"^(?:/(?:[^~/]|~0|~1)*)*$"
_RELATIVE_POINTER: Final = r"^(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~0|~1)*)*)$"
_TEMPLATE: Final = r"^([^{]*({[^}]*})?)*$"
_UUID: Final = re.compile(r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}")
_LONGEST_HOSTNAME: Final = 255


def _time(*layouts: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return any(_reads(layout, text) for layout in layouts)

    return check


def _reads(layout: str, text: str) -> bool:
    try:
        scan(layout, text)
    except LayoutError:
        return False
    return True


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda text: compiled(pattern).search(sound(text)) is not None


def _hostname(text: str) -> bool:
    return len(text) <= _LONGEST_HOSTNAME and _matches(_HOSTNAME)(text)


def _ip(mark: str) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            return False
        return mark in text and "%" not in text

    return check


def _url_parts(text: str) -> Mapping[str, str] | None:
    if "\\" in text:
        return None
    try:
        found: Mapping[str, str] = uri_parse(text)
    except BuiltinError:
        return None
    return found


def _uri(text: str) -> bool:
    parts = _url_parts(text)
    return parts is not None and "scheme" in parts


def _uri_template(text: str) -> bool:
    parts = _url_parts(text)
    return parts is not None and _matches(_TEMPLATE)(parts.get("path", ""))


def is_pattern(text: str) -> bool:
    """Whether it is a regular expression of Go's."""
    if len(text) > MAX_PATTERN:
        raise LimitError("memory", f"a pattern of more than {MAX_PATTERN} characters")
    try:
        compiled(text)
    except BuiltinError:
        return False
    return True


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "date": _time("2006-01-02"),
    "time": _time("15:04:05Z07:00", "15:04:05"),
    "date-time": _time("15:04:05", "15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04:05Z07:00"),
    "hostname": _hostname,
    "email": is_address,
    "idn-email": is_address,
    "ipv4": _ip("."),
    "ipv6": _ip(":"),
    "uri": _uri,
    "uri-reference": lambda text: _url_parts(text) is not None,
    "iri": _uri,
    "iri-reference": lambda text: _url_parts(text) is not None,
    "uri-template": _uri_template,
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "regex": is_pattern,
    "json-pointer": _matches(_POINTER),
    "relative-json-pointer": _matches(_RELATIVE_POINTER),
}


def fits(name: str, text: str) -> bool:
    """Whether a string has a format; one that nobody knows every string has."""
    check = _CHECKS.get(name)
    if check is None:
        return True
    if len(text) > LARGE:
        METER.spend(len(text), 8 * len(text))
    return check(text)
