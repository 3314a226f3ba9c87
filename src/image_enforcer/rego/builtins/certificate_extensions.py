"""What a certificate's extensions say, as Go's parser reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ..errors import BuiltinError
from ..meter import METER
from . import der
from .alternative_names import Names, Subtrees, alternative_names, read_constraints
from .byte_texts import as_utf8, from_bytes
from .der import ObjectId, Reader

SUBJECT_ALT_NAME: Final = (2, 5, 29, 17)
_AUTHORITY_INFO: Final = (1, 3, 6, 1, 5, 5, 7, 1, 1)
_OCSP: Final = (1, 3, 6, 1, 5, 5, 7, 48, 1)
_ISSUERS: Final = (1, 3, 6, 1, 5, 5, 7, 48, 2)
_PKIX_USAGE: Final = (1, 3, 6, 1, 5, 5, 7, 3)
EXTENDED_USAGES: Final[dict[ObjectId, int]] = {
    (2, 5, 29, 37, 0): 0,
    **{(*_PKIX_USAGE, i): i for i in range(1, 10)},
    (1, 3, 6, 1, 4, 1, 311, 10, 3, 3): 10,
    (2, 16, 840, 1, 113730, 4, 1): 11,
    (1, 3, 6, 1, 4, 1, 311, 2, 1, 22): 12,
    (1, 3, 6, 1, 4, 1, 311, 61, 1, 1): 13,
}
"""Extended key usages by Go's numbers."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension, unread."""

    oid: ObjectId
    critical: bool
    value: bytes


@dataclass(slots=True)
class Meaning:
    """What all extensions of a certificate together say."""

    key_usage: int = 0
    basic_constraints: bool = False
    is_ca: bool = False
    max_path: int = 0
    names: Names = field(default_factory=Names)
    permitted: Subtrees = field(default_factory=Subtrees)
    excluded: Subtrees = field(default_factory=Subtrees)
    constraints_critical: bool = False
    crl_points: list[str] = field(default_factory=list)
    authority_key: bytes | None = None
    subject_key: bytes | None = None
    explicit_policy: int | None = None
    inhibit_mapping: int | None = None
    inhibit_any: int | None = None
    usages: list[int] = field(default_factory=list)
    unknown_usages: list[ObjectId] = field(default_factory=list)
    policies: list[bytes] | None = None
    mappings: list[tuple[bytes, bytes]] = field(default_factory=list)
    ocsp: list[str] = field(default_factory=list)
    issuers: list[str] = field(default_factory=list)
    unhandled: list[ObjectId] = field(default_factory=list)


def understand(extensions: tuple[Extension, ...]) -> Meaning:
    """Read all of them; raises :class:`BuiltinError` at the first that is not well formed."""
    out = Meaning()
    for extension in extensions:
        METER.spend(20 + len(extension.value), 8 * len(extension.value) + 500)
        handled = _understand(extension, out)
        if extension.critical and not handled:
            out.unhandled.append(extension.oid)
    return out


def _understand(extension: Extension, out: Meaning) -> bool:
    oid, reader = extension.oid, Reader(extension.value)
    if oid == _AUTHORITY_INFO:
        if extension.critical:
            raise BuiltinError("x509: authority info access incorrectly marked critical")
        _authority_info(reader, out)
        return True
    if len(oid) != 4 or oid[:3] != (2, 5, 29):
        return False
    match oid[3]:
        case 15:
            bits = reader.bits()
            if bits is None:
                raise BuiltinError("x509: invalid key usage")
            out.key_usage = sum(1 << i for i in range(9) if bits.at(i))
        case 19:
            out.is_ca, out.max_path = _basic_constraints(reader)
            out.basic_constraints = True
        case 17:
            out.names = alternative_names(extension.value)
            return out.names.any
        case 30:
            out.constraints_critical = extension.critical
            return read_constraints(extension.value, out.permitted, out.excluded)
        case 31:
            _crl_points(reader, out)
        case 35:
            out.authority_key = _authority_key(extension, reader)
        case 36:
            _policy_constraints(reader, out)
        case 37:
            _usages(reader, out)
        case 14:
            if extension.critical:
                raise BuiltinError("x509: subject key identifier incorrectly marked critical")
            out.subject_key = reader.content(der.OCTET_STRING)
            if out.subject_key is None:
                raise BuiltinError("x509: invalid subject key identifier")
        case 32:
            out.policies = _policies(reader)
        case 33:
            _mappings(reader, out)
        case 54:
            out.inhibit_any = reader.small_integer()
            if out.inhibit_any is None:
                raise BuiltinError("x509: invalid inhibit any policy extension")
        case _:
            return False
    return True


