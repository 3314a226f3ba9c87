"""Lengths of time as people write them: ``60``, ``60s``, ``1m30s``, ``1.5h`` (Go's form, and plain seconds)."""

from __future__ import annotations

import re
from typing import Final

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
LONGEST: Final = 366 * 86400.0
"""Seconds; what is longer is a mistake."""


def seconds(text: str) -> float:
    """The seconds in a text; raises :class:`ValueError`."""
    parts = [(text, "s")] if _NUMBER.fullmatch(text) else _PART.findall(text)
    if not parts or ((len(parts) > 1 or parts[0][0] != text) and "".join(n + unit for n, unit in parts) != text):
        raise ValueError(f"{text!r} is no length of time; write 60s, 5m or 1h30m")
    found = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if found > LONGEST:
        raise ValueError(f"{text!r} is longer than a year; write 60s, 5m or 1h30m")
    return found
