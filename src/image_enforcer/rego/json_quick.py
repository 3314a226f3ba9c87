"""Short values as JSON text by a C encoder, which is what most answers are. What it would write otherwise, it leaves.

Numbers keep their text, keys can be of any kind, and one part may stand in many places: so it is used for few and
short strings, truth values and integers, with what Go escapes besides put in afterwards.
"""

from __future__ import annotations

from typing import Final

import msgspec

from .values import RegoSet, Value

MOST_VALUES: Final = 128
LONGEST: Final = 512
_LONG: Final = 1 << 62
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def quick_json(value: Value) -> str | None:
    """The text that ``to_json`` gives, or None where it takes more to write it."""
    try:
        made = _ENCODER.encode(_plain(value, [MOST_VALUES]))
    except (_Otherwise, UnicodeEncodeError):  # half of a surrogate pair has no bytes
        return None
    if len(made.translate(None, _RARE)) != len(made):
        for raw, escaped in _ESCAPES:
            made = made.replace(raw, escaped)
    return made.decode()


_ESCAPES: Final = (
    (b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"),
    (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"),
)  # fmt: skip
"""What Go escapes and JSON does not ask for. In JSON it stands in strings alone."""

_RARE: Final = b"<>&\xe2"
"""Bytes with which that begins. To delete them takes less time than to ask for each."""


class _Otherwise(Exception):
    """There is something in a value that the encoder would write otherwise, or too much of it."""


def _plain(value: Value, left: list[int]) -> Value:
    """The value as the encoder takes it: the same one, save for sets. ``left`` holds how many values there may be."""
    t = type(value)
    if t is str:
        if len(value) > LONGEST:
            raise _Otherwise
        return value
    if t is bool or value is None:
        return value
    if t is int:
        if not -_LONG < value < _LONG:
            raise _Otherwise
        return value
    if t is dict:
        left[0] -= len(value)
        if left[0] < 0:
            raise _Otherwise
        changed = None
        for k, v in value.items():
            if type(k) is not str or len(k) > LONGEST:
                raise _Otherwise
            if v is True or v is False or (type(v) is str and len(v) <= LONGEST):
                continue
            made = _plain(v, left)
            if made is not v:
                changed = changed or dict(value)
                changed[k] = made
        return changed or value
    if t is list or t is RegoSet:
        left[0] -= len(value) if t is list else len(value.members)
        if left[0] < 0:
            raise _Otherwise
        items = value if t is list else value.sorted()
        others = None
        for i, v in enumerate(items):
            if type(v) is not str or len(v) > LONGEST:
                made = _plain(v, left)
                if made is not v:
                    others = others or items.copy()
                    others[i] = made
        return others or items
    raise _Otherwise
