"""Names in certificates: who was certified, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..errors import BuiltinError
from ..meter import METER
from ..values import Value
from . import asn1_structures, der
from .byte_texts import from_bytes
from .der import ObjectId, Reader
from .keys import base64_text

_LISTS: Final = {
    6: "Country", 7: "Locality", 8: "Province", 9: "StreetAddress", 10: "Organization", 11: "OrganizationalUnit",
    17: "PostalCode",
}  # fmt: skip
_SINGLE: Final = {3: "CommonName", 5: "SerialNumber"}


@dataclass(frozen=True, slots=True)
class Name:
    """The attributes of a name, in order."""

    attributes: tuple[tuple[ObjectId, Any], ...]

    def value(self) -> Value:
        """The name as Go's JSON has it: known attributes by their names, then all of them."""
        METER.spend(20 * len(self.attributes), 400 * len(self.attributes))
        out: dict[str, Any] = dict.fromkeys((*_LISTS.values(), "ExtraNames"))
        out |= dict.fromkeys(_SINGLE.values(), "")
        for oid, text in self.attributes:
            if oid[:3] != (2, 5, 4) or len(oid) != 4 or not isinstance(text, str):
                continue
            if oid[3] in _SINGLE:
                out[_SINGLE[oid[3]]] = text
            elif oid[3] in _LISTS:
                name = _LISTS[oid[3]]
                out[name] = [*(out[name] or ()), text]
        names = [{"Type": list(oid), "Value": shown(v)} for oid, v in self.attributes]
        out["Names"] = names or None
        return out


def shown(value: Any) -> Value:
    """An attribute's value of whatever type, as Go's JSON has it."""
    match value:
        case bytes():
            return base64_text(value)
        case tuple():
            return list(value)
        case der.Bits(data, length):
            return {"Bytes": base64_text(data), "BitLength": length}
        case der.Moment(_, text):
            return text
        case _:
            return value


def parse_name(raw: bytes) -> Name:
    """The name in a certificate; raises :class:`BuiltinError`."""
    sequence = Reader(raw).inner(der.SEQUENCE)
    if sequence is None:
        raise BuiltinError("x509: invalid RDNSequence")
    attributes: list[tuple[ObjectId, Any]] = []
    while not sequence.empty:
        found = sequence.inner(der.SET)
        if found is None:
            raise BuiltinError("x509: invalid RDNSequence")
        while not found.empty:
            attributes.append(_attribute(found))
    return Name(tuple(attributes))


def _attribute(reader: Reader) -> tuple[ObjectId, str]:
    METER.spend(10, 300)
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise BuiltinError("x509: invalid RDNSequence: invalid attribute")
    oid = inner.object_id()
    if oid is None:
        raise BuiltinError("x509: invalid RDNSequence: invalid attribute type")
    value = inner.any()
    if value is None:
        raise BuiltinError("x509: invalid RDNSequence: invalid attribute value")
    try:
        return oid, _text(value[0], value[1])
    except _TextFault as fault:
        raise BuiltinError(f"x509: invalid RDNSequence: invalid attribute value: {fault}") from None


class _TextFault(Exception):
    """What is wrong with a string."""


def _text(tag: int, raw: bytes) -> str:
    match tag:
        case der.T61_STRING:
            return raw.decode("latin-1")
        case der.PRINTABLE_STRING:
            if not asn1_structures.is_printable(raw):
                raise _TextFault("invalid PrintableString")
        case der.UTF8_STRING:
            try:
                return raw.decode()
            except UnicodeDecodeError:
                raise _TextFault("invalid UTF-8 string") from None
        case der.BMP_STRING:
            try:
                return asn1_structures.bmp_string(raw)
            except asn1_structures.Asn1Fault as fault:
                raise _TextFault(str(fault)) from None
        case der.IA5_STRING:
            if not raw.isascii():
                raise _TextFault("invalid IA5String")
        case der.NUMERIC_STRING:
            if not set(raw) <= set(b"0123456789 "):
                raise _TextFault("invalid NumericString")
        case _:
            raise _TextFault(f"unsupported string type: {tag}")
    return from_bytes(raw)
