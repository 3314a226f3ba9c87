"""Outside text made safe to show: no control characters, no direction changes, of bounded length."""

from __future__ import annotations

import re
from typing import Final

_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
MAX_REASON: Final = 8192


def safe(text: str, limit: int = MAX_REASON) -> str:
    """The text with unsafe characters as escapes, cut at the limit. Line feeds and tabs stay."""
    # An escape is longer than what it stands for, so what lies beyond the limit is never shown: it costs nothing.
    return _cut(_UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", text[: limit + 1]), limit)


def name(text: str, limit: int) -> str:
    """Like :func:`safe` for what should be one word: everything that cannot be seen is an escape, line feeds too."""
    return _cut("".join([c if c.isprintable() else _escape(c) for c in text[: limit + 1]]), limit)


def _escape(c: str) -> str:
    return f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"


def _cut(shown: str, limit: int) -> str:
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
