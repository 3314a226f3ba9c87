"""Strings as the bytes they are in OPA, which need not be UTF-8: what was decoded from base64 may be a picture.

A byte that is no UTF-8 is one of the code points U+DC80 to U+DCFF in our strings, which nothing else puts there: half
surrogate pairs of JSON and of policies are U+FFFD. Written as JSON it is U+FFFD too.
"""

from __future__ import annotations

import re
from typing import Final

from ..meter import LARGE, METER

_BYTES: Final = re.compile("[\ud800-\udfff]")
_HALVES: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def to_bytes(text: str) -> bytes:
    """The bytes of a string."""
    if len(text) > LARGE:
        METER.spend(len(text) >> 4, 6 * len(text))
    if text.isascii():
        return text.encode()
    return _HALVES.sub("\ufffd", text).encode("utf-8", "surrogateescape")


def from_bytes(raw: bytes) -> str:
    """The string that has these bytes."""
    return raw.decode("utf-8", "surrogateescape")


def joined(text: str) -> str:
    """A string that was put together of others: bytes that are UTF-8 only now become the characters that they are."""
    return text if text.isascii() or not _BYTES.search(text) else from_bytes(to_bytes(text))


def as_utf8(text: str) -> str:
    """The string with U+FFFD for every byte that is no UTF-8, for whoever reads characters."""
    return text if text.isascii() else _BYTES.sub("\ufffd", text)