def _basic_constraints(reader: Reader) -> tuple[bool, int]:
    fault = BuiltinError("x509: invalid basic constraints")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    ca = False
    if inner.peek(der.BOOLEAN):
        said = inner.boolean()
        if said is None:
            raise fault
        ca = said
    most = -1
    if inner.peek(der.INTEGER):
        found = inner.small_integer()
        if found is None or found < 0:
            raise fault
        most = found
    return ca, most


def _crl_points(reader: Reader, out: Meaning) -> None:
    points = reader.inner(der.SEQUENCE)
    if points is None:
        raise BuiltinError("x509: invalid CRL distribution points")
    fault = BuiltinError("x509: invalid CRL distribution point")
    while not points.empty:
        METER.spend(10, 300)
        point = points.inner(der.SEQUENCE)
        if point is None:
            raise fault
        if not point.peek(0xA0):
            continue
        name = point.inner(0xA0)
        full = None if name is None else name.inner(0xA0)
        if full is None:
            raise fault
        while full.peek(0x86):
            uri = full.content(0x86)
            if uri is None:
                raise fault
            out.crl_points.append(as_utf8(from_bytes(uri)))


def _authority_key(extension: Extension, reader: Reader) -> bytes | None:
    if extension.critical:
        raise BuiltinError("x509: authority key identifier incorrectly marked critical")
    fault = BuiltinError("x509: invalid authority key identifier")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    if not inner.peek(0x80):
        return None
    found = inner.content(0x80)
    if found is None:
        raise fault
    return found


def _policy_constraints(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid policy constraints extension")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    if inner.peek(0x80):
        out.explicit_policy = inner.small_integer(0x80)
        if out.explicit_policy is None:
            raise fault
    if inner.peek(0x81):
        out.inhibit_mapping = inner.small_integer(0x81)
        if out.inhibit_mapping is None:
            raise fault


def _usages(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid extended key usages")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    while not inner.empty:
        oid = inner.object_id()
        if oid is None:
            raise fault
        number = EXTENDED_USAGES.get(oid)
        if number is None:
            out.unknown_usages.append(oid)
        else:
            out.usages.append(number)


def _policies(reader: Reader) -> list[bytes]:
    fault = BuiltinError("x509: invalid certificate policies")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    found: dict[bytes, None] = {}
    while not inner.empty:
        policy = inner.inner(der.SEQUENCE)
        raw = None if policy is None else policy.content(der.OID)
        if raw is None or raw in found or not _well_formed_oid(raw):
            raise fault
        found[raw] = None
    return list(found)


def _well_formed_oid(raw: bytes) -> bool:
    if not raw or raw[-1] & 0x80:
        return False
    starts = True
    for byte in raw:
        if starts and byte == 0x80:
            return False
        starts = byte < 0x80
    return True


def _mappings(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid policy mappings extension")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    while not inner.empty:
        pair = inner.inner(der.SEQUENCE)
        issuer = None if pair is None else pair.content(der.OID)
        subject = None if pair is None or issuer is None else pair.content(der.OID)
        if issuer is None or subject is None:
            raise fault
        out.mappings.append((issuer, subject))


def _authority_info(reader: Reader, out: Meaning) -> None:
    fault = BuiltinError("x509: invalid authority info access")
    inner = reader.inner(der.SEQUENCE)
    if inner is None:
        raise fault
    while not inner.empty:
        access = inner.inner(der.SEQUENCE)
        method = None if access is None else access.object_id()
        if access is None or method is None:
            raise fault
        if not access.peek(0x86):
            continue
        uri = access.content(0x86)
        if uri is None:
            raise fault
        if method == _OCSP:
            out.ocsp.append(as_utf8(from_bytes(uri)))
        elif method == _ISSUERS:
            out.issuers.append(as_utf8(from_bytes(uri)))


def oid_text(raw: bytes) -> str:
    """An object identifier of any size, dotted."""
    METER.spend(len(raw), 4 * len(raw))
    if len(raw) > 10_000:
        raise BuiltinError("x509: object identifier too long")
    parts: list[int] = []
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            parts += (divmod(value, 40) if value < 80 else (2, value - 80)) if not parts else (value,)
            value = 0
    return ".".join(map(str, parts))


def small_oid(raw: bytes) -> list[int] | None:
    """An object identifier's parts where they fit 31 bits."""
    found = der.object_id(raw)
    return None if found is None else list(found)
