"""PEM: the blocks that Go's ``encoding/pem`` finds in a text, and finds none of what it does not."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..meter import METER

_BEGIN: Final = b"-----BEGIN "
_END: Final = b"\n-----END "
_DASHES: Final = b"-----"
_DIGITS: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_LINE_SPACE: Final = b" \t\r\n\v\f\x85\xa0"


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between two marks: its type and the bytes; ``headers`` where lines with a colon stood before them."""

    type: str
    data: bytes
    headers: dict[str, str]


def first_block(text: bytes) -> tuple[Block | None, bytes]:
    """The first whole block and what follows its last line; no block, and all of the text, where there is none."""
    found, after = _next(text, 0)
    return found, text if found is None else text[after:]


def blocks(text: bytes) -> Iterator[Block]:
    """Every block of a text, in order."""
    at = 0
    while at < len(text):
        found, at = _next(text, at)
        if found is None:
            return
        yield found


def _next(text: bytes, at: int) -> tuple[Block | None, int]:
    """The first whole block from a place on, and the place after it; every byte is looked at a few times only."""
    while True:
        end = text.find(_END, at)
        METER.spend(100 + ((end if end >= 0 else len(text)) - at >> 3))
        if end < 0:
            return None, at
        after = end + len(_END)
        begin = text.rfind(_BEGIN, at, end)
        if begin < 0 or (begin > at and text[begin - 1] != ord("\n")):
            at = after
            continue
        found, read = _block(text, begin + len(_BEGIN), end, after)
        if found is not None:
            return found, _line(text, after - 1)[1]
        if read > after or read == len(text):
            return None, at
        at = after


def _block(text: bytes, at: int, end: int, after: int) -> tuple[Block | None, int]:
    """The block whose type stands at a place, None where it is not whole, and how far its head was read."""
    line, at = _line(text, at)
    if not line.endswith(_DASHES):
        return None, end
    kind = line[: -len(_DASHES)]
    headers: dict[str, str] = {}
    while at < len(text):
        line, following = _line(text, at)
        name, colon, value = line.partition(b":")
        if not colon:
            break
        METER.spend(10, len(line) + 100)
        headers[name.strip(_LINE_SPACE).decode("utf-8", "replace")] = value.strip(_LINE_SPACE).decode(
            "utf-8", "replace"
        )
        at = following
    size = len(kind) + len(_DASHES)
    if at == len(text) or (headers and end < at):
        return None, at
    if not text.startswith(kind + _DASHES, after) or _line(text, after + size)[0]:
        return None, at
    METER.spend(0, 2 * (end - at))
    data = _decoded(text[at:end]) if end > at else b""
    return None if data is None else Block(kind.decode("utf-8", "surrogateescape"), data, headers), at


def _line(text: bytes, at: int) -> tuple[bytes, int]:
    """The line from a place on, without the space at its end, and where the lines after it begin."""
    end = text.find(b"\n", at)
    if end < 0:
        return text[at:].rstrip(b" \t"), len(text)
    return text[at:end].removesuffix(b"\r").rstrip(b" \t"), end + 1


def _decoded(digits: bytes) -> bytes | None:
    clean = digits.translate(None, b" \t\r\n")
    if len(clean) % 4 or not _DIGITS.fullmatch(clean):
        return None
    try:
        return base64.b64decode(clean)
    except binascii.Error:
        return None
