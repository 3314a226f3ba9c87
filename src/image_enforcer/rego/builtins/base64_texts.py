"""Base64 as Go reads it: line breaks are skipped, the last bits may be anything, and faults have a place."""

from __future__ import annotations

import base64
import re
from typing import Final

from ..errors import BuiltinError
from ..meter import LARGE, METER
from .byte_texts import to_bytes

_STANDARD: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_URL: Final = re.compile(rb"[A-Za-z0-9\-_]*={0,2}")
_ALPHABET: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_BREAKS: Final = b"\r\n"


def decode_standard(raw: bytes) -> bytes:
    """The bytes in padded base64; raises :class:`BuiltinError`."""
    return _decode(raw, url=False)


def decode_url(text: str) -> bytes:
    """The bytes in base64 for URLs, padded or not; raises :class:`BuiltinError`."""
    if not text.endswith("="):
        over = len(to_bytes(text)) % 4
        if over == 1:
            raise BuiltinError(f"illegal base64url string: {text}")
        text += "=" * (-over % 4)
    return _decode(to_bytes(text), url=True)


def _decode(raw: bytes, *, url: bool) -> bytes:
    if len(raw) > LARGE:
        METER.spend(len(raw) >> 2, 4 * len(raw))
    clean = raw.translate(None, _BREAKS)
    if not (_URL if url else _STANDARD).fullmatch(clean) or len(clean) % 4:
        raise BuiltinError(f"illegal base64 data at input byte {_corrupt(raw, b'-_' if url else b'+/')}")
    return base64.b64decode(clean, altchars=b"-_" if url else None)


def _corrupt(raw: bytes, signs: bytes) -> int:
    """Where Go finds the fault in base64 that is known to have one."""
    METER.spend(len(raw))
    places = [i for i, byte in enumerate(raw) if byte not in _BREAKS]
    for n, place in enumerate(places):
        if raw[place] in _ALPHABET or raw[place] in signs:
            continue
        if raw[place] != ord("=") or n % 4 < 2:
            return place
        last = n
        if n % 4 == 2:
            last += 1
            if last == len(places):
                return len(raw)
            if raw[places[last]] != ord("="):
                return places[last] - 1
        return places[last + 1] if last + 1 < len(places) else len(raw)
    return len(raw) - len(places) % 4
