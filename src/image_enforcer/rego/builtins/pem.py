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
    METER.spend(len(text) >> 3, 2 * len(text))
    rest, skip = text, 0
    while 0 <= skip <= len(rest):
        rest = rest[skip:]
        end = rest.find(_END)
        if end < 0:
            break
        METER.spend(100 + (end >> 3))
        skip = end + len(_END)
        begin = rest.rfind(_BEGIN, 0, end)
        if begin < 0 or (begin > 0 and rest[begin - 1] != ord("\n")):
            continue
        begin += len(_BEGIN)
        rest = rest[begin:]
        found, rest, end, skip = _block(rest, end - begin, skip - begin)
        if found == "none":
            break
        if isinstance(found, Block):
            return found, _line(rest[end + len(_END) - 1 :])[1]
    return None, text


def _block(rest: bytes, end: int, skip: int) -> tuple[Block | str, bytes, int, int]:
    """The block whose type stands at the start, or why there is none, with what of the text is left to look at."""
    line, after = _line(rest)
    used = len(rest) - len(after)
    rest, end, skip = after, end - used, skip - used
    if not line.endswith(_DASHES):
        return "other", rest, end, skip
    kind = line[: -len(_DASHES)]
    headers: dict[str, str] = {}
    while True:
        if not rest:
            return "none", rest, end, skip
        line, after = _line(rest)
        name, colon, value = line.partition(b":")
        if not colon:
            break
        METER.spend(10 + (len(after) >> 6), len(line) + 100)
        headers[name.strip(_LINE_SPACE).decode("utf-8", "replace")] = value.strip(_LINE_SPACE).decode(
            "utf-8", "replace"
        )
        used = len(rest) - len(after)
        rest, end, skip = after, end - used, skip - used
    if headers and end < 0:
        return "other", rest, end, skip
    trailer = rest[skip:] if skip >= 0 else rest[len(rest) + skip :]
    size = len(kind) + len(_DASHES)
    if len(trailer) < size or not trailer.startswith(kind) or not trailer[:size].endswith(_DASHES):
        return "other", rest, end, skip
    if _line(trailer[size:])[0]:
        return "other", rest, end, skip
    data = _decoded(rest[:end]) if end > 0 else b""
    if data is None:
        return "other", rest, end, skip
    return Block(kind.decode("utf-8", "surrogateescape"), data, headers), rest, end, skip


def _line(text: bytes) -> tuple[bytes, bytes]:
    """The first line without the space at its end, and the lines after it."""
    end = text.find(b"\n")
    if end < 0:
        return text.rstrip(b" \t"), b""
    line = text[:end]
    return line.removesuffix(b"\r").rstrip(b" \t"), text[end + 1 :]


def _decoded(digits: bytes) -> bytes | None:
    clean = digits.translate(None, b" \t\r\n")
    if len(clean) % 4 or not _DIGITS.fullmatch(clean):
        return None
    try:
        return base64.b64decode(clean)
    except binascii.Error:
        return None


def blocks(text: bytes) -> Iterator[Block]:
    """Every block of a text, in order."""
    while text:
        found, text = first_block(text)
        if found is None:
            return
        yield found
