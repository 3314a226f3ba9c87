"""How long an answer over HTTP stays fresh: the rules that OPA takes from RFC 7234."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from ..outside import HttpResponse

CACHEABLE: Final = frozenset({200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501})
"""Codes of answers that may be kept."""

_MOST: Final = (1 << 31) - 1
_SECOND: Final = 1_000_000_000
_LAYOUTS: Final = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")


def directives(response: HttpResponse) -> dict[str, str]:
    """What the answer's ``Cache-Control`` says."""
    found: dict[str, str] = {}
    for part in response.header("cache-control").split(","):
        part = part.strip(" ")
        name, mark, value = part.partition("=")
        if part and not mark:
            found[part] = ""
        elif part and part.count("=") == 1:
            found[name.strip(" ")] = value
    return found


def http_time(text: str) -> int | None:
    """A time in one of the three forms that HTTP knows, in nanoseconds since 1970."""
    for layout in _LAYOUTS:
        try:
            return int(datetime.strptime(text, layout).replace(tzinfo=UTC).timestamp()) * _SECOND
        except ValueError:
            continue
    return None


def fresh_until(response: HttpResponse, now_ns: int, forced_seconds: int) -> int | None:
    """Until when, in nanoseconds since 1970; None where that cannot be told. What is stale at once is in the past."""
    if forced_seconds:
        return now_ns + forced_seconds * _SECOND
    age = directives(response).get("max-age")
    if age is None:
        expires = response.header("expires")
        return (http_time(expires) if expires else None) or 0
    if not re.fullmatch(r"[0-9]+", age):
        return None
    made = http_time(response.header("date"))
    seconds = min(int(age) if len(age) < 12 else _MOST, _MOST)
    return None if made is None else made + seconds * _SECOND


def may_keep(response: HttpResponse, forced_seconds: int) -> bool:
    """Whether an answer may be kept at all."""
    return response.code in CACHEABLE and (bool(forced_seconds) or "no-store" not in directives(response))
