"""Outside text made safe to show: no control characters, no direction changes, of bounded length."""

from __future__ import annotations

import re
from typing import Final

_UNSAFE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
MAX_REASON: Final = 8192


def safe(text: str, limit: int = MAX_REASON) -> str:
    """The text with unsafe characters as escapes, cut at the limit."""
    shown = _UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
