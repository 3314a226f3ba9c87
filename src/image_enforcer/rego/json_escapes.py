"""What stands for characters that JSON text does not have as they are, or that Go does not write as they are."""

from __future__ import annotations

import re
from typing import Final

_ALL: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029<>&\ud800-\udfff]')
_PLAIN: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def pattern(html_safe: bool) -> re.Pattern[str]:
    """What finds a character to be escaped: ``<``, ``>`` and ``&``, too, where ``html_safe``."""
    return _ALL if html_safe else _PLAIN


def escaped(text: str, html_safe: bool) -> str:
    """The text with escapes."""
    return pattern(html_safe).sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    c = match.group()
    if "\ud800" <= c <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(c) or f"\\u{ord(c):04x}"


__all__ = ["escaped", "pattern"]
