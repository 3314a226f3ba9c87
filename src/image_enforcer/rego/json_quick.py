"""Short values as JSON text by a C encoder, which is what most answers are. What it would write otherwise, it leaves.

Go escapes more than JSON asks for, keys come in the order of their bytes, and numbers keep their text; the encoder
does none of this. So it is used for few strings, truth values and small integers, and where its text has no escape.
"""

from __future__ import annotations

from typing import Final

import msgspec

from .values import Value

MOST_VALUES: Final = 128
LONGEST: Final = 512
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def quick_json(value: Value) -> str | None:
    """The text that ``to_json`` gives, or None where it takes more to write it."""
    todo = [value]
    for v in todo:  # grows as it goes
        t = type(v)
        if t is str:
            if len(v) > LONGEST:
                return None
        elif t is dict:
            if len(todo) + len(v) > MOST_VALUES:
                return None
            for k in v:
                if type(k) is not str or len(k) > LONGEST:
                    return None
            todo.extend(v.values())
        elif t is list:
            if len(todo) + len(v) > MOST_VALUES:
                return None
            todo.extend(v)
        elif t is int:
            if not -1_000_000_000 < v < 1_000_000_000:
                return None
        elif t is not bool and v is not None:
            return None
    try:
        made = _ENCODER.encode(value)
    except (UnicodeEncodeError, RecursionError):  # half of a surrogate pair; a value within itself many times over
        return None
    if not made.isascii() or b"\\" in made or b"<" in made or b">" in made or b"&" in made:
        return None
    return made.decode("ascii")
