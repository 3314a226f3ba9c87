"""ASN.1 structures, read as Go's ``encoding/asn1`` reads them, whose faults have its texts.

Private keys and certificate requests are read this way; certificates themselves are not (see :mod:`.der`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from ..errors import BuiltinError
from ..meter import METER
from . import der
from .byte_texts import from_bytes
from .der import Bits, ObjectId
from .time_texts import LayoutError, scan

Kind: TypeAlias = Literal[
    "int", "big", "bool", "octets", "oid", "bits", "raw", "any", "struct", "sequence", "set", "text"
]  # fmt: skip
_TAGS: Final = {
    "bool": 1,
    "int": 2,
    "big": 2,
    "bits": 3,
    "octets": 4,
    "oid": 6,
    "struct": 16,
    "sequence": 16,
    "set": 17,
}
_NAMES: Final = {"int": "int", "bool": "bool", "oid": "ObjectIdentifier", "bits": "BitString", "raw": "RawValue"}
_COMPOUND: Final = frozenset({"struct", "sequence", "set"})
MAX_PARTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Part:
    """What may stand at a place: its kind, its Go name where it has one, and for structures what is inside."""

    kind: Kind
    name: str = ""
    parts: tuple[Part, ...] = ()
    optional: bool = False
    explicit: bool = False
    tag: int | None = None
    as_set: bool = False
    omit_empty: bool = False

    def shown(self) -> str:
        """The parameters as error texts show them."""
        flags = {
            "optional": self.optional, "explicit": self.explicit, "application": False, "private": False,
        }  # fmt: skip
        texts = [f"{k}:{str(v).lower()}" for k, v in flags.items()]
        texts += ["defaultValue:<nil>", f"tag:{'<nil>' if self.tag is None else self.tag}", "stringType:0"]
        texts += ["timeType:0", f"set:{str(self.as_set).lower()}", f"omitEmpty:{str(self.omit_empty).lower()}"]
        return "{" + " ".join(texts) + "}"


@dataclass(frozen=True, slots=True)
class Raw:
    """An element that is not looked into: its class, tag, content, and all of it."""

    cls: int
    tag: int
    compound: bool
    content: bytes
    whole: bytes


@dataclass(frozen=True, slots=True)
class Structure:
    """The parts of a SEQUENCE, None where an optional one is missing, and all of its bytes."""

    parts: tuple[Any, ...]
    whole: bytes


class Asn1Fault(BuiltinError):
    """What is wrong with the bytes."""


def structural(text: str) -> Asn1Fault:
    """Well formed, but not what was asked for."""
    return Asn1Fault(f"asn1: structure error: {text}")


def syntax(text: str) -> Asn1Fault:
    """Not well formed."""
    return Asn1Fault(f"asn1: syntax error: {text}")


def read(data: bytes, part: Part) -> tuple[Any, bytes]:
    """The value at the start of the bytes, and the bytes after it; raises :class:`Asn1Fault`."""
    METER.spend(len(data) >> 2, 4 * len(data))
    value, at = _field(data, 0, part)
    return value, data[at:]


@dataclass(frozen=True, slots=True)
class _Head:
    cls: int
    tag: int
    length: int
    compound: bool

    def __str__(self) -> str:
        return f"{{class:{self.cls} tag:{self.tag} length:{self.length} isCompound:{str(self.compound).lower()}}}"


def _head(data: bytes, at: int) -> tuple[_Head, int]:
    first = data[at]
    at += 1
    tag = first & 0x1F
    if tag == 0x1F:
        tag, at = _base128(data, at)
        if tag < 0x1F:
            raise syntax("non-minimal tag")
    if at >= len(data):
        raise syntax("truncated tag or length")
    length = data[at]
    at += 1
    if length & 0x80:
        count = length & 0x7F
        if not count:
            raise syntax("indefinite length found (not DER)")
        length = 0
        for _ in range(count):
            if at >= len(data):
                raise syntax("truncated tag or length")
            if length >= 1 << 23:
                raise structural("length too large")
            length = length << 8 | data[at]
            at += 1
            if not length:
                raise structural("superfluous leading zeros in length")
        if length < 0x80:
            raise structural("non-minimal length")
    return _Head(first >> 6, tag, length, bool(first & 0x20)), at


def _base128(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(len(data) - at + 1):
        if at >= len(data):
            break
        if n == 5:
            raise structural("base 128 integer too large")
        byte = data[at]
        if not n and byte == 0x80:
            raise syntax("integer is not minimally encoded")
        value = value << 7 | byte & 0x7F
        at += 1
        if byte < 0x80:
            if value > 0x7FFFFFFF:
                raise structural("base 128 integer too large")
            return value, at
    raise syntax("truncated base 128 integer")


def _field(data: bytes, start: int, part: Part) -> tuple[Any, int]:
    if start == len(data):
        if not part.optional:
            raise syntax("sequence truncated")
        return None, start
    if part.kind == "any":
        return _anything(data, start)
    head, at = _head(data, start)
    if part.explicit:
        if at == len(data):
            raise structural("explicit tag has no child")
        if head.cls == 2 and head.tag == part.tag and (not head.length or head.compound):
            if not head.length:
                raise structural("zero length explicit tag was not an asn1.Flag")
            head, at = _head(data, at)
        elif part.optional:
            return None, start
        else:
            raise structural("explicitly tagged member didn't match")
    free = part.kind == "raw"
    want_class, want_tag = 0, 17 if part.as_set else _TAGS.get(part.kind, -1)
    if not part.explicit and part.tag is not None:
        free, want_class, want_tag = False, 2, part.tag
    matches = free or (head.cls == want_class and head.tag == want_tag)
    if not matches or (part.kind != "raw" and head.compound != (part.kind in _COMPOUND)):
        if part.optional:
            return None, start
        name = part.name or _NAMES.get(part.kind, "")
        raise structural(f"tags don't match ({want_tag} vs {head}) {part.shown()} {name} @{at}")
    end = at + head.length
    if end > len(data):
        raise syntax("data truncated")
    return _value(part, head, data[at:end], data[start:end]), end


def _value(part: Part, head: _Head, content: bytes, whole: bytes) -> Any:
    match part.kind:
        case "raw":
            return Raw(head.cls, head.tag, head.compound, content, whole)
        case "oid":
            return object_id(content)
        case "bits":
            return bit_string(content)
        case "big":
            return _integer(content)
        case "int":
            return _small(content)
        case "bool":
            return _boolean(content)
        case "struct":
            values, at = [], 0
            for inner in part.parts:
                value, at = _field(content, at, inner)
                values.append(value)
            return Structure(tuple(values), whole)
        case "sequence" | "set":
            return _sequence(content, part.parts[0])
        case _:
            return content


def _sequence(data: bytes, part: Part) -> list[Any]:
    at = count = 0
    free = part.kind == "raw"
    want = _TAGS.get(part.kind, -1)
    while at < len(data):
        head, at = _head(data, at)
        if not free and (head.cls or head.compound != (part.kind in _COMPOUND) or head.tag != want):
            raise structural("sequence tag mismatch")
        if at + head.length > len(data):
            raise syntax("truncated sequence")
        at += head.length
        count += 1
    METER.spend(20 * count, 200 * count)
    values, at = [], 0
    for _ in range(count):
        value, at = _field(data, at, part)
        values.append(value)
    return values


def _integer(content: bytes) -> int:
    if not content:
        raise structural("empty integer")
    value = der.shortest_integer(content)
    if value is None:
        raise structural("integer not minimally-encoded")
    return value


def _small(content: bytes) -> int:
    value = _integer(content)
    if len(content) > 8:
        raise structural("integer too large")
    return value


def _boolean(content: bytes) -> bool:
    if content not in (b"\x00", b"\xff"):
        raise syntax("invalid boolean")
    return content == b"\xff"


def object_id(content: bytes) -> ObjectId:
    """The parts of an OBJECT IDENTIFIER."""
    if not content:
        raise syntax("zero length OBJECT IDENTIFIER")
    value, at = _base128(content, 0)
    parts = [*divmod(value, 40)] if value < 80 else [2, value - 80]
    while at < len(content):
        value, at = _base128(content, at)
        parts.append(value)
    return tuple(parts)


def bit_string(content: bytes) -> Bits:
    """A BIT STRING."""
    if not content:
        raise syntax("zero length BIT STRING")
    over = content[0]
    if over > 7 or (len(content) == 1 and over) or content[-1] & ((1 << over) - 1):
        raise syntax("invalid padding bits in BIT STRING")
    return Bits(content[1:], 8 * (len(content) - 1) - over)


def _anything(data: bytes, start: int) -> tuple[Any, int]:
    """A value of any simple type; None for others."""
    head, at = _head(data, start)
    end = at + head.length
    if end > len(data):
        raise syntax("data truncated")
    if head.compound or head.cls:
        return None, end
    return simple(head.tag, data[at:end]), end


_PRINTABLE: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'()+,-./ :=?*&")


def is_printable(raw: bytes) -> bool:
    """Whether all bytes may stand in a PrintableString, taken as generously as it is in practice."""
    return _PRINTABLE.issuperset(raw)


def simple(tag: int, content: bytes) -> Any:
    """What an element with a universal tag holds: a string, number, :class:`Bits`, time or bytes; None for others."""
    match tag:
        case 1:
            return _boolean(content)
        case 2:
            return _small(content)
        case 3:
            return bit_string(content)
        case 4:
            return content
        case 6:
            return object_id(content)
        case 12:
            try:
                return content.decode()
            except UnicodeDecodeError:
                raise Asn1Fault("asn1: invalid UTF-8 string") from None
        case 18:
            if not set(content) <= set(b"0123456789 "):
                raise syntax("NumericString contains invalid character")
        case 19:
            if not is_printable(content):
                raise syntax("PrintableString contains invalid character")
        case 20:
            return content.decode("latin-1")
        case 22:
            if not content.isascii():
                raise syntax("IA5String contains invalid character")
        case 23 | 24:
            return _time(content, utc=tag == 23)
        case 30:
            return bmp_string(content)
        case _:
            return None
    return content.decode()


_FRACTION: Final = re.compile(rb"(\d{14})\.(\d{0,8}[1-9])([Z+-].*)")


def _time(content: bytes, *, utc: bool) -> der.Moment:
    """A time; only one of four digits for its year may have a fraction of a second."""
    found = der.utc_time(content) if utc else der.generalized_time(content)
    if found is not None:
        return found
    parts = None if utc else _FRACTION.fullmatch(content)
    whole = None if parts is None else der.generalized_time(parts[1] + parts[3])
    if parts is not None and whole is not None:
        digits = parts[2].decode()
        text = f"{whole.text[:19]}.{digits}{whole.text[19:]}"
        return der.Moment(whole.ns + int(digits.ljust(9, "0")), text)
    try:
        scan("060102150405Z0700" if utc else "20060102150405.999999999Z0700", from_bytes(content))
    except LayoutError as fault:
        raise Asn1Fault(str(fault)) from None
    raise Asn1Fault("asn1: time did not serialize back to the original value and may be invalid")


def bmp_string(content: bytes) -> str:
    """Text of two bytes a character."""
    if len(content) % 2:
        raise Asn1Fault("invalid BMPString")
    if content[-2:] == b"\x00\x00":
        content = content[:-2]
    units = [int.from_bytes(content[i : i + 2], "big") for i in range(0, len(content), 2)]
    if any(u >= 0xFFFE or 0xFDD0 <= u <= 0xFDEF or 0xD800 <= u <= 0xDFFF for u in units):
        raise Asn1Fault("invalid BMPString")
    return "".join(map(chr, units))
