"""DER, read as Go's certificate parser reads it: short tags, lengths in their shortest form, nothing left to guess.

A reader's methods return None where what stands ahead is not what was asked for; the caller names the fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
UTF8_STRING: Final = 0x0C
NUMERIC_STRING: Final = 0x12
PRINTABLE_STRING: Final = 0x13
T61_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
GENERAL_STRING: Final = 0x1B
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31
CONTEXT: Final = 0x80
CONSTRUCTED: Final = 0x20

ObjectId = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bits:
    """A BIT STRING: its bytes and how many bits of them count."""

    data: bytes
    length: int

    def at(self, i: int) -> bool:
        """Whether a bit is there and set; the first one is the highest of the first byte."""
        return i < self.length and bool(self.data[i >> 3] >> (7 - i % 8) & 1)

    def aligned(self) -> bytes:
        """The bytes with the unused bits moved to the front."""
        over = -self.length % 8
        if not over or not self.data:
            return self.data
        return (int.from_bytes(self.data, "big") >> over).to_bytes(len(self.data), "big")


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: nanoseconds since 1970 and how it is written in JSON."""

    ns: int
    text: str


class Reader:
    """Reads elements one after the other."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def empty(self) -> bool:
        """Whether everything has been read."""
        return self.at >= len(self.data)

    def peek(self, tag: int) -> bool:
        """Whether the next element has the tag."""
        return self.at < len(self.data) and self.data[self.at] == tag

    def any(self) -> tuple[int, bytes, bytes] | None:
        """The next element: tag, content, and all of it with tag and length."""
        data, at = self.data, self.at
        if len(data) - at < 2 or data[at] & 0x1F == 0x1F:
            return None
        length, header = data[at + 1], 2
        if length & 0x80:
            size = length & 0x7F
            header += size
            if size == 0 or size > 4 or len(data) - at < header:
                return None
            length = int.from_bytes(data[at + 2 : at + header], "big")
            if length < 128 or length >> (8 * (size - 1)) == 0:
                return None
        end = at + header + length
        if end > len(data):
            return None
        self.at = end
        return data[at], data[at + header : end], data[at:end]

    def content(self, tag: int) -> bytes | None:
        """The content of the next element, which has the tag."""
        found = self.any()
        return found[1] if found is not None and found[0] == tag else None

    def element(self, tag: int) -> bytes | None:
        """All of the next element, which has the tag."""
        found = self.any()
        return found[2] if found is not None and found[0] == tag else None

    def inner(self, tag: int) -> Reader | None:
        """A reader of the next element's content."""
        found = self.content(tag)
        return None if found is None else Reader(found)

    def boolean(self) -> bool | None:
        """TRUE or FALSE."""
        return {b"\x00": False, b"\xff": True}.get(self.content(BOOLEAN) or b"")

    def integer(self, tag: int = INTEGER) -> int | None:
        """An INTEGER of any size, in its shortest form."""
        raw = self.content(tag)
        return None if raw is None else shortest_integer(raw)

    def small_integer(self, tag: int = INTEGER) -> int | None:
        """An INTEGER that fits 64 bits."""
        value = self.integer(tag)
        return value if value is not None and -(1 << 63) <= value < 1 << 63 else None

    def object_id(self) -> ObjectId | None:
        """An OBJECT IDENTIFIER whose parts fit 31 bits."""
        raw = self.content(OID)
        return None if not raw else object_id(raw)

    def bits(self) -> Bits | None:
        """A BIT STRING whose unused bits are zero."""
        raw = self.content(BIT_STRING)
        if not raw:
            return None
        over, data = raw[0], raw[1:]
        if over > 7 or (not data and over) or (data and data[-1] & ((1 << over) - 1)):
            return None
        return Bits(data, 8 * len(data) - over)

    def time(self) -> Moment | None:
        """A UTCTime or GeneralizedTime."""
        found = self.any()
        if found is None:
            return None
        return utc_time(found[1]) if found[0] == UTC_TIME else generalized_time(found[1])


def shortest_integer(raw: bytes) -> int | None:
    """The value of an INTEGER's content, None where it is empty or could be shorter."""
    if not raw or (len(raw) > 1 and ((raw[0] == 0 and raw[1] < 0x80) or (raw[0] == 0xFF and raw[1] >= 0x80))):
        return None
    return int.from_bytes(raw, "big", signed=True)


def object_id(raw: bytes) -> ObjectId | None:
    """The parts of an object identifier, None where one is too long, could be shorter or is cut off."""
    parts: list[int] = []
    value = size = 0
    for byte in raw:
        if (size == 0 and byte == 0x80) or size == 5 or value >= 1 << 24:
            return None
        value = value << 7 | byte & 0x7F
        size += 1
        if byte < 0x80:
            if not parts:
                parts += divmod(value, 40) if value < 80 else (2, value - 80)
            else:
                parts.append(value)
            value = size = 0
    return tuple(parts) if not size else None


_ZONE: Final = rb"(Z|[+-]\d{4})"
_UTC: Final = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?" + _ZONE)
_GENERALIZED: Final = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)" + _ZONE)


def utc_time(raw: bytes) -> Moment | None:
    """A time with two digits for its year, which lies between 1950 and 2049; seconds may be missing."""
    found = _UTC.fullmatch(raw)
    if found is None:
        return None
    year = int(found[1])
    return _moment(year + (2000 if year < 50 else 1900), found)


def generalized_time(raw: bytes) -> Moment | None:
    """A time with four digits for its year and none for fractions."""
    found = _GENERALIZED.fullmatch(raw)
    return None if found is None else _moment(int(found[1]), found)


def _moment(year: int, found: re.Match[bytes]) -> Moment | None:
    month, day, hour, minute, second = (int(found[i] or 0) for i in range(2, 7))
    # Python has no year 0; the year 400 has the same days.
    shifted = year or 400
    try:
        days = date(shifted, month, day).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        return None
    if not year:
        days -= 146_097
    if hour > 23 or minute > 59 or second > 59:
        return None
    zone, offset, shown = found[7], 0, "Z"
    if zone != b"Z":
        hours, minutes = int(zone[1:3]), int(zone[3:5])
        offset = (hours * 60 + minutes) * (-1 if zone[:1] == b"-" else 1)
        if hours > 24 or minutes > 59 or not offset:
            return None
        shown = f"{zone[:1].decode()}{hours:02}:{minutes:02}"
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset * 60
    return Moment(seconds * 1_000_000_000, f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{shown}")
